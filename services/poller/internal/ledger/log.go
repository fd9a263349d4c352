// Package ledger is the log of one person at one provider: it is read from where its
// reader stands, written only by somebody who has read all of it, and known by an
// index in the database. Polling, attachments, imports and the commands that make the
// index again use it alike.
package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Log is what the log has of one person at one provider within one fence, as far as its
// holder has read it. It is not for concurrent use.
type Log struct {
	bus              *bus.Bus
	fence            events.Fence
	provider, userID string
	last             uint64 // sequence up to which the holder knows it
	most             int    // facts that the log takes at once
}

// Open gives what the log has of a person at a provider within a fence to somebody who
// knows it up to a sequence; 0 is none of it.
func Open(b *bus.Bus, fence events.Fence, provider, userID string, last uint64) *Log {
	return &Log{bus: b, fence: fence, provider: provider, userID: userID, last: last, most: bus.MaxPage}
}

// Last is the sequence up to which the holder knows the log.
func (l *Log) Last() uint64 { return l.last }

func (l *Log) subjects() string { return l.fence.Subjects(l.provider, l.userID) }

// end is the sequence of the last fact.
func (l *Log) end(ctx context.Context) (uint64, error) {
	return l.bus.LastSequence(ctx, events.StreamFacts, l.subjects())
}

// Read hands over what comes after what the holder knows, up to the present end. A fact
// that cannot be read is handed over, too: it counts as known.
func (l *Log) Read(ctx context.Context, yield func(bus.Delivery) error) error {
	_, err := l.bus.Read(ctx, events.StreamFacts, []string{l.subjects()}, l.last+1, func(d bus.Delivery) error {
		if err := yield(d); err != nil {
			return err
		}
		l.last = d.Sequence
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the log of user %s at %s: %w", l.userID, l.provider, err)
	}
	return nil
}

// Around is what goes with every write.
type Around struct {
	// Before says whether the writer may still write.
	Before func() error
	// After is told that n facts, beginning with the one at an index, are in the log
	// with consecutive sequences.
	After func(at, n int, first uint64) error
}

// Write puts facts behind all that the holder knows, in parts of what the log takes at
// once. It fails with bus.ErrWrongLastSequence when somebody else wrote, and with
// bus.ErrDuplicate when an earlier attempt got through although it seemed to fail. What
// a part before a failure wrote stays.
func (l *Log) Write(ctx context.Context, facts []events.Event, around Around) error {
	for at := 0; at < len(facts); {
		part := facts[at:min(at+l.most, len(facts))]
		if err := around.Before(); err != nil {
			return err
		}
		first, last, err := l.bus.PublishPage(ctx, part, bus.Expect{Subjects: l.subjects(), LastSequence: l.last})
		if errors.Is(err, bus.ErrPageTooLong) && len(part) > 1 {
			l.most = len(part) / 2
			continue
		}
		if err != nil {
			return err
		}
		l.last = last
		if err := around.After(at, len(part), first); err != nil {
			return err
		}
		at += len(part)
	}
	return nil
}

// Behind says whether an error of Write tells that the log knows more than its holder
// does: read it and compare again.
func Behind(err error) bool {
	return errors.Is(err, bus.ErrWrongLastSequence) || errors.Is(err, bus.ErrDuplicate)
}
