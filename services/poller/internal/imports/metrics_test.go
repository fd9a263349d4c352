package imports

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Every number of a report but the sum of them all is counted, under its name there.
func TestEveryOutcomeOfARecordIsCounted(t *testing.T) {
	var c Counts
	for i := range reflect.ValueOf(c).NumField() {
		reflect.ValueOf(&c).Elem().Field(i).SetInt(int64(i + 1))
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	if err := json.Unmarshal(text, &want); err != nil || len(want) < 8 {
		t.Fatalf("the report has %v: %v", want, err)
	}
	delete(want, "found")
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	m.end(store.ImportLease{}, "success", nil, c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "stridelog_poller_import_records_total" {
			continue
		}
		for _, one := range f.GetMetric() {
			for _, label := range one.GetLabel() {
				if label.GetName() == "result" {
					got[label.GetValue()] = one.GetCounter().GetValue()
				}
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted are\n%v\nwant\n%v", got, want)
	}
}
