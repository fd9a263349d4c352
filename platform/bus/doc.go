// Package bus carries events and requests between services over NATS: streams
// declared in code, publishing with proof of order, reading, handlers, batches,
// and request/reply.
//
// Three ways to consume, by need: NewRouter for one event at a time (Watermill,
// with retries and dead letters), Batches for folds that commit many events in
// one transaction, Read for a look at the log up to now.
package bus
