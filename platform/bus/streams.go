package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
)

// metadataEpoch is the member of a stream's metadata that tells one life of the
// stream from the next: a sequence means nothing without it.
const metadataEpoch = "stridelog_epoch"

// DeclareStreams makes every stream of events.Streams and the bucket of uploads, or
// brings what exists in line with it, also what earlier programs had. It keeps what
// the declaration does not speak of (placement, size limits, more replicas than
// WithReplicas), so an operator may set those. Any number of processes may declare at
// once: they end up with one epoch. It waits for a cluster that is choosing leaders.
func (b *Bus) DeclareStreams(ctx context.Context) error {
	for _, s := range events.Streams() {
		if err := whileElecting(ctx, func() error { return b.declare(ctx, s) }); err != nil {
			return fmt.Errorf("declare stream %s: %w", s.Name, b.replicasFault(err))
		}
	}
	if err := whileElecting(ctx, func() error { return b.declareUploads(ctx) }); err != nil {
		return fmt.Errorf("declare bucket %s: %w", events.BucketUploads, b.replicasFault(err))
	}
	return nil
}

func (b *Bus) declare(ctx context.Context, s events.Stream) error {
	if err := b.succeed(ctx, s); err != nil {
		return err
	}
	for {
		have, err := b.js.Stream(ctx, s.Name)
		if err == nil {
			return b.align(ctx, s, have.CachedInfo())
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		_, err = b.js.CreateStream(ctx, b.newStreamConfig(s))
		if err == nil {
			return nil
		}
		// Another process was faster. Its epoch differs from ours, so the server
		// refused ours: look again and take what is there.
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
	}
}

func (b *Bus) newStreamConfig(s events.Stream) jetstream.StreamConfig {
	return b.withDeclared(jetstream.StreamConfig{
		Name:      s.Name,
		Retention: jetstream.LimitsPolicy,
		Storage:   jetstream.FileStorage,
		Metadata:  map[string]string{metadataEpoch: uuid.NewString()},
	}, s)
}

// withDeclared sets what the declaration says and a running stream can change.
func (b *Bus) withDeclared(c jetstream.StreamConfig, s events.Stream) jetstream.StreamConfig {
	c.Description = s.Description
	c.Subjects = withLater(s.Subjects, c.Subjects)
	c.MaxAge = s.MaxAge
	c.Duplicates = events.DuplicateWindow
	c.AllowAtomicPublish = s.Atomic
	c.AllowDirect = true
	c.Replicas = max(c.Replicas, b.replicas)
	return c
}

// withLater are the declared subjects and, behind them, those that a stream has of an
// entity that this program does not know: a later program declared these, and what it
// publishes on them must not be refused because this one started after it.
func withLater(declared, have []string) []string {
	all := slices.Clone(declared)
	for _, subject := range have {
		if events.IsLaterEntity(subject) {
			all = append(all, subject)
		}
	}
	return all
}

func (b *Bus) align(ctx context.Context, s events.Stream, have *jetstream.StreamInfo) error {
	if have.Config.Storage != jetstream.FileStorage || have.Config.Retention != jetstream.LimitsPolicy || have.Config.DenyDelete {
		return fmt.Errorf("it exists with storage %v, retention %v, deny_delete %v; it needs file storage, limits retention and deletion (for erasure): move its messages to a stream made by this command",
			have.Config.Storage, have.Config.Retention, have.Config.DenyDelete)
	}
	want := b.withDeclared(have.Config, s)
	want.Metadata = maps.Clone(have.Config.Metadata)
	if want.Metadata == nil {
		want.Metadata = map[string]string{}
	}
	if want.Metadata[metadataEpoch] == "" {
		// Made by somebody else. An epoch from its birth is the same for every
		// process that adds it at this moment.
		want.Metadata[metadataEpoch] = uuid.NewSHA1(uuid.NameSpaceURL, []byte(s.Name+have.Created.UTC().Format(time.RFC3339Nano))).String()
	}
	if sameDeclared(want, have.Config) {
		return nil
	}
	_, err := b.js.UpdateStream(ctx, want)
	return err
}

// regain gives a stream the declared subjects that it lacks, after a publish that no
// stream answered, and says whether it did: then the publish is worth another try. An
// older program takes subjects off that it does not know when it starts. It makes no
// stream: one that is gone is a log that is gone. Where this program may not change
// streams, somebody else has to.
func (b *Bus) regain(ctx context.Context, name string, fault error) bool {
	if !errors.Is(fault, jetstream.ErrNoStreamResponse) && !errors.Is(fault, nats.ErrNoResponders) {
		return false
	}
	all := events.Streams()
	at := slices.IndexFunc(all, func(s events.Stream) bool { return s.Name == name })
	have, err := b.js.Stream(ctx, name)
	if at < 0 || err != nil {
		return false
	}
	c := have.CachedInfo().Config
	lacks := slices.ContainsFunc(all[at].Subjects, func(subject string) bool { return !slices.Contains(c.Subjects, subject) })
	if !lacks || c.Mirror != nil {
		return false
	}
	if err := b.align(ctx, all[at], have.CachedInfo()); err != nil {
		b.log.WarnContext(ctx, "a stream lacks subjects that this program publishes on, and cannot be given them; start this program again, or run stridelog streams", "stream", name, "error", err)
		return false
	}
	b.log.InfoContext(ctx, "a stream has the subjects back that an older program took off", "stream", name)
	return true
}

func sameDeclared(a, b jetstream.StreamConfig) bool {
	return a.Description == b.Description && slices.Equal(a.Subjects, b.Subjects) && a.MaxAge == b.MaxAge &&
		a.Duplicates == b.Duplicates && a.Replicas == b.Replicas && a.AllowAtomicPublish == b.AllowAtomicPublish && a.AllowDirect == b.AllowDirect &&
		a.Metadata[metadataEpoch] == b.Metadata[metadataEpoch]
}

// Epoch is the random id of a stream's present life. Whoever stores a sequence
// stores the epoch beside it: another epoch means that the log was replaced.
func (b *Bus) Epoch(ctx context.Context, stream string) (string, error) {
	s, err := b.streamOnceElected(ctx, stream)
	if err != nil {
		return "", fmt.Errorf("read epoch of stream %s: %w", stream, err)
	}
	epoch := s.CachedInfo().Config.Metadata[metadataEpoch]
	if epoch == "" {
		return "", fmt.Errorf("read epoch of stream %s: its metadata has no %s; DeclareStreams adds one", stream, metadataEpoch)
	}
	return epoch, nil
}
