// Package twin knows when two records are one activity under two ids: the
// provider's own, and one that only a file of an export has.
package twin

import (
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// How far two records of one activity may be apart. Measured over accounts whose
// export has the activities twice, under two kinds of ids.
const (
	StartApart    = 2 * time.Minute
	durationApart = 3 * time.Minute
)

// Are says whether two records are one activity, by how far their starts and their
// durations are apart.
func Are(starts, durations time.Duration) bool {
	return starts.Abs() <= StartApart && durations.Abs() <= durationApart
}

// Duration is how long a record's activity lasted; zero when nobody can say.
func Duration(n provider.Normalizers, data *events.ActivityFetched) time.Duration {
	normalizer, known := n[data.Format]
	if !known {
		return 0
	}
	w, err := normalizer.Normalize(provider.Record{
		Provider: data.Provider, ExternalID: data.ExternalID, Format: data.Format, Raw: data.Raw, Context: data.Context,
	})
	if err != nil {
		return 0
	}
	return w.EndTime.Sub(w.StartTime)
}
