package imports

import (
	"context"
	"errors"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

// tooLarge is a record that does not fit into a message.
const tooLarge outcome = provider.SkipTooLarge

// plan is what becomes of a page.
type plan struct {
	outcomes []outcome      // of the page's records
	facts    []events.Event // to be published
	of       []int          // the records that the facts are of
}

// compare finds what the page holds beyond what is known.
func (r *run) compare(ctx context.Context, page []record) (plan, error) {
	var p plan
	r.known.expect(page)
	for i := range page {
		x := &page[i]
		o, publish := r.known.judge(x)
		if publish {
			a := r.known.activity(x.ExternalID)
			e := r.fact(*x, a)
			fits, err := r.fits(ctx, *x, e)
			switch {
			case err != nil:
				return p, err
			case fits:
				p.facts, p.of = append(p.facts, e), append(p.of, i)
			default:
				o, a.held, r.known.joins.stale = tooLarge, false, true
			}
		}
		p.outcomes = append(p.outcomes, o)
	}
	return p, nil
}

// fact is the fact of a record, which takes the place of what the log has of it.
func (r *run) fact(x record, a *activity) events.Event {
	data := r.fetched(x)
	data.ReplacesSequence = a.winner.sequence
	return r.event(x.ExternalID, data,
		events.ActivityFactID(events.TypeActivityFetched, r.lease.UserID, r.lease.Provider, x.ExternalID, data.ReplacesSequence, data.ContentHash))
}

// fits says whether the log takes a fact. A small one does, however its bytes have
// to be written, and is not encoded to find out.
func (r *run) fits(ctx context.Context, x record, e events.Event) (bool, error) {
	if int64(x.size()) < r.Bus.Conn().MaxPayload()/8 {
		return true, nil
	}
	size, err := r.Bus.CheckSize(e)
	if errors.Is(err, bus.ErrTooLarge) {
		r.Log.WarnContext(ctx, "a record is larger than the log takes and is left out", "import_id", r.lease.ID, "external_id", x.ExternalID, "bytes", size)
		return false, nil
	}
	return true, err
}

func (r *run) fetched(x record) *events.ActivityFetched {
	return &events.ActivityFetched{
		UserID: r.lease.UserID, Provider: r.lease.Provider, ExternalID: x.ExternalID, ForeignID: x.ForeignID,
		Format: x.Format, Context: x.Context, ProviderModifiedAt: x.ModifiedAt, ContentHash: x.ContentHash, HashVersion: x.HashVersion,
		Origin: events.OriginImport, FetchedAt: *r.lease.StartedAt, StartedAt: x.StartedAt, Raw: x.Raw,
	}
}
