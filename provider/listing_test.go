package provider_test

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
)

func TestReadPast(t *testing.T) {
	limit := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	above, below := limit, limit.Add(-time.Second)
	for name, test := range map[string]struct {
		page []*time.Time // nil: an activity without a readable start
		want bool
	}{
		"nothing":               {nil, false},
		"above":                 {[]*time.Time{&above, &above, &above}, false},
		"below":                 {[]*time.Time{&above, &below, &below, &below}, true},
		"one out of order":      {[]*time.Time{&above, &above, &below}, false},
		"one of three in order": {[]*time.Time{&below, &below, &above}, false},
		"few, all below":        {[]*time.Time{&below}, true},
		"unreadable between":    {[]*time.Time{&below, nil, &below, nil, &below}, true},
		"nothing readable":      {[]*time.Time{nil, nil}, false},
	} {
		var page []provider.Record
		for _, at := range test.page {
			page = append(page, provider.Record{StartedAt: at})
		}
		if got := provider.ReadPast(page, provider.OrderStart, limit); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestMadeUpID(t *testing.T) {
	volatile := []string{"name"}
	id := provider.MadeUpID([]byte(`{"a":1,"name":"Run"}`), volatile)
	if !provider.IsMadeUpID(id) || provider.IsMadeUpID("7") {
		t.Errorf("%s is not told from a provider's id", id)
	}
	if other := provider.MadeUpID([]byte(`{"name":"Lauf", "a":1}`), volatile); other != id {
		t.Errorf("the same record gets %s and %s", id, other)
	}
	if other := provider.MadeUpID([]byte(`{"a":2,"name":"Run"}`), volatile); other == id {
		t.Error("two records share an id")
	}
	if broken := provider.MadeUpID([]byte(`{`), volatile); !provider.IsMadeUpID(broken) {
		t.Errorf("a broken record gets %s", broken)
	}
}
