package fold_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const benchFacts = 20_000

// BenchmarkFitbit is the way of a Fitbit record of common size from the message to
// the row and its announcement, in batches of 1,000.
func BenchmarkFitbit(b *testing.B) {
	const size = 1000
	facts, deliveries := fitbitSetup(b)
	next := 0
	for b.Loop() {
		if next+size > len(deliveries) {
			b.StopTimer()
			facts, deliveries = fitbitSetup(b)
			next = 0
			b.StartTimer()
		}
		batch := deliveries[next : next+size]
		for i := range batch {
			batch[i].Event, batch[i].Err = events.Decode(batch[i].Message)
		}
		if err := facts.Fold(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		next += size
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "facts/s")
}

// BenchmarkFitbitRebuild is BenchmarkRebuild with Fitbit records.
func BenchmarkFitbitRebuild(b *testing.B) {
	facts, _ := fitbitSetup(b)
	benchRebuild(b, facts)
}

// BenchmarkFold measures the fold of new facts and their announcement, by the size
// of a batch; decoding the messages is not in it.
func BenchmarkFold(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			facts, deliveries := benchSetup(b)
			next := 0
			for b.Loop() {
				if next+size > len(deliveries) {
					b.StopTimer()
					facts, deliveries = benchSetup(b)
					next = 0
					b.StartTimer()
				}
				if err := facts.Fold(b.Context(), deliveries[next:next+size]); err != nil {
					b.Fatal(err)
				}
				next += size
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "facts/s")
		})
	}
}

// BenchmarkRebuild measures the way from the log to the serving tables.
func BenchmarkRebuild(b *testing.B) {
	facts, _ := benchSetup(b)
	benchRebuild(b, facts)
}

func benchRebuild(b *testing.B, facts *fold.Facts) {
	b.Helper()
	for b.Loop() {
		r := &rebuild.Rebuild{Log: bustest.Logger(b), Bus: facts.Bus, Tables: facts.Tables, Reader: facts.Reader}
		if _, err := r.Run(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*benchFacts)/b.Elapsed().Seconds(), "facts/s")
}

func benchSetup(b *testing.B) (*fold.Facts, []bus.Delivery) {
	b.Helper()
	return benchLog(b, projectortest.Normalizers(), func(n int, f projectortest.Fact) events.Event {
		f.Record = projectortest.Record{Minutes: 30, Start: benchStart(n)}
		return f.Event()
	})
}

func fitbitSetup(b *testing.B) (*fold.Facts, []bus.Delivery) {
	b.Helper()
	record, err := os.ReadFile("../../../../provider/fitbit/testdata/records/full_metric.json")
	if err != nil {
		b.Fatal(err)
	}
	return benchLog(b, fitbit.Normalizers(), func(n int, f projectortest.Fact) events.Event {
		f.Format = fitbit.FormatActivityList
		e := f.Event()
		fetched, ok := e.Data.(*events.ActivityFetched)
		if !ok {
			b.Fatalf("the fact is a %T", e.Data)
		}
		raw := bytes.Replace(bytes.TrimSpace(record), []byte("2471190346655808113"), fmt.Append(nil, 2471190346655808113+n), 1)
		fetched.Raw = bytes.ReplaceAll(raw, []byte("2026-05-03T18:20:10.000"), []byte(benchStart(n).Format("2006-01-02T15:04:05.000")))
		return e
	})
}

// benchStart gives a person a workout every ten hours: nobody's touch each other.
func benchStart(n int) time.Time {
	return projectortest.Start().Add(time.Duration(n%bus.MaxPage) * 10 * time.Hour)
}

// benchLog is a fold over a log of facts about 20 people.
func benchLog(b *testing.B, n provider.Normalizers, event func(n int, f projectortest.Fact) events.Event) (*fold.Facts, []bus.Delivery) {
	b.Helper()
	db, bs := postgrestest.New(b), bustest.New(b)
	tables := generation.New(db, bs)
	if err := tables.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	for first := 0; first < benchFacts; first += bus.MaxPage {
		var page []events.Event
		for i := first; i < first+bus.MaxPage; i++ {
			page = append(page, event(i, projectortest.Fact{
				User: fmt.Sprintf("11111111-2222-4333-8444-%012d", first/bus.MaxPage), External: fmt.Sprint(i),
			}))
		}
		scope := events.ActivitySubjects(projectortest.Provider, page[0].UserID)
		if _, _, err := bs.PublishPage(b.Context(), page, bus.Expect{Subjects: scope}); err != nil {
			b.Fatal(err)
		}
	}
	metrics, err := fold.NewMetrics(nil)
	if err != nil {
		b.Fatal(err)
	}
	facts := &fold.Facts{Log: bustest.Logger(b), Bus: bs, Tables: tables, Reader: row.NewReader(n, nil), Metrics: metrics}
	return facts, projectortest.Deliveries(b, bs, events.StreamFacts, 1)
}
