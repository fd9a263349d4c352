package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// variant is one of the things that a benchmark compares.
type variant struct {
	name string
	// run does the work once. What it does before start and after stop is not
	// measured.
	run func(ctx context.Context, start, stop func()) (items int, err error)

	rates []float64 // items a second, by round
	items int       // of all rounds
	cpu   cpu       // of all rounds
}

// interleave runs every variant once a round, in turn, so that what else the
// machine does hits all of them.
func interleave(ctx context.Context, s *stores, variants ...*variant) error {
	for range s.rounds {
		for _, v := range variants {
			if err := v.round(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
		}
	}
	return nil
}

func (v *variant) round(ctx context.Context, s *stores) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	var began time.Time
	var took time.Duration
	var before, spent cpu
	items, err := v.run(ctx, func() {
		began, before = time.Now(), s.spent()
	}, func() {
		took, spent = time.Since(began), s.spent().minus(before)
	})
	if err != nil {
		return err
	}
	v.rates = append(v.rates, float64(items)/took.Seconds())
	v.items += items
	v.cpu = v.cpu.plus(spent)
	return nil
}

// per is CPU seconds per 1,000 items.
func (v *variant) per(seconds float64) float64 { return 1000 * seconds / float64(v.items) }

// ratios are this variant's rates over another's, round by round.
func (v *variant) ratios(over *variant) []float64 {
	var list []float64
	for i := range v.rates {
		list = append(list, v.rates[i]/over.rates[i])
	}
	return list
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// spread writes a median with its range.
func spread(list []float64, format string) string {
	return fmt.Sprintf(format+" ("+format+" to "+format+")", median(list), slices.Min(list), slices.Max(list))
}

// table prints the variants, one a line.
func table(out io.Writer, unit string, variants ...*variant) {
	fmt.Fprintf(out, "  %-34s %-30s %-38s %s\n", "", unit+"/s: median (range)", "CPU s per 1,000: all = own+NATS+Postgres", "others' CPU")
	for _, v := range variants {
		cpu := fmt.Sprintf("%.3f = %.3f + %.3f + %.3f", v.per(v.cpu.involved()), v.per(v.cpu.own), v.per(v.cpu.nats), v.per(v.cpu.postgres))
		fmt.Fprintf(out, "  %-34s %-30s %-40s %.0f %%\n", v.name, spread(v.rates, "%.0f"), cpu, 100*v.cpu.foreign())
	}
}

// busyMachine is the share of the machine's work, done by others, from which on
// rates say more about the others than about what is measured.
const busyMachine = 0.25

// goal prints a ratio and what it should be. Both the rate and the CPU time have
// to reach it: rates alone can be luck on a machine that others use.
func goal(out io.Writer, of, over *variant, least float64) {
	ratios := of.ratios(over)
	byCPU := over.per(over.cpu.involved()) / of.per(of.cpu.involved())
	fmt.Fprintf(out, "  %s / %s: by rate %s: %s; by CPU %.2f: %s; goal %.1f\n", of.name, over.name,
		spread(ratios, "%.2f"), verdict(median(ratios), least), byCPU, verdict(byCPU, least), least)
	if others := of.cpu.plus(over.cpu).foreign(); others > busyMachine {
		fmt.Fprintf(out, "  (others did %.0f %% of the machine's work meanwhile: trust the ratio by CPU)\n", 100*others)
	}
}

func verdict(ratio, least float64) string {
	if ratio < least {
		return "MISSED"
	}
	return "met"
}
