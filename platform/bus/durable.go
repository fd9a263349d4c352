package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// declareDurable makes a durable, or brings the one that is there in line with c. A
// new one begins where c says, but for one that was deleted: it begins behind what the
// positions say was acknowledged. Any number of processes may declare at once.
func (b *Bus) declareDurable(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	for {
		have, err := b.js.Consumer(ctx, stream, c.Durable)
		switch {
		case err == nil:
			// Where it began cannot be changed, and counts no more.
			is := have.CachedInfo().Config
			c.DeliverPolicy, c.OptStartSeq = is.DeliverPolicy, is.OptStartSeq
			updated, err := b.js.UpdateConsumer(ctx, stream, c)
			if errors.Is(err, jetstream.ErrConsumerDoesNotExist) || errors.Is(err, jetstream.ErrConsumerNotFound) {
				continue // deleted in between
			}
			return updated, err
		case !errors.Is(err, jetstream.ErrConsumerNotFound):
			return nil, err
		}
		begin, err := b.beginning(ctx, stream, c.Durable)
		if err != nil {
			return nil, err
		}
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverAllPolicy, 0
		if begin > 1 {
			c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, begin
		}
		made, err := b.js.CreateConsumer(ctx, stream, c)
		if errors.Is(err, jetstream.ErrConsumerExists) {
			continue // another process was faster, perhaps with a later position
		}
		if err == nil && used(made) {
			// The server had not removed the files of the one before, and took them over.
			if err := b.js.DeleteConsumer(ctx, stream, c.Durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
				return nil, err
			}
			continue
		}
		if err == nil && begin > 1 {
			b.log.InfoContext(ctx, "NATS did not have a consumer; it goes on behind what it had acknowledged",
				"stream", stream, "consumer", c.Durable, "from_sequence", begin)
		}
		return made, err
	}
}

// used says whether a consumer that was just made has given something.
func used(c jetstream.Consumer) bool {
	info := c.CachedInfo()
	return info.Delivered.Consumer > 0 || info.AckFloor.Consumer > 0
}

// beginning is the first sequence that a new durable has to give: 1 where nothing is
// known of an earlier one in this life of the stream.
func (b *Bus) beginning(ctx context.Context, stream, durable string) (uint64, error) {
	b.mu.Lock()
	positions := b.positions
	b.mu.Unlock()
	if positions == nil {
		return 1, nil
	}
	state, err := b.State(ctx, stream)
	if err != nil {
		return 0, err
	}
	acknowledged, err := positions.Acknowledged(ctx, stream, durable, state.Epoch)
	if err != nil {
		return 0, fmt.Errorf("look where consumer %s on %s was: %w", durable, stream, err)
	}
	return min(acknowledged, state.LastSequence) + 1, nil
}

// MissingConsumer is a durable that the server does not have, though a service of this
// process reads from it.
type MissingConsumer struct {
	Stream, Consumer string
	Since            time.Time
}

// MissingConsumers are the durables that were deleted and could not be declared again
// yet, by stream and name.
func (b *Bus) MissingConsumers() []MissingConsumer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lost)
}

func (m MissingConsumer) is(stream, durable string) bool {
	return m.Stream == stream && m.Consumer == durable
}

// missing notes that a durable is gone. Only the first call says so in the log.
func (b *Bus) missing(stream, durable string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.lost, func(m MissingConsumer) bool { return m.is(stream, durable) }) {
		return
	}
	b.lost = append(b.lost, MissingConsumer{Stream: stream, Consumer: durable, Since: time.Now()})
	b.log.Error("NATS does not have a consumer that is read from; it is declared again", "stream", stream, "consumer", durable, "error", err)
}

func (b *Bus) declaredAgain(stream, durable string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.lost)
	b.lost = slices.DeleteFunc(b.lost, func(m MissingConsumer) bool { return m.is(stream, durable) })
	if len(b.lost) < before { // else another reader of the same durable has said it
		b.metrics.declared.WithLabelValues(stream, durable).Inc()
		b.log.Warn("a consumer was deleted and is declared again; find out who deleted it", "stream", stream, "consumer", durable)
	}
}

// missingCollector tells at each scrape which durables are not there.
type missingCollector struct {
	bus     *Bus
	missing *prometheus.Desc
}

func newMissingCollector(b *Bus) *missingCollector {
	return &missingCollector{bus: b, missing: prometheus.NewDesc("stridelog_consumer_missing",
		"1 while NATS does not have a consumer that this service reads from, and it could not be declared again.", []string{"stream", "consumer"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *missingCollector) Describe(to chan<- *prometheus.Desc) { to <- c.missing }

// Collect implements prometheus.Collector.
func (c *missingCollector) Collect(to chan<- prometheus.Metric) {
	for _, m := range c.bus.MissingConsumers() {
		to <- prometheus.MustNewConstMetric(c.missing, prometheus.GaugeValue, 1, m.Stream, m.Consumer)
	}
}
