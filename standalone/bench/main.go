// Command bench measures the product against limits that are measured in the
// same run, on the same stores: rounds of both are interleaved, and medians and
// ranges are printed with the CPU seconds that everything involved spent.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
)

// bench is one comparison; it writes its tables to out.
type bench struct {
	name string
	run  func(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error
}

func benches() []bench {
	return []bench{
		{"first-workouts", firstWorkouts},
		{"projection", liveProjection},
		{"list", listWorkouts},
		{"pages", pages},
		{"bad-keys", badKeys},
		{"import", importArchive},
		{"backfill", backfill(fitbitPast())},
		{"backfill-google", backfill(googlePast())},
		{"memory", memory},
		{"idle", idle},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	run := run
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case childNATS:
			run = serveNATS
		case childClients:
			run = runClients
		case childGuesses:
			run = runGuesses
		case childImport:
			run = runImport
		case childCloud:
			run = runCloud
		case childMemory:
			run = runMemory
		case childReading:
			run = runReading
		case childIdle:
			run = runIdle
		}
	}
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var names []string
	for _, b := range benches() {
		names = append(names, b.name)
	}
	only := flag.String("only", strings.Join(names, ","), "which benchmarks, with commas between")
	results := flag.String("results", "", "folder that keeps what each benchmark prints, as <name>.txt")
	rounds := flag.Int("rounds", 5, "how often each variant runs, in turn with the others")
	profile := flag.String("cpuprofile", "", "file for a CPU profile of this process")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for _, b := range benches() {
		if !slices.Contains(strings.Split(*only, ","), b.name) {
			continue
		}
		if err := b.measure(ctx, *rounds, *results, log); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

// measure runs one benchmark on stores of its own.
func (b bench) measure(ctx context.Context, rounds int, results string, log *slog.Logger) error {
	s, err := startStores(ctx, log)
	if err != nil {
		return err
	}
	defer s.stop()
	s.rounds = rounds
	var text strings.Builder
	out := io.MultiWriter(os.Stdout, &text)
	machine, err := s.describe(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Stridelog benchmark: %s\n%s\n", b.name, machine)
	if err := b.run(ctx, s, out, log); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if results == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(results, b.name+".txt"), []byte(text.String()), 0o644)
}
