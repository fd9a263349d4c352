package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// series are the measurements of one variant over all rounds.
type series struct {
	all     []time.Duration
	medians []time.Duration // of each round
	cpu     float64         // seconds, of everything involved
}

// measure runs one round of n measurements.
func (s *series) measure(at *stores, n int, one func(i int) (time.Duration, error)) error {
	before := at.spent()
	var round []time.Duration
	for i := range n {
		d, err := one(i)
		if err != nil {
			return err
		}
		round = append(round, d)
	}
	s.cpu += at.spent().minus(before).involved()
	s.all = append(s.all, round...)
	slices.Sort(round)
	s.medians = append(s.medians, round[len(round)/2])
	return nil
}

func (s *series) quantile(q float64) time.Duration {
	sorted := slices.Clone(s.all)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (s *series) print(out io.Writer, name string) {
	slices.Sort(s.medians)
	fmt.Fprintf(out, "  %-20s median %6.1f ms (rounds %.1f to %.1f), p95 %6.1f ms, max %6.1f ms, n=%d, CPU %.1f ms each\n", name,
		ms(s.quantile(0.5)), ms(s.medians[0]), ms(s.medians[len(s.medians)-1]), ms(s.quantile(0.95)), ms(s.quantile(1)), len(s.all),
		s.cpu*1000/float64(len(s.all)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
