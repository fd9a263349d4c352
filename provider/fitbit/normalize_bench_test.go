package fitbit

import (
	"os"
	"testing"

	"github.com/stridelog/stridelog/provider"
)

// BenchmarkNormalize is what one record of common size costs.
func BenchmarkNormalize(b *testing.B) {
	record, err := os.ReadFile("testdata/records/full_metric.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (activityNormalizer{}).Normalize(provider.Record{Provider: Name, Format: FormatActivityList, Raw: record}); err != nil {
			b.Fatal(err)
		}
	}
}
