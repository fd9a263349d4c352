package command

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// runStreams declares the streams, for services whose NATS users may not, and the
// consumers of readers who may not make one.
func runStreams(ctx context.Context, p Process, c config.Config, args []string) error {
	var readers []string
	flags := newFlags(p, "streams")
	flags.Func("reader", "also make a durable consumer of this name on the facts and on the changes; may be repeated",
		func(name string) error { readers = append(readers, name); return nil })
	if err := parseFlags(flags, args, "stridelog streams [--reader NAME]…"); err != nil {
		return err
	}
	return withPair(ctx, p, c, "streams", func(b *bus.Bus) error {
		if err := b.DeclareStreams(ctx); err != nil {
			return err
		}
		for _, name := range readers {
			for _, stream := range []string{events.StreamFacts, events.StreamChanges} {
				if err := b.DeclareReader(ctx, stream, name); err != nil {
					return err
				}
			}
		}
		fmt.Fprintf(p.Stdout, "The %d streams and %d readers of facts and changes are declared.\n", len(events.Streams()), len(readers))
		return nil
	})
}
