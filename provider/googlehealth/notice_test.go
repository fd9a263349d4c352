package googlehealth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// shown is a change as text: the account, its window, the ids.
func shown(c provider.AccountChange) string {
	window := "any time"
	if c.Window != nil {
		window = c.Window.From.Format(time.RFC3339) + " to " + c.Window.To.Format(time.RFC3339)
	}
	if c.Kind != kindActivity {
		window += " of " + c.Kind
	}
	return fmt.Sprintf("%s %s %v", c.AccountID, window, c.Suspects)
}

// The forms of section 6.
func TestWhatNotificationsSay(t *testing.T) {
	item := func(members string) string {
		return `{"data":{"version":"1","healthUserId":"42","dataType":"exercise",` + members + `}}`
	}
	const (
		physical = `"physicalTimeInterval":{"startTime":"2026-10-03T06:30:00Z","endTime":"2026-10-03T07:12:30Z"}`
		iso      = `"civilIso8601TimeInterval":{"startTime":"2026-10-03T08:30:00","endTime":"2026-10-03T09:12:30"}`
		parts    = `"civilDateTimeInterval":{"startDateTime":{"date":{"year":2026,"month":10,"day":3},"time":{"hours":8,"minutes":30}},"endDateTime":{"date":{"year":2026,"month":10,"day":4},"time":{}}}`
	)
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"all forms":         {item(`"operation":"UPSERT","intervals":[{` + parts + `,` + iso + `,` + physical + `}]`), []string{"42 2026-10-03T06:30:00Z to 2026-10-03T07:12:31Z []"}},
		"ISO civil":         {item(`"operation":"UPSERT","intervals":[{` + parts + `,` + iso + `}]`), []string{"42 2026-10-02T18:30:00Z to 2026-10-03T23:12:31Z []"}},
		"civil in parts":    {item(`"operation":"UPSERT","intervals":[{` + parts + `}]`), []string{"42 2026-10-02T18:30:00Z to 2026-10-04T14:00:01Z []"}},
		"two intervals":     {item(`"operation":"UPSERT","intervals":[{` + physical + `},{"physicalTimeInterval":{"startTime":"2026-10-01T00:00:00Z","endTime":"2026-10-01T00:00:00Z"}}]`), []string{"42 2026-10-01T00:00:00Z to 2026-10-03T07:12:31Z []"}},
		"no interval":       {item(`"operation":"UPSERT"`), []string{"42 any time []"}},
		"a broken one":      {item(`"operation":"UPSERT","intervals":[{"physicalTimeInterval":{"startTime":"2026-10-03T07:12:30Z","endTime":"2026-10-03T06:30:00Z"}},7]`), []string{"42 any time []"}},
		"a deletion":        {item(`"operation":"DELETE","recordId":"777","intervals":[{` + physical + `,` + iso + `}]`), []string{"42 2026-10-03T06:30:00Z to 2026-10-03T07:12:31Z [777]"}},
		"a bare deletion":   {item(`"operation":"DELETE","recordId":"777"`), []string{"42 any time [777]"}},
		"of no record":      {item(`"operation":"DELETE","intervals":[{` + physical + `}]`), []string{"42 2026-10-03T06:30:00Z to 2026-10-03T07:12:31Z []"}},
		"of an odd id":      {item(`"operation":"DELETE","recordId":"../777"`), []string{"42 any time []"}},
		"a new operation":   {item(`"operation":"MERGE","recordId":"777","intervals":[{` + physical + `}]`), []string{"42 2026-10-03T06:30:00Z to 2026-10-03T07:12:31Z []"}},
		"other data":        {strings.Replace(item(`"operation":"UPSERT"`), "exercise", "sleep", 1), nil},
		"nobody":            {`{"data":{"operation":"UPSERT","dataType":"exercise"}}`, nil},
		"no data":           {`[{},{"type":"verification"}]`, nil},
		"an empty array":    {"\ufeff [ ] ", nil},
		"several, in order": {"[" + item(`"operation":"UPSERT"`) + "," + strings.Replace(item(`"operation":"DELETE","recordId":"1"`), `"42"`, `"43"`, 1) + "]", []string{"42 any time []", "43 any time [1]"}},
	} {
		changes, err := parseNotification([]byte(test.body))
		var got []string
		for _, c := range changes {
			got = append(got, shown(c))
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, error %v, want %q", name, got, err, test.want)
		}
	}
	for _, body := range []string{"", "7", "null", `"x"`, "[", `[7]`, `[{]`, `{"data":`, "<html>", "[" + strings.Repeat("{},", maxItems) + "{}]"} {
		if changes, err := parseNotification([]byte(body)); err == nil {
			t.Errorf("%.30s says %v", body, changes)
		}
	}
}

func FuzzNotification(f *testing.F) {
	f.Add([]byte(upsert))
	f.Add([]byte(`{"data":{"healthUserId":"42","operation":"DELETE","dataType":"exercise","recordId":"777","intervals":[{"civilIso8601TimeInterval":{"startTime":"2026-10-02","endTime":"2026-10-03T06:00"}}]}}`))
	f.Add([]byte(`{"data":{"healthUserId":"42","operation":"UPSERT","dataType":"exercise","intervals":[{"civilDateTimeInterval":{"startDateTime":{"date":{"year":2026,"month":"2","day":31},"time":{"hours":24}},"endDateTime":{"date":{"year":9000,"month":12,"day":31}}}}]}}`))
	f.Add([]byte(`{"type":"verification"}`))
	f.Add([]byte(`[[]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = isHandshake(body)
		changes, err := parseNotification(body)
		if err != nil {
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(body), byteOrderMark))) {
			t.Fatalf("no JSON, and yet it says %v", changes)
		}
		for _, c := range changes {
			if !accountForm.MatchString(c.AccountID) {
				t.Fatalf("an impossible account: %q", c.AccountID)
			}
			if w := c.Window; w != nil && (!w.From.Before(w.To) || w.From.Year() < 1890 || w.To.Year() > 9010) {
				t.Fatalf("an impossible window: %v", *w)
			}
			for _, id := range c.Suspects {
				if !idForm.MatchString(id) {
					t.Fatalf("an impossible id: %q", id)
				}
			}
		}
	})
}
