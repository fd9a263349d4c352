package main

import (
	"context"
	"fmt"
	"io"
)

// goalGrowth is how much more memory a poller may have had resident at most, after
// a backfill of ten times as many records.
const goalGrowth = 1.5

// growth measures the memory of a poller that reads the past of one user, and that
// of another one whose user did ten times as much.
func (b *backfilling) growth(ctx context.Context, out io.Writer) error {
	usual, err := b.memoryOf(ctx, b.tokens[0])
	if err != nil {
		return err
	}
	tenth, err := b.memoryOf(ctx, b.tokens[len(b.tokens)-1])
	if err != nil {
		return err
	}
	ratio := float64(tenth.Peak) / float64(usual.Peak)
	fmt.Fprintf(out, `memory of a poller in a process of its own that reads the past of one user
  %d records: at most %d MB resident. %d records: at most %d MB resident
  %.2f times as much: %s; goal at most %.2f
`, usual.records, usual.Peak>>20, tenth.records, tenth.Peak>>20,
		ratio, map[bool]string{true: "met", false: "MISSED"}[ratio <= goalGrowth], goalGrowth)
	return nil
}

// memorySample is a poller's memory after so many records.
type memorySample struct {
	readingResult
	records int
}

func (b *backfilling) memoryOf(ctx context.Context, token string) (g memorySample, err error) {
	c, err := b.stores.startChild(ctx, childReading, readingOrder{b.stores.databaseURL, b.stores.natsURL, b.past.provider, b.address, token})
	if err != nil {
		return g, err
	}
	if err := c.ask(&g.readingResult); err != nil { // it runs
		return g, err
	}
	e, connection := b.consent(token)
	if _, err := b.bus.Publish(ctx, e); err != nil {
		return g, err
	}
	if err := b.done(ctx, []string{connection}); err != nil {
		return g, err
	}
	if err := c.ask(&g.readingResult); err != nil {
		return g, err
	}
	if err := b.db.QueryRow(ctx, "SELECT count(*) FROM poller.activity_index WHERE user_id = $1", e.UserID).Scan(&g.records); err != nil {
		return g, err
	}
	return g, c.end()
}
