package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A stream with replicas is read from any of them, and one that is behind lacks what
// others have acknowledged. Whoever must know asks the stream's leader, which answers
// this request alone. On one server it is the same as a direct get.
const subjectMessageGet = "$JS.API.STREAM.MSG.GET."

// messageGet asks for one message: by sequence; by subjects, the last; or the first one
// on subjects from a sequence on. Subjects may hold wildcards.
type messageGet struct {
	Sequence uint64 `json:"seq,omitempty"`
	Last     string `json:"last_by_subj,omitempty"`
	Next     string `json:"next_by_subj,omitempty"`
}

// fromLeader reads a message from the stream's leader. jetstream.ErrMsgNotFound when
// it has none.
func (b *Bus) fromLeader(ctx context.Context, stream string, ask messageGet) (*jetstream.RawStreamMsg, error) {
	request, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout) // a server that dies answers nothing
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, subjectMessageGet+stream, request)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, fmt.Errorf("read the answer of %s's leader: %w", stream, err)
	}
	if answer.Error != nil {
		if answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return nil, jetstream.ErrMsgNotFound
		}
		return nil, answer.Error
	}
	raw := &jetstream.RawStreamMsg{Subject: answer.Message.Subject, Sequence: answer.Message.Sequence, Data: answer.Message.Data, Time: answer.Message.Time}
	if len(answer.Message.Header) > 0 {
		if raw.Header, err = nats.DecodeHeadersMsg(answer.Message.Header); err != nil {
			return nil, fmt.Errorf("read the header of %s %d: %w", stream, raw.Sequence, err)
		}
	}
	return raw, nil
}

// message reads a message from any replica, and from the leader what that one lacks:
// it may be behind. jetstream.ErrMsgNotFound when the stream has none.
func (b *Bus) message(ctx context.Context, s jetstream.Stream, sequence uint64) (*jetstream.RawStreamMsg, error) {
	m, err := s.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return b.fromLeader(ctx, s.CachedInfo().Config.Name, messageGet{Sequence: sequence})
	}
	return m, err
}

// more says whether the leader has a message on any of subjects (none: all) from a
// sequence on.
func (b *Bus) more(ctx context.Context, stream string, subjects []string, from uint64) (bool, error) {
	if len(subjects) == 0 {
		subjects = []string{everySubject}
	}
	for _, one := range subjects {
		_, err := b.fromLeader(ctx, stream, messageGet{Sequence: from, Next: one})
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, fmt.Errorf("ask %s's leader for what follows %d: %w", stream, from, err)
		}
	}
	return false, nil
}
