package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events/rpc"
)

const (
	// eraseTurn is how many messages of one person are deleted securely before it is
	// somebody else's turn, and eraseTurnTime how long that may take. A secure deletion
	// writes a file of up to 8 MB anew and syncs it.
	eraseTurn     = 100
	eraseTurnTime = 2 * time.Second
	// eraseTimeout bounds one deletion.
	eraseTimeout = 30 * time.Second
)

// errStale says that the log is not the one that an erasure was planned on.
var errStale = errors.New("the stream holds other messages than when the erasure was planned")

// ErasedStream is a stream that an erasure takes messages from.
type ErasedStream struct {
	Kind   string // what its messages are called in counts
	Stream string
	// Whole says that long stretches may be purged, whose files vanish whole. The NATS
	// user then needs the permission to purge the stream.
	Whole bool
}

// erasing is how far the erasure of one person from one stream is.
type erasing struct {
	Epoch string      `json:"epoch"`
	Total int64       `json:"total"` // messages found since the beginning
	Left  int64       `json:"left"`
	Next  uint64      `json:"next,omitempty"` // where the listing goes on when the steps are done
	Steps []eraseStep `json:"steps,omitempty"`
}

// EraseTurn deletes messages on subjects, which may hold wildcards, from streams for
// one turn. It deletes them securely: the server writes the file again without the
// bytes, which a purge leaves in it. Only where the messages fill more than 16 MB in a
// row, the inner part is purged, and its files are removed as a whole. progress is the
// last answer's; none begins. The work is done when the answer's Left is 0.
func (b *Bus) EraseTurn(ctx context.Context, streams []ErasedStream, subjects string, progress json.RawMessage) (rpc.EraseResponse, error) {
	if subjects == "" {
		return rpc.EraseResponse{}, errors.New("erase: subjects is empty, which would mean everything; name them")
	}
	done := map[string]*erasing{}
	if len(progress) > 0 && string(progress) != "null" {
		if err := json.Unmarshal(progress, &done); err != nil {
			return rpc.EraseResponse{}, fmt.Errorf("read the progress of an erasure: %w", err)
		}
	}
	answer := rpc.EraseResponse{Erased: map[string]int64{}}
	turn := turn{most: eraseTurn, until: time.Now().Add(eraseTurnTime)}
	for _, s := range streams {
		e := done[s.Stream]
		if e == nil {
			e = &erasing{}
			done[s.Stream] = e
		}
		if err := b.eraseFrom(ctx, s, subjects, e, &turn); err != nil {
			return rpc.EraseResponse{}, fmt.Errorf("erase %s from %s: %w", s.Kind, s.Stream, err)
		}
		answer.Erased[s.Kind] += e.Total - e.Left
		answer.Left += e.Left
	}
	var err error
	answer.Progress, err = json.Marshal(done)
	return answer, err
}

// EraseSubjects is EraseTurn for one stream until nothing is left. count is what was
// deleted. It may be stopped and called again.
func (b *Bus) EraseSubjects(ctx context.Context, stream, subjects string) (count int64, err error) {
	done, err := b.EraseAll(ctx, []ErasedStream{{Kind: stream, Stream: stream}}, subjects)
	return done[stream], err
}

// EraseAll is EraseTurn until nothing is left, with what was deleted by kind.
func (b *Bus) EraseAll(ctx context.Context, streams []ErasedStream, subjects string) (map[string]int64, error) {
	var progress json.RawMessage
	erased := map[string]int64{}
	for {
		now, err := b.EraseTurn(ctx, streams, subjects, progress)
		if err != nil {
			return erased, err
		}
		if progress, erased = now.Progress, now.Erased; now.Left == 0 {
			return erased, nil
		}
	}
}

// turn is what may still be done in a turn.
type turn struct {
	most  int
	until time.Time
}

func (t *turn) over() bool { return t.most <= 0 || time.Now().After(t.until) }

// eraseFrom goes on with one stream as long as the turn lasts.
func (b *Bus) eraseFrom(ctx context.Context, from ErasedStream, subjects string, e *erasing, t *turn) error {
	s, err := b.js.Stream(ctx, from.Stream)
	if err != nil {
		return err
	}
	if epoch := s.CachedInfo().Config.Metadata[metadataEpoch]; epoch != e.Epoch {
		*e = erasing{Epoch: epoch}
	}
	if err := e.count(ctx, s, subjects); err != nil {
		return err
	}
	for e.Left > 0 && !t.over() {
		if len(e.Steps) == 0 {
			if e.Steps, e.Next, err = b.planErasure(ctx, from, subjects, e.Next); err != nil {
				return err
			}
		}
		if err := b.eraseSteps(ctx, s, subjects, e, t); errors.Is(err, errStale) {
			e.Steps, e.Next = nil, 0
		} else if err != nil {
			return err
		}
		if err := e.count(ctx, s, subjects); err != nil {
			return err
		}
	}
	return nil
}

// count asks how many messages there are. More than there were is what came meanwhile.
func (e *erasing) count(ctx context.Context, s jetstream.Stream, subjects string) error {
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subjects))
	if err != nil {
		return fmt.Errorf("count what is left: %w", err)
	}
	var left int64
	for _, n := range info.State.Subjects {
		left += int64(n)
	}
	e.Total += max(left-e.Left, 0)
	e.Left = left
	return nil
}

// eraseSteps takes steps off the plan, in order: a purge deletes everything of the
// person below its end, so all of that has to have gone securely before.
func (b *Bus) eraseSteps(ctx context.Context, s jetstream.Stream, subjects string, e *erasing, t *turn) error {
	for len(e.Steps) > 0 && !t.over() {
		step := &e.Steps[0]
		if step.Purge {
			if err := purge(ctx, s, subjects, step.To); err != nil {
				return err
			}
			e.Steps, t.most = e.Steps[1:], t.most-1
			continue
		}
		if err := b.eraseMessage(ctx, s, subjects, step.From); err != nil {
			return err
		}
		if step.From++; step.From > step.To {
			e.Steps = e.Steps[1:]
		}
		t.most--
	}
	return nil
}

func purge(ctx context.Context, s jetstream.Stream, subjects string, to uint64) error {
	ctx, cancel := context.WithTimeout(ctx, eraseTimeout)
	defer cancel()
	err := s.Purge(ctx, jetstream.WithPurgeSubject(subjects), jetstream.WithPurgeSequence(to+1))
	if err != nil {
		return fmt.Errorf("purge a stretch up to %d: %w; the NATS user needs the permission to publish $JS.API.STREAM.PURGE.%s, as deploy/nats/nats.conf has it",
			to, err, s.CachedInfo().Config.Name)
	}
	return nil
}

// eraseMessage deletes one message securely. One that is gone is no error, and one of
// somebody else is errStale. One that only a replica lacks must not pass for gone: a
// purge that follows would leave its bytes.
func (b *Bus) eraseMessage(ctx context.Context, s jetstream.Stream, subjects string, sequence uint64) error {
	ctx, cancel := context.WithTimeout(ctx, eraseTimeout)
	defer cancel()
	m, err := b.message(ctx, s, sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil // it aged out, or another process deleted it
	case err != nil:
		return fmt.Errorf("look at %d: %w", sequence, err)
	case !covers([]string{subjects}, m.Subject):
		return errStale
	}
	if err := s.SecureDeleteMsg(ctx, sequence); err != nil {
		// The server's answer does not tell that somebody else was faster.
		if _, look := b.message(ctx, s, sequence); errors.Is(look, jetstream.ErrMsgNotFound) {
			return nil
		}
		return fmt.Errorf("delete %d: %w", sequence, err)
	}
	return nil
}
