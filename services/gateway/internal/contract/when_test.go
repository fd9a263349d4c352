package contract_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/services/gateway/internal/contract"
)

func TestAnEndOfASpanIsReadInEveryForm(t *testing.T) {
	for text, want := range map[string]struct {
		day, civil bool
		time       string
	}{
		"2026-09-01":                        {day: true, time: "2026-09-01T00:00:00Z"},
		"2026-09-01T06:30:00Z":              {time: "2026-09-01T06:30:00Z"},
		"2026-09-01t06:30:00z":              {time: "2026-09-01T06:30:00Z"},
		"2026-09-01T06:30Z":                 {time: "2026-09-01T06:30:00Z"},
		"2026-09-01 06:30:00.25+02:00":      {time: "2026-09-01T04:30:00.25Z"},
		"2026-09-01T06:30:00-0530":          {time: "2026-09-01T12:00:00Z"},
		"2026-09-01T06:30:00+02":            {time: "2026-09-01T04:30:00Z"},
		"2026-09-01T06:30:00":               {civil: true, time: "2026-09-01T06:30:00Z"},
		"2026-09-01 06:30":                  {civil: true, time: "2026-09-01T06:30:00Z"},
		"2026-09-01T06:30:00.123456789":     {civil: true, time: "2026-09-01T06:30:00.123456789Z"},
		"1788244200":                        {time: "2026-09-01T06:30:00Z"},
		"1788244200.5":                      {time: "2026-09-01T06:30:00.5Z"},
		"1.7882442e9":                       {time: "2026-09-01T06:30:00Z"},
		"+1788244200":                       {time: "2026-09-01T06:30:00Z"},
		"-86400":                            {time: "1969-12-31T00:00:00Z"},
		"0":                                 {time: "1970-01-01T00:00:00Z"},
		"20260901":                          {time: "1970-08-23T12:01:41Z"}, // what reads as a number is seconds
		"2999-12-31T23:59:59.999999999Z":    {time: "2999-12-31T23:59:59.999999999Z"},
		"2026-09-01T00:00:00.0000000000001": {civil: true, time: "2026-09-01T00:00:00Z"},
	} {
		w, err := contract.ParseWhen(text)
		if err != nil || w.Day != want.day || w.Civil != want.civil || w.Time.Format(time.RFC3339Nano) != want.time {
			t.Errorf("%s is read as %+v, %v; want %+v", text, w, err, want)
		}
	}
}

func TestWhatIsNoTimeIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "yesterday", "nan", "inf", "-inf", "1e400", "1e12", "0x10", "1_000", "1,5", "2026", "2026-9-1", "2026-13-01", "2026-02-30", "2026-W36-1",
		"2026-09-01T", "2026-09-01T6:30", "2026-09-01T25:00", "2026-09-01T06:30:61", "2026-09-01T06:30:00+2", "2026-09-01T06:30:00+99:00",
		"2026-09-01Z", "1899-12-31", "3000-01-01", "0001-01-01T00:00:00", "2026-09-01T06:30:00\n", "٢٠٢٦-٠٩-٠١",
	} {
		w, err := contract.ParseWhen(text)
		if text == "2026" { // a number, and so 34 minutes past 1970
			if err != nil || w.Time.Unix() != 2026 {
				t.Errorf("2026 is %+v, %v", w, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%q is read as %+v", text, w)
		}
	}
	if _, err := contract.ParseWhen("2026-09-01T06:30:00 02:00"); err == nil || !strings.Contains(err.Error(), "%2B") {
		t.Errorf("a plus that became a space is answered with %v", err)
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, text := range []string{"2026-09-01", "2026-09-01T06:30:00+02:00", "1788244200.5", "-1e9", "2026-09-01 06:30"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := contract.ParseWhen(text)
		if err != nil {
			return
		}
		if y := w.Time.Year(); y < 1900 || y > 2999 || w.Time.Location() != time.UTC || (w.Day && w.Civil) {
			t.Errorf("%q is read as %+v", text, w)
		}
		if w.Earliest().After(w.Latest()) || (!w.Local() && !w.Earliest().Equal(w.Latest())) {
			t.Errorf("%q begins after its end: %s, %s", text, w.Earliest(), w.Latest())
		}
	})
}

func TestASpanOfMixedEnds(t *testing.T) {
	for span, ok := range map[[2]string]bool{
		{"2026-09-01", "2026-09-01T00:00:01"}:           true,
		{"2026-09-01T06:00:00", "2026-09-01T06:00:00"}:  false,
		{"2026-09-02", "2026-09-01T23:59:59"}:           false,
		{"1788244200", "2026-09-01T06:30:01Z"}:          true,
		{"1788244200", "1788244200"}:                    false,
		{"2026-09-01T06:00:00", "2026-09-01T05:00:00Z"}: true, // where the clock showed 6 before it was 5 in UTC
		{"2026-09-01T23:00:00", "2026-09-01T02:00:00Z"}: false,
	} {
		if _, _, err := contract.ParseSpan(span[0], span[1]); (err == nil) != ok {
			t.Errorf("%v: %v", span, err)
		}
	}
}
