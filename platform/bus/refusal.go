package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// refusalFresh is how long a refusal counts after which nobody tried again. What
	// must be published is tried again within a minute.
	refusalFresh = 2 * time.Minute
	// silence is the shortest time without an answer that counts as a refusal: after
	// a write error JetStream does not answer at all. Who waits for less says nothing.
	silence = 2 * time.Second
)

// The server's error codes of a store that takes nothing.
const (
	codeInsufficientResources jetstream.ErrorCode = 10023
	codeNotEnabledForAccount  jetstream.ErrorCode = 10039
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeNotEnabled            jetstream.ErrorCode = 10076
	codeStoreFailed           jetstream.ErrorCode = 10077
	codeBatchIncomplete       jetstream.ErrorCode = 10176 // it could not be staged
)

// Refusal is a stream that takes no writes: its disk is full, or was full and the
// server keeps the error until it is started again.
type Refusal struct {
	Stream string
	Since  time.Time // the first write in a row that was not taken
	latest time.Time
	server uint64 // connections made before: a new one may mean a new server
}

// refusals are what the last write to each stream met.
type refusals struct {
	mu   sync.Mutex
	open map[string]Refusal
	now  func() time.Time
}

func newRefusals() *refusals { return &refusals{open: map[string]Refusal{}, now: time.Now} }

// Refusals are the streams that did not take the latest writes of this process, by
// name. One ends with a write that is taken, and with a new connection.
func (b *Bus) Refusals() []Refusal {
	b.refusals.mu.Lock()
	defer b.refusals.mu.Unlock()
	var list []Refusal
	for stream, r := range b.refusals.open {
		if r.server != b.nc.Stats().Reconnects || b.refusals.now().Sub(r.latest) > refusalFresh {
			delete(b.refusals.open, stream)
			continue
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Refusal) int { return cmp.Compare(a.Stream, b.Stream) })
	return list
}

// wrote notes what came of a write that began at an instant.
func (b *Bus) wrote(stream string, began time.Time, err error) {
	b.refusals.mu.Lock()
	defer b.refusals.mu.Unlock()
	now := b.refusals.now()
	if err == nil {
		delete(b.refusals.open, stream)
		return
	}
	if !b.nc.IsConnected() || !refuses(err, now.Sub(began)) {
		return
	}
	connections := b.nc.Stats().Reconnects
	r, known := b.refusals.open[stream]
	if !known || r.server != connections {
		r = Refusal{Stream: stream, Since: began, server: connections}
		b.log.Error("a stream takes no writes; free disk space where NATS keeps its streams, then restart NATS", "stream", stream, "error", err)
	}
	r.latest = now
	b.refusals.open[stream] = r
}

// acknowledged is wrote for one message. What the stream had already is not written.
func (b *Bus) acknowledged(stream string, began time.Time, ack *jetstream.PubAck, err error) {
	if err != nil || !ack.Duplicate {
		b.wrote(stream, began, err)
	}
}

// refuses says whether an error means that a stream takes nothing, whatever it is.
func refuses(err error, waited time.Duration) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeInsufficientResources, codeNotEnabledForAccount, codeStorageExceeded, codeNotEnabled, codeStoreFailed, codeBatchIncomplete:
			return true
		}
		return false
	}
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		return waited >= silence
	}
	return false
}

// PublishStored publishes a message as it was stored, for an outbox. stream is where
// it goes.
func (b *Bus) PublishStored(ctx context.Context, stream string, m *nats.Msg) error {
	began := b.refusals.now()
	ack, err := b.js.PublishMsg(ctx, m)
	b.acknowledged(stream, began, ack, err)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", stream, err)
	}
	return nil
}
