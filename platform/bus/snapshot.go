package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	apiSnapshot = "$JS.API.STREAM.SNAPSHOT."
	apiRestore  = "$JS.API.STREAM.RESTORE."
	// snapshotChunk is how many bytes of a snapshot travel in a message.
	snapshotChunk = 128 << 10
	// snapshotPatience bounds the wait for each message of a snapshot: the server reads
	// its files meanwhile.
	snapshotPatience = 2 * time.Minute
	statusDone       = "204"
)

// Snapshot is what NATS wants to know of a stream to restore it, beside its bytes. It is
// kept as the server wrote it: a newer server may say more than this program knows.
type Snapshot struct {
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
}

// Epoch is that of the stream, see Bus.Epoch.
func (s Snapshot) Epoch() string {
	var config struct {
		Metadata map[string]string `json:"metadata"`
	}
	_ = json.Unmarshal(s.Config, &config)
	return config.Metadata[metadataEpoch]
}

// Name is the stream's.
func (s Snapshot) Name() string {
	var config struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(s.Config, &config)
	return config.Name
}

// SnapshotState is how much a snapshot holds.
type SnapshotState struct {
	Messages      uint64 `json:"messages"`
	Bytes         uint64 `json:"bytes"`
	FirstSequence uint64 `json:"first_seq"`
	LastSequence  uint64 `json:"last_seq"`
}

// Holds reads the state.
func (s Snapshot) Holds() (h SnapshotState, err error) {
	if err := json.Unmarshal(s.State, &h); err != nil {
		return h, fmt.Errorf("read the state of a snapshot: %w", err)
	}
	return h, nil
}

// apiAnswer is what JetStream answers. Error is nil when it did what was asked.
type apiAnswer struct {
	Snapshot
	DeliverSubject string `json:"deliver_subject"`
	Error          *struct {
		Code        int    `json:"code"`
		Description string `json:"description"`
	} `json:"error"`
}

func (a apiAnswer) err() error {
	if a.Error == nil {
		return nil
	}
	return fmt.Errorf("NATS says %s (%d)", a.Error.Description, a.Error.Code)
}

// TakeSnapshot writes a stream and its consumers to w, beside whoever reads and writes
// it. The server checks each message before it sends it.
func (b *Bus) TakeSnapshot(ctx context.Context, stream string, w io.Writer) (Snapshot, error) {
	s, err := b.takeSnapshot(ctx, stream, w)
	if err != nil {
		return Snapshot{}, fmt.Errorf("take a snapshot of stream %s: %w", stream, err)
	}
	return s, nil
}

func (b *Bus) takeSnapshot(ctx context.Context, stream string, w io.Writer) (s Snapshot, err error) {
	inbox := b.nc.NewInbox()
	sub, err := b.nc.SubscribeSync(inbox)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // the server's window bounds it
		return s, err
	}
	a, err := b.askAPI(ctx, apiSnapshot+stream, map[string]any{"deliver_subject": inbox, "chunk_size": snapshotChunk, "jsck": true})
	if err != nil {
		return s, err
	}
	for {
		m, err := nextWithin(ctx, sub, snapshotPatience)
		if err != nil {
			return s, err
		}
		if len(m.Data) == 0 {
			if status := m.Header.Get("Status"); status != "" && status != statusDone {
				return s, fmt.Errorf("the server broke off: %s %s", status, m.Header.Get("Description"))
			}
			return a.Snapshot, nil
		}
		if _, err := w.Write(m.Data); err != nil {
			return s, err
		}
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return s, err
			}
		}
	}
}

func nextWithin(ctx context.Context, sub *nats.Subscription, patience time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// RestoreSnapshot makes a stream again with its sequences, times and consumers. The
// stream must not exist.
func (b *Bus) RestoreSnapshot(ctx context.Context, s Snapshot, r io.Reader) error {
	if err := b.restoreSnapshot(ctx, s, r); err != nil {
		return fmt.Errorf("restore stream %s: %w", s.Name(), err)
	}
	return nil
}

func (b *Bus) restoreSnapshot(ctx context.Context, s Snapshot, r io.Reader) error {
	a, err := b.askAPI(ctx, apiRestore+s.Name(), s)
	if err != nil {
		return err
	}
	chunk := make([]byte, snapshotChunk)
	for {
		n, err := io.ReadFull(r, chunk)
		if n > 0 {
			if err := b.sendChunk(ctx, a.DeliverSubject, chunk[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return b.sendChunk(ctx, a.DeliverSubject, nil) // the end
		}
		if err != nil {
			return err
		}
	}
}

func (b *Bus) sendChunk(ctx context.Context, subject string, chunk []byte) error {
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, subject, chunk)
	if err != nil || len(m.Data) == 0 {
		return err
	}
	var a apiAnswer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return a.err()
}

func (b *Bus) askAPI(ctx context.Context, subject string, request any) (a apiAnswer, err error) {
	data, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("read the server's answer: %w", err)
	}
	return a, a.err()
}
