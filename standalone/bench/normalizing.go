package main

import (
	"context"
	"fmt"
	"io"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
)

// normalizeTimes is how often the records of a round are normalized.
const normalizeTimes = 5

// normalizing measures how many records a second one core normalizes: those that the
// last backfill put into the log, by the connector's normalizer alone.
func normalizing(ctx context.Context, s *stores, b *backfilling, out io.Writer) error {
	normalizers := catalog.Normalizers()
	var records []provider.Record
	_, err := b.bus.Read(ctx, events.StreamFacts, []string{events.TypeSubjects(events.TypeActivityFetched)}, 1, func(d bus.Delivery) error {
		data, ok := d.Event.Data.(*events.ActivityFetched)
		if ok && len(records) < b.records {
			records = append(records, provider.Record{
				Provider: data.Provider, ExternalID: data.ExternalID, Format: data.Format, Raw: data.Raw, Context: data.Context,
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	before := s.spent()
	for range normalizeTimes {
		for _, r := range records {
			if _, err := normalizers[r.Format].Normalize(r); err != nil {
				return err
			}
		}
	}
	spent := s.spent().minus(before)
	fmt.Fprintf(out, "normalizing: %.0f records/s of a core's time (%d records of %s, %d times, one goroutine and the garbage collector)\n",
		normalizeTimes*float64(len(records))/spent.own, len(records), b.connector.DisplayName, normalizeTimes)
	return nil
}
