package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// blockSize is the most that the server writes into one file of a stream, in bytes.
	blockSize = 8 << 20
	// purgeSize is how much one purge deletes: the stream takes no writes meanwhile.
	purgeSize = 64 << 20
	// maxSteps bounds a plan; the listing goes on when its steps are done.
	maxSteps = 1000
	// recordOverhead is what the server writes beside subject, headers and payload: the
	// record's own header, the length of the headers, a checksum.
	recordOverhead = 22 + 4 + 8
	// headerSize has the payload's size where the server leaves the payload out.
	headerSize = "Nats-Msg-Size"
)

// eraseStep is a row of sequences to be deleted, all of one person.
type eraseStep struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	// Purge deletes the files whole. All of the person below From has to be gone.
	Purge bool `json:"purge,omitempty"`
}

// planErasure lists the messages from a sequence on (0: the first) and says how to
// delete them, in ascending order. next is where the listing goes on; 0 is the start
// again, for what came meanwhile.
func (b *Bus) planErasure(ctx context.Context, from ErasedStream, subjects string, start uint64) (steps []eraseStep, next uint64, err error) {
	p := planner{whole: from.Whole}
	_, err = b.walk(ctx, from.Stream, []string{subjects}, start, true, func(m jetstream.Msg, sequence uint64) error {
		if !p.follows(sequence) {
			p.close()
			if len(p.steps) >= maxSteps {
				next = sequence
				return errEnough
			}
		}
		p.add(sequence, recordSize(m))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, 0, fmt.Errorf("list what is to be erased: %w", err)
	}
	p.close()
	return p.steps, next, nil
}

// recordSize is how many bytes of a file a message takes, or a few less.
func recordSize(m jetstream.Msg) int {
	size := recordOverhead + len(m.Subject())
	for name, values := range m.Headers() {
		if name == headerSize {
			payload, err := strconv.Atoi(m.Headers().Get(headerSize))
			if err == nil {
				size += payload
			}
			continue
		}
		for _, value := range values {
			size += len(name) + len(value) + len(":\r\n")
		}
	}
	return size
}

// planner collects a person's messages that lie in a row: a stretch.
type planner struct {
	whole bool // long stretches may be purged
	first uint64
	sizes []int // of the stretch's messages
	steps []eraseStep
}

func (p *planner) follows(sequence uint64) bool {
	return len(p.sizes) > 0 && sequence == p.first+uint64(len(p.sizes))
}

func (p *planner) add(sequence uint64, size int) {
	if len(p.sizes) == 0 {
		p.first = sequence
	}
	p.sizes = append(p.sizes, size)
}

// close plans the deletion of the stretch. A file holds at most blockSize, so one that
// also holds somebody else's message reaches no farther than that into the stretch from
// either end; the files between hold nothing but the stretch, and vanish when it does.
// The ends are deleted securely.
func (p *planner) close() {
	if len(p.sizes) == 0 {
		return
	}
	head, tail := 0, len(p.sizes) // the inner part is [head, tail)
	for bytes := 0; head < tail && bytes < blockSize; head++ {
		bytes += p.sizes[head]
	}
	for bytes := 0; tail > head && bytes < blockSize; tail-- {
		bytes += p.sizes[tail-1]
	}
	if !p.whole || head >= tail {
		head, tail = len(p.sizes), len(p.sizes)
	}
	p.step(0, head, false)
	for from := head; from < tail; {
		to := from
		for bytes := 0; to < tail && bytes < purgeSize; to++ {
			bytes += p.sizes[to]
		}
		p.step(from, to, true)
		from = to
	}
	p.step(tail, len(p.sizes), false)
	p.sizes = p.sizes[:0]
}

// step adds the messages [from, to) of the stretch.
func (p *planner) step(from, to int, purge bool) {
	if from < to {
		p.steps = append(p.steps, eraseStep{From: p.first + uint64(from), To: p.first + uint64(to) - 1, Purge: purge})
	}
}
