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
	versions []version      // of the facts, without sequences yet
}

// compare finds what the page holds beyond what is known.
func (r *run) compare(ctx context.Context, page []record) (plan, error) {
	var p plan
	for _, x := range page {
		o, e, v, err := r.judge(ctx, x)
		if err != nil {
			return p, err
		}
		p.outcomes = append(p.outcomes, o)
		if e != nil {
			p.facts, p.versions = append(p.facts, *e), append(p.versions, v)
		}
	}
	return p, nil
}

// judge says what becomes of one record, with the fact to publish if there is one.
func (r *run) judge(ctx context.Context, x record) (outcome, *events.Event, version, error) {
	data := r.fetched(x)
	v := version{origin: events.OriginImport, foreign: x.ForeignID, stand: standOf(data), duration: x.Duration}
	if x.StartedAt != nil {
		v.start = *x.StartedAt
	}
	o, publish := r.known.judge(x.ExternalID, v)
	if v.ours = o; !publish {
		return o, nil, v, nil
	}
	data.ReplacesSequence = r.known.versions[x.ExternalID].sequence
	e := r.event(x.ExternalID, data,
		events.ActivityFactID(events.TypeActivityFetched, r.lease.UserID, r.lease.Provider, x.ExternalID, data.ReplacesSequence, data.ContentHash))
	fits, err := r.fits(ctx, x, e)
	if err != nil {
		return "", nil, v, err
	}
	if !fits {
		return tooLarge, nil, v, nil
	}
	return o, &e, v, nil
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
