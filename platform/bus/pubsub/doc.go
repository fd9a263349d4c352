// Package pubsub is Watermill's Publisher and Subscriber on NATS JetStream: pull
// consumers, explicit acknowledgement, one message in flight per subscription.
// Streams and consumers are declared with settings of ours, never provisioned by
// name. The connection belongs to whoever made it; nothing here closes it.
//
// docs/decisions/0002-own-watermill-adapter.md says why it is our own.
package pubsub
