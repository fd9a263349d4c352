package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// EraseSubjects deletes every message on subjects, which may hold wildcards, and
// overwrites its bytes on disk. A purge would leave them in the stream's files. It
// takes some 10 ms a message, may be stopped and called again, and returns when
// nothing is left; count is what this call deleted.
func (b *Bus) EraseSubjects(ctx context.Context, stream, subjects string) (count int64, err error) {
	if subjects == "" {
		return 0, fmt.Errorf("erase from %s: subjects is empty, which would mean everything; name them", stream)
	}
	s, err := b.stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	for {
		var found []uint64
		_, err := b.walk(ctx, stream, []string{subjects}, 1, true, func(_ jetstream.Msg, sequence uint64) error {
			found = append(found, sequence)
			return nil
		})
		if err != nil {
			return count, fmt.Errorf("erase %s from %s: %w", subjects, stream, err)
		}
		if len(found) == 0 {
			return count, nil
		}
		for _, sequence := range found {
			if err := s.SecureDeleteMsg(ctx, sequence); err != nil {
				// Somebody else may have erased it, or it aged out: the server's answer
				// does not say, so look.
				if _, look := s.GetMsg(ctx, sequence); errors.Is(look, jetstream.ErrMsgNotFound) {
					continue
				}
				return count, fmt.Errorf("erase %s %d: %w; call again to go on", stream, sequence, err)
			}
			count++
		}
	}
}
