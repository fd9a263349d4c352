package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
)

// DeadLetter is an event that a service gave up, without its content. What the
// original did not say is empty.
type DeadLetter struct {
	Sequence         uint64 // its own
	Service          string
	Provider, UserID string
	Type, EventID    string
	Stream           string // the original's
	OriginalSequence uint64
	Reason           string
	At               time.Time // when it was given up
	// DropReason and DroppedAt are of one that was dropped; empty: it is open.
	DropReason string
	DroppedAt  time.Time
}

// DeadLetterQuery asks for a page of dead letters: the newest, those older than
// Before, or the oldest of those newer than After. Zero leaves a bound out.
type DeadLetterQuery struct {
	Before, After uint64
	Limit         int
	// Dropped asks for those that were dropped in place of the open ones.
	Dropped bool
}

// span is how many sequences are looked through at once on the way back.
const span = 1000

// errEnough ends a walk before the end of the stream.
var errEnough = errors.New("there is enough")

// DeadLetters reads a page, newest first, and the number of all that are open or, where
// the query asks for them, dropped.
func (b *Bus) DeadLetters(ctx context.Context, q DeadLetterQuery) (page []DeadLetter, total uint64, err error) {
	s, err := b.js.Stream(ctx, events.StreamDeadLetters)
	if err != nil {
		return nil, 0, fmt.Errorf("read dead letters: %w", err)
	}
	state, total, dropped, err := deadLetterCounts(ctx, s)
	if err != nil {
		return nil, 0, err
	}
	if q.Dropped {
		total = dropped
	}
	if q.After > 0 {
		page, err = b.deadLetters(ctx, q.After+1, state.LastSeq, q.Limit, q.Dropped)
		slices.Reverse(page)
		return page, total, err
	}
	end := state.LastSeq
	if q.Before > 0 {
		end = min(end, q.Before-1)
	}
	for end >= max(state.FirstSeq, 1) && len(page) < q.Limit {
		from := max(state.FirstSeq, 1)
		if end > span {
			from = max(from, end-span+1)
		}
		part, err := b.deadLetters(ctx, from, end, span, q.Dropped)
		if err != nil {
			return nil, 0, err
		}
		slices.Reverse(part)
		page = append(page, part[:min(len(part), q.Limit-len(page))]...)
		end = from - 1
	}
	return page, total, nil
}

// deadLetters reads the open or the dropped ones in [from, to], oldest first, at most
// limit.
func (b *Bus) deadLetters(ctx context.Context, from, to uint64, limit int, dropped bool) (list []DeadLetter, err error) {
	_, err = b.walk(ctx, events.StreamDeadLetters, nil, from, true, func(m jetstream.Msg, sequence uint64) error {
		if sequence > to || len(list) >= limit {
			return errEnough
		}
		if events.IsDropped(m.Subject()) != dropped {
			return nil
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		list = append(list, deadLetterOf(m.Subject(), m.Headers(), sequence, meta.Timestamp))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return list, nil
}

func deadLetterOf(subject string, h nats.Header, sequence uint64, at time.Time) DeadLetter {
	d := DeadLetter{
		Sequence: sequence, Service: h.Get(HeaderDeadService), Stream: h.Get(HeaderDeadStream), Reason: h.Get(HeaderDeadReason),
		Type: h.Get(events.HeaderType), EventID: h.Get(events.HeaderID), At: at.UTC(),
	}
	if d.DropReason = h.Get(HeaderDropReason); d.DropReason != "" {
		d.DroppedAt = d.At
		d.At, _ = time.Parse(time.RFC3339Nano, h.Get(HeaderGivenUp)) // zero when it is none
	}
	d.OriginalSequence, _ = strconv.ParseUint(h.Get(HeaderDeadSequence), 10, 64) // 0 when it is none
	_, _, provider, user, err := events.ParseSubject(subject)
	if err == nil {
		d.Provider, d.UserID = known(provider), known(user)
	}
	return d
}

func known(token string) string {
	if token == events.NoProvider {
		return ""
	}
	return token
}

// Requeue lets the service that gave up an event handle the original again, and
// removes the dead letter once it has. The service's refusal is an *rpc.Error, and
// the dead letter stays. errors.Is(err, ErrNoMessage) when there is no such dead
// letter: it was requeued before, dropped or erased. A dropped one is requeued by the
// sequence of its record.
//
// Handlers are idempotent, so a crash before the removal does no harm: the same
// dead letter can be requeued again.
func (b *Bus) Requeue(ctx context.Context, sequence uint64) (DeadLetter, error) {
	s, err := b.stream(ctx, events.StreamDeadLetters)
	if err != nil {
		return DeadLetter{}, err
	}
	m, err := s.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return DeadLetter{}, fmt.Errorf("requeue dead letter %d: %w", sequence, ErrNoMessage)
	}
	if err != nil {
		return DeadLetter{}, fmt.Errorf("requeue dead letter %d: %w", sequence, err)
	}
	d := deadLetterOf(m.Subject, m.Header, m.Sequence, m.Time)
	if d.Service == "" || d.Stream == "" || d.OriginalSequence == 0 {
		return d, fmt.Errorf("requeue dead letter %d: its headers do not say where the original lies", sequence)
	}
	_, err = Call[rpc.RetryRequest, rpc.RetryResponse](ctx, b, rpc.Retry(d.Service), rpc.RetryRequest{Stream: d.Stream, Sequence: d.OriginalSequence})
	if err != nil {
		return d, fmt.Errorf("requeue dead letter %d: %w", sequence, err)
	}
	if err := s.SecureDeleteMsg(ctx, sequence); err != nil {
		if _, look := s.GetMsg(ctx, sequence); !errors.Is(look, jetstream.ErrMsgNotFound) {
			return d, fmt.Errorf("dead letter %d was handled and cannot be removed: %w; requeue it again", sequence, err)
		}
	}
	return d, nil
}
