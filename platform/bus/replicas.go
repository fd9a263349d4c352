package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors of NATS about replicas, and those that end by themselves once a cluster has
// leaders again; from nats-server's jetstream_errors_generated.go.
const (
	codeNoPeers                 jetstream.ErrorCode = 10005
	codeReplicasWithoutCluster  jetstream.ErrorCode = 10074
	codeReplicasNotUpdatable    jetstream.ErrorCode = 10061
	codeClusterNotAvailable     jetstream.ErrorCode = 10008
	codeClusterNotLeader        jetstream.ErrorCode = 10009
	codeClusterIncomplete       jetstream.ErrorCode = 10004
	codeStreamOffline           jetstream.ErrorCode = 10118
	codeLastSequenceUnavailable jetstream.ErrorCode = 10163
)

// declarePatience is how long declaring waits for a cluster that is choosing leaders.
const declarePatience = 30 * time.Second

// ErrReplicas says that NATS does not keep as many replicas as were asked for.
var ErrReplicas = errors.New("NATS refuses so many replicas")

// WithReplicas makes DeclareStreams keep every stream and the bucket of uploads on n
// servers of a cluster: 1, 3 or 5. What exists with fewer is raised; what has more is
// left as it is. Durable consumers have as many as their stream.
func WithReplicas(n int) Option {
	return func(b *Bus) error {
		if n != 1 && n != 3 && n != 5 {
			return fmt.Errorf("replicas: %d; give 1, 3 or 5: an even number survives no more servers than one less", n)
		}
		b.replicas = n
		return nil
	}
}

// replicasFault gives NATS's refusals words.
func (b *Bus) replicasFault(err error) error {
	var api *jetstream.APIError
	if b.replicas <= 1 || !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode {
	case codeReplicasWithoutCluster:
		return fmt.Errorf("%w: %d replicas need a cluster of %d servers, and this NATS server stands alone; run a cluster, or set STRIDELOG_REPLICAS=1: %w", ErrReplicas, b.replicas, b.replicas, err)
	case codeNoPeers:
		return fmt.Errorf("%w: %d replicas need %d servers with JetStream, and the cluster has fewer that run or have room; start all of them, or set a lower STRIDELOG_REPLICAS: %w", ErrReplicas, b.replicas, b.replicas, err)
	case codeReplicasNotUpdatable, codeStorageExceeded:
		return fmt.Errorf("%w: %d; see the limits of the NATS account and servers: %w", ErrReplicas, b.replicas, err)
	}
	return err
}

// whileElecting repeats what a cluster refuses only while it chooses leaders, until the
// context ends or declarePatience is over. A server that was killed a moment ago does
// not answer at all.
func whileElecting(ctx context.Context, try func() error) error {
	patience := time.Now().Add(declarePatience)
	for {
		err := try()
		if err == nil || !electing(err) || ctx.Err() != nil || time.Now().After(patience) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pagePause + rand.N(readPause)):
		}
	}
}

// streamOnceElected reads about a stream and waits for a cluster that is choosing leaders.
func (b *Bus) streamOnceElected(ctx context.Context, name string) (s jetstream.Stream, err error) {
	err = whileElecting(ctx, func() (err error) {
		ask, cancel := context.WithTimeout(ctx, apiTimeout)
		defer cancel()
		s, err = b.js.Stream(ask, name)
		return err
	})
	return s, err
}

func electing(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeClusterNotAvailable, codeClusterNotLeader, codeClusterIncomplete, codeStreamOffline, codeLastSequenceUnavailable:
			return true
		}
		return false
	}
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrDisconnected)
}
