package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
)

// The headers of a dropped dead letter, beside those of the dead letter.
const (
	HeaderDropReason = "Dead-Letter-Drop-Reason"
	// HeaderGivenUp is when the event was given up. The time of the message is when it
	// was dropped.
	HeaderGivenUp = "Dead-Letter-Given-Up"
)

// ErrDropped says that a dead letter was dropped before.
var ErrDropped = errors.New("the dead letter is dropped already")

// Drop closes a dead letter that nobody will handle: a record of it, without the
// event's content and with the reason, takes its place in the stream. The record is
// kept as long as dead letters are, and is erased with its person. It can be requeued
// by its own sequence. errors.Is(err, ErrNoMessage) when there is no such dead letter.
// The reason is stored: it must hold no secret and no person's data.
//
// A crash between record and removal leaves both; dropping again removes the rest.
func (b *Bus) Drop(ctx context.Context, sequence uint64, reason string) (DeadLetter, error) {
	fail := func(err error) (DeadLetter, error) {
		return DeadLetter{}, fmt.Errorf("drop dead letter %d: %w", sequence, err)
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return fail(errors.New("a reason is required: the record keeps it"))
	}
	s, err := b.stream(ctx, events.StreamDeadLetters)
	if err != nil {
		return fail(err)
	}
	m, err := s.GetMsg(ctx, sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return fail(ErrNoMessage)
	case err != nil:
		return fail(err)
	case events.IsDropped(m.Subject):
		return fail(ErrDropped)
	}
	kept := droppedMessage(m, reason)
	began := b.refusals.now()
	ack, err := b.js.PublishMsg(ctx, kept)
	b.acknowledged(events.StreamDeadLetters, began, ack, err)
	if err != nil {
		return fail(fmt.Errorf("store the record with the reason: %w", err))
	}
	if err := s.SecureDeleteMsg(ctx, sequence); err != nil {
		if _, look := s.GetMsg(ctx, sequence); !errors.Is(look, jetstream.ErrMsgNotFound) {
			return fail(fmt.Errorf("the record is stored and the dead letter cannot be removed: %w; drop it again", err))
		}
	}
	return deadLetterOf(kept.Subject, kept.Header, ack.Sequence, time.Now()), nil
}

func droppedMessage(m *jetstream.RawStreamMsg, reason string) *nats.Msg {
	_, _, provider, userID, err := events.ParseSubject(m.Subject)
	if err != nil {
		provider, userID = events.NoProvider, events.NoProvider
	}
	kept := &nats.Msg{Subject: events.DroppedSubject(provider, userID), Header: nats.Header{}}
	for k, v := range m.Header {
		if !strings.HasPrefix(strings.ToLower(k), "nats-") {
			kept.Header[k] = v
		}
	}
	kept.Header.Set(HeaderDropReason, oneLine(errors.New(reason)))
	kept.Header.Set(HeaderGivenUp, m.Time.UTC().Format(time.RFC3339Nano))
	kept.Header.Set(HeaderDeadDataOmitted, "true")
	kept.Header.Set(events.HeaderMsgID, fmt.Sprintf("dropped-letter/%d/%s", m.Sequence, m.Time.UTC().Format(time.RFC3339Nano)))
	return kept
}

// deadLetterCounts are how many messages of the stream are open and how many dropped.
func deadLetterCounts(ctx context.Context, s jetstream.Stream) (state jetstream.StreamState, open, dropped uint64, err error) {
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(events.DroppedSubjects()))
	if err != nil {
		return jetstream.StreamState{}, 0, 0, fmt.Errorf("count dead letters: %w", err)
	}
	for _, n := range info.State.Subjects {
		dropped += n
	}
	return info.State, info.State.Msgs - min(dropped, info.State.Msgs), dropped, nil
}

// openCollector tells at each scrape how many dead letters wait for somebody. It is not
// the counter of those that came: requeueing, dropping and erasing end one.
type openCollector struct {
	bus  *Bus
	open *prometheus.Desc
}

// NewOpenDeadLetters is a metric of how many dead letters are open. One service of a
// system has it. While NATS does not answer it has no value.
func NewOpenDeadLetters(b *Bus) prometheus.Collector {
	return &openCollector{bus: b, open: prometheus.NewDesc("stridelog_dead_letters_open",
		"Events that were given up and neither handled again nor dropped.", nil, nil)}
}

// Describe implements prometheus.Collector.
func (c *openCollector) Describe(to chan<- *prometheus.Desc) { to <- c.open }

// Collect implements prometheus.Collector.
func (c *openCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	s, err := c.bus.stream(ctx, events.StreamDeadLetters)
	if err == nil {
		var open uint64
		if _, open, _, err = deadLetterCounts(ctx, s); err == nil {
			to <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(open))
			return
		}
	}
	c.bus.log.WarnContext(ctx, "a scrape does not say how many dead letters are open", "error", err)
}
