package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// consumer is a durable that this process reads from.
type consumer struct {
	stream, name string
	subjects     []string // none: all of the stream
}

// reads notes a durable, so that Lags and the metrics speak of it.
func (b *Bus) reads(c consumer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.ContainsFunc(b.consumers, func(x consumer) bool { return x.stream == c.stream && x.name == c.name }) {
		b.consumers = append(b.consumers, c)
	}
}

// Lag is how far a durable is behind its stream.
type Lag struct {
	Stream, Consumer string
	Pending          uint64        // events that are not finished, those under way included
	Behind           time.Duration // age of the oldest of them; 0 when there is none
}

// Lags says how far the durables are behind that this process reads from. Those
// that the server does not tell of are left out and named in the error.
func (b *Bus) Lags(ctx context.Context) (lags []Lag, err error) {
	b.mu.Lock()
	list := slices.Clone(b.consumers)
	b.mu.Unlock()
	for _, c := range list {
		l, failed := b.lag(ctx, c)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("read the position of %s on %s: %w", c.name, c.stream, failed))
			continue
		}
		lags = append(lags, l)
	}
	return lags, err
}

func (b *Bus) lag(ctx context.Context, c consumer) (Lag, error) {
	l := Lag{Stream: c.stream, Consumer: c.name}
	at, err := b.js.Consumer(ctx, c.stream, c.name)
	if err != nil {
		return l, err
	}
	info := at.CachedInfo()
	l.Pending = info.NumPending + uint64(info.NumAckPending)
	if l.Pending == 0 {
		return l, nil
	}
	s, err := b.stream(ctx, c.stream)
	if err != nil {
		return l, err
	}
	subjects := c.subjects
	if len(subjects) == 0 {
		subjects = []string{">"}
	}
	for _, subject := range subjects {
		m, err := s.GetMsg(ctx, info.AckFloor.Stream+1, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return l, err
		}
		l.Behind = max(l.Behind, time.Since(m.Time))
	}
	return l, nil
}
