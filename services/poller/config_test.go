package poller

import (
	"strings"
	"testing"
	"time"
)

func TestNewNamesEveryFault(t *testing.T) {
	_, err := New(Config{Lease: time.Millisecond, Jitter: -1, Workers: -1, AbsenceConfirm: -1, Rescan: []Scan{{Span: 0, Every: time.Hour}, {Span: time.Hour, Every: time.Hour}, {Span: time.Hour, Every: time.Minute}}})
	if err == nil {
		t.Fatal("a configuration full of faults is accepted")
	}
	for _, word := range []string{"required", "InitialDays", "Lease", "Jitter", "Workers", "AbsenceConfirm", "needs a span", "two scans"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not speak of %q: %v", word, err)
		}
	}
}
