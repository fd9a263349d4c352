package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine describes this computer, as far as /proc tells.
func machine() string {
	model := strings.TrimSpace(strings.TrimPrefix(procField("/proc/cpuinfo", "model name"), ":"))
	var gigabytes float64
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal:"), " kB"), 64); err == nil {
		gigabytes = kb / (1 << 20)
	}
	return fmt.Sprintf("%s, %d cores, %.0f GB, %s/%s; %s", model, runtime.NumCPU(), gigabytes, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// procField is the rest of the first line that starts with a name.
func procField(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// ticksPerSecond is Linux's USER_HZ, the unit of /proc/<pid>/stat.
const ticksPerSecond = 100

// cpu is CPU time in seconds, by who spent it.
type cpu struct {
	own, nats, postgres float64
	clients             float64 // of the load generator, which takes no part
	machine             float64 // all of them, also what others spent
}

func (c cpu) minus(o cpu) cpu {
	return cpu{c.own - o.own, c.nats - o.nats, c.postgres - o.postgres, c.clients - o.clients, c.machine - o.machine}
}

func (c cpu) plus(o cpu) cpu {
	return cpu{c.own + o.own, c.nats + o.nats, c.postgres + o.postgres, c.clients + o.clients, c.machine + o.machine}
}

// involved is what everything that takes part has spent.
func (c cpu) involved() float64 { return c.own + c.nats + c.postgres }

// foreign is the share of the busy time that nobody here spent.
func (c cpu) foreign() float64 {
	if c.machine <= 0 {
		return 0
	}
	return max(0, 1-(c.involved()+c.clients)/c.machine)
}

// spent is what this process, the NATS server and Postgres have spent so far.
// Elsewhere than on Linux it is zero.
func (s *stores) spent() cpu {
	parents, seconds := processTimes()
	total := cpu{machine: busySeconds()}
	for pid := range seconds {
		at, below := pid, 0 // below is the child of ours that pid descends from
		for at > 1 && at != os.Getpid() {
			at, below = parents[at], at
		}
		if at != os.Getpid() {
			continue
		}
		switch below {
		case 0, s.importer: // an importer that is none is 0, too
			total.own += seconds[pid]
		case s.nats.Process.Pid:
			total.nats += seconds[pid]
		case s.clients, s.guesser:
			total.clients += seconds[pid]
		default: // the only other child
			total.postgres += seconds[pid]
		}
	}
	return total
}

func processTimes() (parents map[int]int, seconds map[int]float64) {
	parents, seconds = map[int]int{}, map[int]float64{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return parents, seconds
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
			if i > 12 && pid == os.Getpid() {
				continue // they were counted by themselves
			}
			t, _ := strconv.ParseFloat(fields[i], 64)
			seconds[pid] += t / ticksPerSecond
		}
	}
	return parents, seconds
}

// busySeconds is what all cores together have worked since the machine started.
func busySeconds() float64 {
	busy := 0.0
	for i, field := range strings.Fields(procField("/proc/stat", "cpu ")) {
		if i == 3 || i == 4 || i > 6 { // idle, waiting for disks; steal and guests
			continue
		}
		ticks, _ := strconv.ParseFloat(field, 64)
		busy += ticks / ticksPerSecond
	}
	return busy
}
