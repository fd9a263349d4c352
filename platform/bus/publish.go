package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// MaxPage is the most events that one page may hold. It is the server's limit on
// an atomic batch.
const MaxPage = 1000

// pageTimeout bounds one page, where the context has no deadline: up to 1,000
// events are staged, then written and synced as one.
const pageTimeout = 30 * time.Second

const pagePause = 20 * time.Millisecond // between tries to open a batch

// Errors of publishing. The text around them says what to do.
var (
	// ErrWrongLastSequence says that somebody else wrote to the scope since the
	// caller last looked. Nothing of the page was stored.
	ErrWrongLastSequence = errors.New("the scope has a newer message than expected")
	// ErrDuplicate says that the stream already holds an event of the page, by its
	// id: an earlier attempt whose answer was lost, perhaps. Nothing was stored now.
	ErrDuplicate = errors.New("the stream already holds an event with this id")
)

// The server's error codes, from nats-server's jetstream_errors_generated.go.
const (
	codeWrongLastSequence         jetstream.ErrorCode = 10071
	codeWrongLastSequenceConstant jetstream.ErrorCode = 10164 // the same, from a cluster or a batch
	codeDuplicateInProcess        jetstream.ErrorCode = 10158
	codeBatchHoldsDuplicate       jetstream.ErrorCode = 10201
	codeBatchTooLarge             jetstream.ErrorCode = 10199
	codeTooManyBatches            jetstream.ErrorCode = 10210
)

// Ack says where an event lies. Duplicate means that it was there before.
type Ack struct {
	Stream    string
	Sequence  uint64
	Duplicate bool
}

// Expect is a condition on a page: the last message on Subjects (which may hold
// wildcards) has this sequence; 0 means that there is none yet.
type Expect struct {
	Subjects     string
	LastSequence uint64
}

// Publish stores one event and returns once the stream has acknowledged it. An
// event without a trace takes the context's.
func (b *Bus) Publish(ctx context.Context, e events.Event) (a Ack, err error) {
	sent, end := b.sending(ctx, []events.Event{e})
	defer func() { end(err) }()
	stream, m, err := wireMessage(sent[0])
	if err != nil {
		return Ack{}, err
	}
	began := b.refusals.now()
	ack, err := b.js.PublishMsg(ctx, m)
	if b.regain(ctx, stream, err) {
		ack, err = b.js.PublishMsg(ctx, m)
	}
	b.acknowledged(stream, began, ack, err)
	if err != nil {
		return Ack{}, fmt.Errorf("publish %s %s: %w", e.Type(), e.ID, publishFault(err))
	}
	return Ack{Stream: ack.Stream, Sequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
}

// PublishPage stores 1 to MaxPage events of one stream as one unit: all or none,
// in this order, with consecutive sequences, and only if the expectation holds. It
// returns the first and the last sequence.
//
// After ErrWrongLastSequence, ErrDuplicate or ErrPageTooLong nothing was stored. After any other
// error the page may or may not be stored (the answer may have been lost): read
// the scope again before trying again.
func (b *Bus) PublishPage(ctx context.Context, page []events.Event, x Expect) (first, last uint64, err error) {
	sent, end := b.sending(ctx, page)
	defer func() { end(err) }()
	messages, stream, err := pageMessages(sent)
	if err != nil {
		return 0, 0, fmt.Errorf("publish page: %w", err)
	}
	if x.Subjects == "" {
		return 0, 0, errors.New("publish page: Expect.Subjects is empty; name the scope whose last sequence is expected, events.ActivitySubjects for one")
	}
	messages[0].Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(x.LastSequence, 10))
	messages[0].Header.Set(jetstream.ExpectedLastSubjSeqSubjHeader, x.Subjects)
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pageTimeout)
		defer cancel()
	}
	began := b.refusals.now()
	last, err = b.storePage(ctx, messages)
	if b.regain(ctx, stream, err) {
		last, err = b.storePage(ctx, messages)
	}
	if !errors.Is(err, ErrDuplicate) {
		b.wrote(stream, began, err)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("publish page of %d to %s, expecting last sequence %d on %s: %w", len(page), stream, x.LastSequence, x.Subjects, publishFault(err))
	}
	return last - uint64(len(messages)) + 1, last, nil
}

func (b *Bus) storePage(ctx context.Context, messages []*nats.Msg) (last uint64, err error) {
	if len(messages) == 1 {
		ack, err := b.js.PublishMsg(ctx, messages[0])
		if err != nil {
			return 0, err
		}
		if ack.Duplicate {
			return 0, ErrDuplicate
		}
		return ack.Sequence, nil
	}
	for {
		ack, err := jetstreamext.PublishMsgBatch(ctx, b.js, messages)
		if err == nil {
			return ack.Sequence, nil
		}
		// The server holds 50 open batches of a stream. Refused at its first message,
		// a page has stored nothing, so it may wait for its turn.
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != codeTooManyBatches {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%w (%w); fewer pages at once would help", err, ctx.Err())
		case <-time.After(pagePause/2 + rand.N(pagePause)):
		}
	}
}

func pageMessages(page []events.Event) (messages []*nats.Msg, stream string, err error) {
	if len(page) == 0 || len(page) > MaxPage {
		return nil, "", fmt.Errorf("it has %d events; a page has 1 to %d", len(page), MaxPage)
	}
	messages = make([]*nats.Msg, 0, len(page))
	for i, e := range page {
		s, m, err := wireMessage(e)
		if err != nil {
			return nil, "", err
		}
		if i > 0 && s != stream {
			return nil, "", fmt.Errorf("it mixes the streams %s and %s; publish them apart", stream, s)
		}
		stream = s
		messages = append(messages, m)
	}
	return messages, stream, nil
}

func wireMessage(e events.Event) (stream string, m *nats.Msg, err error) {
	d, err := events.Describe(e.Type())
	if err != nil {
		return "", nil, fmt.Errorf("event %s: %w", e.ID, err)
	}
	w, err := e.Encode()
	if err != nil {
		return "", nil, err
	}
	return d.Stream, &nats.Msg{Subject: w.Subject, Header: w.Header, Data: w.Data}, nil
}

// publishFault gives the server's refusals the names that callers act on.
func publishFault(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeWrongLastSequence, codeWrongLastSequenceConstant:
			return fmt.Errorf("%w: %w", ErrWrongLastSequence, err)
		case codeBatchHoldsDuplicate, codeDuplicateInProcess:
			return fmt.Errorf("%w: %w", ErrDuplicate, err)
		case codeBatchTooLarge:
			return fmt.Errorf("%w: %w", ErrPageTooLong, err)
		}
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%w; raise max_payload of the NATS server (8 MB is the most it recommends)", err)
	}
	return err
}
