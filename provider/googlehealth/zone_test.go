package googlehealth

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// zoneCloud answers a page of two exercises, the second without an offset, and the
// settings with what it is told to.
func zoneCloud(t *testing.T, account string, settings http.HandlerFunc) (c *provider.Connector, asked *int) {
	asked = new(int)
	point := `{"name":"users/` + account + `/dataTypes/exercise/dataPoints/%d","exercise":{"interval":{"startTime":"2026-07-0%[1]dT22:30:00Z"%s}}}`
	page := `{"dataPoints":[` + fmt.Sprintf(point, 2, `,"startUtcOffset":"-3600s"`) + `,` + fmt.Sprintf(point, 1, ``) + `]}`
	return served(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v4/users/me/settings" {
			*asked++
			settings(w, r)
			return
		}
		_, _ = io.WriteString(w, page)
	}), asked
}

func TestTheZoneOfAnAccountIsAskedForOnce(t *testing.T) {
	c, asked := zoneCloud(t, "88", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"timeZone":"Europe/Rome"}`) })
	for range 3 {
		page, err := listFrom(t, c, "")
		if err != nil {
			t.Fatal(err)
		}
		own, bare := page.Records[0], page.Records[1]
		if own.Context.TimeZone != "Europe/Rome" || own.Context.OffsetSource != events.OffsetFromRecord || own.Context.UTCOffsetSeconds != nil {
			t.Errorf("a record with an offset has the context %+v", own.Context)
		}
		if bare.Context.OffsetSource != events.OffsetFromProfile || *bare.Context.UTCOffsetSeconds != 7200 || bare.StartedAt.Format(time.RFC3339) != "2026-07-02T00:30:00+02:00" {
			t.Errorf("a record without an offset has the context %+v, start %s", bare.Context, bare.StartedAt)
		}
		w, err := exerciseNormalizer{}.Normalize(provider.Record{Context: bare.Context, Raw: []byte(`{"exercise":{"interval":{"startTime":"2026-07-01T22:30:00Z","endTime":"2026-07-01T23:30:00Z"}}}`)})
		if err != nil || *w.LocalDate != "2026-07-02" || *w.ZoneOffset != "+02:00" {
			t.Errorf("the workout is of %v, error %v", w.LocalDate, err)
		}
	}
	if *asked != 1 {
		t.Errorf("asked %d times", *asked)
	}
}

func TestZonesThatAreNotKnown(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		asked  int // in two readings
		fails  bool
		zone   string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 403, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE", "")
		}, 1, false, ""},
		"none":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }, 1, false, ""},
		"unheard": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"timeZone":"Moon/Base"}`) }, 1, false, "Moon/Base"},
		"ours":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"timeZone":"Local"}`) }, 1, false, ""},
		"not now": {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "UNAVAILABLE", "", "") }, 2, true, ""},
		"broken":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"timeZone":7}`) }, 2, true, ""},
	} {
		c, asked := zoneCloud(t, "88", test.answer)
		for range 2 {
			page, err := listFrom(t, c, "")
			if (err != nil) != test.fails {
				t.Fatalf("%s: error %v", name, err)
			}
			if err == nil {
				bare := page.Records[1].Context
				if bare.OffsetSource != events.OffsetUnknown || bare.UTCOffsetSeconds != nil || bare.TimeZone != test.zone {
					t.Errorf("%s: the context is %+v", name, bare)
				}
			}
		}
		if *asked != test.asked {
			t.Errorf("%s: asked %d times", name, *asked)
		}
	}
}

// A page whose records all name their offset does not need the zone.
func TestSettingsThatCannotBeReadNow(t *testing.T) {
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v4/users/me/settings" {
			refuse(w, 503, "UNAVAILABLE", "", "")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"dataPoints":[{"name":"users/88/dataTypes/exercise/dataPoints/1","exercise":{"interval":{"startTime":"2026-07-01T22:30:00Z","startUtcOffset":"0s"}}}]}`)
	})
	page, err := listFrom(t, c, "")
	if err != nil || len(page.Records) != 1 || page.Records[0].Context.TimeZone != "" || page.Records[0].Context.OffsetSource != events.OffsetFromRecord {
		t.Errorf("got %+v, error %v", page.Records, err)
	}
}

// A refreshed token is still the same account's.
func TestAZoneOutlivesAToken(t *testing.T) {
	c, asked := zoneCloud(t, "88", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"timeZone":"Europe/Rome"}`) })
	for _, token := range []provider.Secret{"first", "second"} {
		if _, err := c.Sources[0].List.List(t.Context(), provider.ListRequest{Token: token, Window: testWindow()}); err != nil {
			t.Fatal(err)
		}
	}
	if *asked != 1 {
		t.Errorf("asked %d times", *asked)
	}
}

// Where records do not name the account, two of them must not share a zone.
func TestAccountsDoNotShareAZone(t *testing.T) {
	zones := map[string]string{"Bearer first": "Europe/Rome", "Bearer second": "Asia/Tokyo"}
	c, _ := zoneCloud(t, "me", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"timeZone":%q}`, zones[r.Header.Get("Authorization")])
	})
	for token, want := range map[provider.Secret]string{"first": "Europe/Rome", "second": "Asia/Tokyo"} {
		page, err := c.Sources[0].List.List(t.Context(), provider.ListRequest{Token: token, Window: testWindow()})
		if err != nil {
			t.Fatal(err)
		}
		if got := page.Records[1].Context.TimeZone; got != want {
			t.Errorf("the zone is %q, want %q", got, want)
		}
	}
}

func TestAZoneIsReadAnewAfterADay(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	asked := 0
	c := served(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		writeJSON(w, 200, map[string]any{"timeZone": "Europe/Rome"})
	})
	f, ok := c.Sources[0].List.(*exercises)
	if !ok {
		t.Fatalf("the list is a %T", c.Sources[0].List)
	}
	f.zones.now = func() time.Time { return now }
	for _, step := range []time.Duration{0, zoneLife - time.Second, time.Second} {
		now = now.Add(step)
		if _, err := f.zones.of(t.Context(), "token", "88"); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}
