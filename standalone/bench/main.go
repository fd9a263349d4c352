// Command bench measures the product against limits that are measured in the
// same run, on the same stores: rounds of both are interleaved, and medians and
// ranges are printed with the CPU seconds that everything involved spent.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

const rounds = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	fmt.Printf("Stridelog benchmarks: %s, %d CPUs, %s/%s\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)

	// Durable on purpose: what is measured must be what is promised.
	dir, err := os.MkdirTemp("", "stridelog-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres may run as another user
		return err
	}
	pg, err := launcher.Start(ctx, launcher.Options{Dir: dir, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Log: log})
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := pg.Stop(stopping); err != nil {
			fmt.Fprintln(os.Stderr, "bench: stop Postgres:", err)
		}
	}()
	nats, err := natsserver.Start(natsserver.Options{StoreDir: dir + "/nats", Log: log})
	if err != nil {
		return err
	}
	defer nats.Stop()
	return firstWorkouts(ctx, pg.URL(), nats.URL(), log)
}
