package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stridelog/stridelog/events"
)

// The headers of a dead letter, beside those of the original.
const (
	HeaderDeadReason     = "Dead-Letter-Reason"
	HeaderDeadService    = "Dead-Letter-Service"
	HeaderDeadStream     = "Dead-Letter-Stream"
	HeaderDeadSequence   = "Dead-Letter-Sequence"
	HeaderDeadSubject    = "Dead-Letter-Subject"
	HeaderDeadDeliveries = "Dead-Letter-Deliveries"
	HeaderDeadTime       = "Dead-Letter-Time" // when the stream stored the original
	// HeaderDeadDataOmitted is "true" when the original was so large that it does
	// not fit with these headers; stream and sequence say where it lies.
	HeaderDeadDataOmitted = "Dead-Letter-Data-Omitted"
)

const maxReason = 1000 // characters

// DeadLetter stores a message that a service cannot handle, with the reason, its
// own headers and data, and where it came from. It returns once the dead letter is
// stored; only then may the original be acknowledged. The same message given up
// twice by one service within the duplicate window is one dead letter. The reason's
// text is stored: it must hold no secret and no person's data.
func (b *Bus) DeadLetter(ctx context.Context, service string, d Delivery, reason error) error {
	_, _, provider, userID, err := events.ParseSubject(d.Message.Subject)
	if err != nil {
		provider, userID = events.NoProvider, events.NoProvider
	}
	m := &nats.Msg{
		Subject: events.DeadLetterSubject(service, provider, userID),
		Header:  nats.Header{},
		Data:    d.Message.Data,
	}
	for k, v := range d.Message.Header {
		// Nats-… headers are orders to the server about the original, not content.
		if !strings.HasPrefix(strings.ToLower(k), "nats-") {
			m.Header[k] = v
		}
	}
	m.Header.Set(HeaderDeadReason, oneLine(reason))
	m.Header.Set(HeaderDeadService, service)
	m.Header.Set(HeaderDeadStream, d.Stream)
	m.Header.Set(HeaderDeadSequence, strconv.FormatUint(d.Sequence, 10))
	m.Header.Set(HeaderDeadSubject, d.Message.Subject)
	m.Header.Set(HeaderDeadDeliveries, strconv.FormatUint(d.Deliveries, 10))
	m.Header.Set(HeaderDeadTime, d.Time.Format(time.RFC3339Nano))
	m.Header.Set(events.HeaderMsgID, fmt.Sprintf("dead-letter/%s/%s/%d", service, d.Stream, d.Sequence))
	began := b.refusals.now()
	ack, err := b.js.PublishMsg(ctx, m)
	if errors.Is(err, nats.ErrMaxPayload) {
		m.Data = nil
		m.Header.Set(HeaderDeadDataOmitted, "true")
		ack, err = b.js.PublishMsg(ctx, m)
	}
	b.acknowledged(events.StreamDeadLetters, began, ack, err)
	if err != nil {
		return fmt.Errorf("store dead letter of %s %d for %s: %w", d.Stream, d.Sequence, service, err)
	}
	b.metrics.deadLetters.WithLabelValues(d.Stream).Inc()
	return nil
}

// oneLine makes an error's text fit a header.
func oneLine(err error) string {
	if err == nil {
		return "no reason given"
	}
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " "))
	if len(runes) > maxReason {
		runes = append(runes[:maxReason], '…')
	}
	return string(runes)
}
