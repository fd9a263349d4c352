package duplicates

import (
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkAHundredBatches writes and links 100,000 workouts of one person in a hundred
// batches, over a history and all at one instant. It reports the seconds of all, and how
// much dearer the last ten batches were than the first ten: what arrives must cost the
// same, however much is there. Run it with -benchtime 1x.
func BenchmarkAHundredBatches(b *testing.B) {
	const batches, size, sixHours = 100, 1000, 360
	order := rand.New(rand.NewPCG(1, 2)).Perm(batches * size) //nolint:gosec // the same order each time
	for _, c := range []struct {
		name  string
		start func(n int) (minutes int)
	}{
		{"nothing touches", func(n int) int { return n * sixHours }},
		{"each twice, in order", func(n int) int { return n / 2 * sixHours }},
		{"each twice, in any order", func(n int) int { return order[n] / 2 * sixHours }},
		{"all at one instant", func(int) int { return 0 }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				x := newTable(b)
				var all, first, last time.Duration
				for i := range batches {
					batch := make([]Workout, 0, size)
					for n := i * size; n < (i+1)*size; n++ {
						w := run(n, "fitbit", c.start(n), c.start(n)+60)
						w.ID[0], w.ID[13], w.User = 1, byte(n>>16), id(1)
						batch = append(batch, w)
					}
					began := time.Now()
					x.fold(b, b, batch...)
					took := time.Since(began)
					all += took
					switch {
					case i < batches/10:
						first += took
					case i >= batches-batches/10:
						last += took
					}
				}
				b.ReportMetric(all.Seconds(), "s/all")
				b.ReportMetric(last.Seconds()/first.Seconds(), "last/first")
			}
		})
	}
}
