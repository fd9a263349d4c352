package bus

import "github.com/nats-io/nats.go/jetstream"

// WithClient is a Bus on another JetStream client.
func WithClient(b *Bus, js jetstream.JetStream) *Bus {
	return &Bus{nc: b.nc, js: js, log: b.log, tracer: b.tracer, metrics: b.metrics, refusals: b.refusals, replicas: b.replicas, streams: map[string]jetstream.Stream{}}
}
