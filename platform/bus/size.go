package bus

import (
	"errors"
	"fmt"

	"github.com/stridelog/stridelog/events"
)

// ErrPageTooLong says that the server takes fewer events in one page: its own
// setting (max_batch_size) is below MaxPage. Nothing was stored; publish less at once.
var ErrPageTooLong = errors.New("the server takes fewer events in one page")

// ErrTooLarge says that an event is larger than the server takes. Trying again
// does not help.
var ErrTooLarge = errors.New("the event is larger than a message may be")

// headroom is what stays free of the server's max_payload, in bytes: for the headers
// of a page and of a dead letter, and for what is made of an event and holds it.
const headroom = 16 << 10

// CheckSize fails with ErrTooLarge when an event does not fit into a message of
// this server. It gives the size of the message in bytes.
func (b *Bus) CheckSize(e events.Event) (bytes int, err error) {
	_, m, err := wireMessage(e)
	if err != nil {
		return 0, err
	}
	bytes, limit := m.Size(), b.nc.MaxPayload()-headroom
	if int64(bytes) > limit {
		return bytes, fmt.Errorf("%w: %s %s has %d bytes and may have %d; raise max_payload of the NATS server (8 MB is the most it recommends)",
			ErrTooLarge, e.Type(), e.ID, bytes, limit)
	}
	return bytes, nil
}
