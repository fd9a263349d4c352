// Package pubsub is Watermill's Subscriber on NATS JetStream: pull consumers, explicit
// acknowledgement, one message in flight per subscription. Streams and consumers are
// declared with settings of ours, never provisioned by name. The connection belongs to
// its maker; nothing here closes it. Its wire format, CloudEvents, also serves the
// publisher of watermill-nats.
//
// docs/decisions/0002-own-watermill-adapter.md says why the subscriber is our own and why
// there is no publisher.
package pubsub
