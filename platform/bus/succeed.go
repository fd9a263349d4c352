package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
)

// metadataSucceeds is the member of a stream's metadata that says whose messages it
// took over: when the earlier stream was made, which no other stream of that name shares.
const metadataSucceeds = "stridelog_succeeds"

const (
	moveLook = 100 * time.Millisecond // between looks at how far a move is
	moveSays = 10 * time.Second       // between lines about it in the log
)

// succeed moves the messages of the stream that s succeeds into s, with their
// sequences and times, and drops that stream. Each step can be repeated, also by
// several processes at once, and what is done is read from the streams themselves:
//
//  1. The earlier stream gives up its subjects and its messages can no longer be
//     deleted. So no two streams ever claim one subject, and the copy cannot miss a
//     message or keep one that an erasure took. Whoever publishes meanwhile gets an
//     error and tries again.
//  2. s is made as a mirror of it, and waited for.
//  3. s becomes a stream with its own subjects.
//  4. The earlier stream is dropped.
func (b *Bus) succeed(ctx context.Context, s events.Stream) error {
	if s.Succeeds == "" {
		return nil
	}
	for {
		old, err := b.js.Stream(ctx, s.Succeeds)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		err = b.move(ctx, s, old)
		// Another process was a step ahead: look again.
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return fmt.Errorf("move the messages of stream %s: %w", s.Succeeds, err)
		}
	}
}

func (b *Bus) move(ctx context.Context, s events.Stream, old jetstream.Stream) error {
	info := old.CachedInfo()
	life := info.Created.UTC().Format(time.RFC3339Nano)
	successor, err := b.js.Stream(ctx, s.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if err := b.retire(ctx, info.Config); err != nil {
			return err
		}
		b.log.InfoContext(ctx, "a stream of an earlier program moves", "from", s.Succeeds, "to", s.Name, "messages", info.State.Msgs)
		if successor, err = b.js.CreateStream(ctx, b.mirrorConfig(s, life)); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	c := successor.CachedInfo().Config
	if c.Metadata[metadataSucceeds] != life {
		return fmt.Errorf("there is a stream %s that did not take them over; look at both (nats stream info), and remove %s if nobody needs it", s.Name, s.Succeeds)
	}
	if c.Mirror != nil {
		if err := b.await(ctx, s, successor); err != nil {
			return err
		}
		c = b.withDeclared(c, s)
		c.Mirror, c.MirrorDirect = nil, false
		if _, err := b.js.UpdateStream(ctx, c); err != nil {
			return err
		}
	}
	b.sayPositions(ctx, old)
	if err := b.js.DeleteStream(ctx, s.Succeeds); err != nil {
		return err
	}
	b.log.InfoContext(ctx, "a stream of an earlier program is gone; its messages have moved, with their sequences", "from", s.Succeeds, "to", s.Name)
	return nil
}

// retire ends writing to a stream and deleting from it. It keeps a subject because
// every stream has one: its own name, which nobody publishes to.
func (b *Bus) retire(ctx context.Context, c jetstream.StreamConfig) error {
	own := []string{c.Name}
	if slices.Equal(c.Subjects, own) && c.DenyDelete && c.DenyPurge {
		return nil
	}
	c.Subjects, c.DenyDelete, c.DenyPurge = own, true, true
	_, err := b.js.UpdateStream(ctx, c)
	return err
}

func (b *Bus) mirrorConfig(s events.Stream, life string) jetstream.StreamConfig {
	c := b.newStreamConfig(s)
	c.Metadata = maps.Clone(c.Metadata)
	c.Metadata[metadataSucceeds] = life
	c.Mirror = &jetstream.StreamSource{Name: s.Succeeds}
	c.Subjects, c.Duplicates, c.AllowAtomicPublish = nil, 0, false // a mirror has none of its own
	return c
}

// await waits until a mirror holds the last message that the earlier stream has.
func (b *Bus) await(ctx context.Context, s events.Stream, mirror jetstream.Stream) error {
	said := time.Now()
	for {
		// The last that is left: messages expire, and erased ones leave gaps.
		last, err := b.LastSequence(ctx, s.Succeeds, ">")
		if err != nil {
			return err
		}
		info, err := mirror.Info(ctx)
		if err != nil {
			return err
		}
		if info.State.LastSeq >= last {
			return nil
		}
		if time.Since(said) > moveSays {
			said = time.Now()
			b.log.InfoContext(ctx, "a stream of an earlier program moves", "from", s.Succeeds, "to", s.Name, "at", info.State.LastSeq, "of", last)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("at message %d of %d: %w; the next start goes on", info.State.LastSeq, last, ctx.Err())
		case <-time.After(moveLook):
		}
	}
}

// sayPositions leaves in the log where consumers stood: their positions end with the
// stream. It fails nothing.
func (b *Bus) sayPositions(ctx context.Context, old jetstream.Stream) {
	list := old.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable != "" {
			b.log.WarnContext(ctx, "a consumer's position ends with its stream; add it to the new one",
				"stream", c.Stream, "consumer", c.Name, "acknowledged", c.AckFloor.Stream)
		}
	}
	if err := list.Err(); err != nil {
		b.log.WarnContext(ctx, "cannot list the consumers of a stream that ends", "error", err)
	}
}
