package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// series are the measurements of one variant over all rounds.
type series struct {
	all     []time.Duration
	medians []time.Duration // of each round
	cpu     float64         // seconds, of this process and of Postgres
}

// measure runs one round of n measurements.
func (s *series) measure(n int, one func(i int) (time.Duration, error)) error {
	before := cpuSeconds()
	var round []time.Duration
	for i := range n {
		d, err := one(i)
		if err != nil {
			return err
		}
		round = append(round, d)
	}
	s.cpu += cpuSeconds() - before
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

func (s *series) print(name string) {
	slices.Sort(s.medians)
	fmt.Printf("  %-20s median %6.1f ms (rounds %.1f to %.1f), p95 %6.1f ms, max %6.1f ms, n=%d, CPU %.1f ms each\n", name,
		ms(s.quantile(0.5)), ms(s.medians[0]), ms(s.medians[len(s.medians)-1]), ms(s.quantile(0.95)), ms(s.quantile(1)), len(s.all),
		s.cpu*1000/float64(len(s.all)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ticksPerSecond is Linux's USER_HZ, the unit of /proc/<pid>/stat.
const ticksPerSecond = 100

// cpuSeconds is what this process (services, NATS, simulator) and its children
// (Postgres) have spent so far. Elsewhere than on Linux it is zero.
func cpuSeconds() float64 {
	parents, ticks := map[int]int{}, map[int]float64{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		// The name may hold anything; the fields after its closing bracket do not.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		parents[pid], _ = strconv.Atoi(fields[1])
		for _, i := range []int{11, 12, 13, 14} { // utime, stime, and those of ended children
			t, _ := strconv.ParseFloat(fields[i], 64)
			ticks[pid] += t
		}
	}
	total := 0.0
	for pid := range ticks {
		for p := pid; p > 1; p = parents[p] {
			if p == os.Getpid() {
				total += ticks[pid]
				break
			}
		}
	}
	return total / ticksPerSecond
}
