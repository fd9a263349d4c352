package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/report"
)

// fetched is the fact of a record.
func fetched(kind events.Kind, r events.RecordFetched) (events.Event, error) {
	data, err := kind.Fetched(r)
	if err != nil {
		return events.Event{}, fmt.Errorf("write a record of %s: %w", r.Provider, err)
	}
	return events.Event{
		ID: kind.FetchedID(r), Source: report.Source, About: about(kind, r), Time: r.FetchedAt, Provider: r.Provider, UserID: r.UserID, Data: data,
	}, nil
}

// about is what a fact is about: of an attachment that travels within its parent's fence,
// that is the parent.
func about(kind events.Kind, r events.RecordFetched) string {
	if kind.Shape == events.ShapeAttachment && kind.Fence() != events.FenceRecord && r.Parent != nil {
		return r.Parent.ExternalID
	}
	return r.ExternalID
}

// removed is the fact that a record is gone.
func removed(kind events.Kind, r events.RecordRemoved) (events.Event, error) {
	data, err := kind.Removed(r)
	if err != nil {
		return events.Event{}, fmt.Errorf("write a removal of %s: %w", r.Provider, err)
	}
	return events.Event{
		ID: kind.RemovedID(r), Source: report.Source, About: r.ExternalID, Time: r.RemovedAt, Provider: r.Provider, UserID: r.UserID, Data: data,
	}, nil
}

// small is which part of the server's limit a record may have without its event
// being measured, which costs as much as to publish it: JSON makes a text six times
// as long at most, and the limit is at least 64 kB.
const small = 16

// fits says whether the log takes a fact. One that is too large would stop its page
// for ever; what the log has of the record stays.
func (x *Index) fits(ctx context.Context, r events.RecordFetched, e events.Event) (bool, error) {
	// The id is in the subject's headers and in the data, too.
	if int64(small*(len(r.Raw)+4*len(r.ExternalID))) < x.Bus.Conn().MaxPayload() {
		return true, nil
	}
	size, err := x.Bus.CheckSize(e)
	if errors.Is(err, bus.ErrTooLarge) {
		x.Log.WarnContext(ctx, "a record is larger than the log takes and is left out", "external_id", e.About, "bytes", size)
		return false, nil
	}
	return true, err
}
