package imports

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

// noActivity is a route of an activity that the log does not know, or as removed.
const noActivity outcome = provider.SkipNoActivity

// routes are what the log knows of where one activity went.
type routes struct {
	api bool // the provider's API said it
	// imported are the content hashes of what imports brought, with whether it was
	// this very one before it was interrupted.
	imported map[string]bool
	file     bool // one of them is a route by itself
	cut      cut  // the best of those that were cut out of files of positions
}

// cut is a route that was cut out of a file of positions. The one with more points is
// better, then the one with the higher hash, so that any order of imports ends with
// the same route.
type cut struct {
	points int
	hash   string
}

func (c cut) betterThan(o cut) bool {
	return cmp.Or(cmp.Compare(c.points, o.points), cmp.Compare(c.hash, o.hash)) > 0
}

// readRoute takes a route of the log in.
func (k *knowledge) readRoute(data *events.RouteFetched) {
	known := k.routes[data.ExternalID]
	if data.Origin != events.OriginImport {
		known.api = true
		k.routes[data.ExternalID] = known
		return
	}
	if known.imported == nil {
		known.imported = map[string]bool{}
	}
	if found := (cut{data.Points, data.ContentHash}); data.Points == 0 {
		known.file = true
	} else if found.betterThan(known.cut) {
		known.cut = found
	}
	known.imported[data.ContentHash] = known.imported[data.ContentHash] || data.FetchedAt.Equal(k.startedAt)
	k.routes[data.ExternalID] = known
}

// judgeRoute says what becomes of a route of an export, and whether it is to be
// published. The latest route of an activity counts, so that none of an import may
// follow one of the API, and what an earlier import brought is not told again. One of
// points follows neither a file that is a route by itself nor one of more points.
func (k *knowledge) judgeRoute(id, hash string, points int) (o outcome, publish bool) {
	activity := k.activities[id]
	known := k.routes[id]
	ours, there := known.imported[hash]
	switch {
	case activity == nil || !activity.found || activity.winner.removed:
		return noActivity, false
	case ours:
		return imported, false
	case there || known.api:
		return alreadyThere, false
	case points > 0 && (known.file || !(cut{points, hash}).betterThan(known.cut)):
		return alreadyThere, false
	default:
		return imported, true
	}
}

// route is a route on its way into the log.
type route struct {
	data *events.RouteFetched
	file string // the report's row
	read int64
	outcome
}

// routePage is what is compared and published at once.
type routePage struct {
	routes []*route
	bytes  int
}

func (p *routePage) takes(x *route) bool {
	return len(p.routes) < bus.MaxPage && p.bytes+len(x.data.RawGzip) <= pageBytes
}

func (p *routePage) add(x *route) {
	p.routes, p.bytes = append(p.routes, x), p.bytes+len(x.data.RawGzip)
}

// bringRoutes publishes where activities went, which are in the log by now.
func (r *run) bringRoutes(ctx context.Context, export provider.Export) error {
	var page routePage
	var compressor events.RouteCompressor
	err := export.Routes(ctx, func(found provider.ImportedRoute) error {
		x, err := r.compressed(ctx, &compressor, found)
		if err != nil {
			return err
		}
		if !page.takes(x) {
			if err := r.putRoutes(ctx, page.routes); err != nil {
				return err
			}
			page = routePage{}
		}
		page.add(x)
		return nil
	})
	if err != nil || len(page.routes) == 0 {
		return err
	}
	return r.putRoutes(ctx, page.routes)
}

// compressed makes the fact of a route. One that is not needed stays without its
// file, and one that the log does not take, too.
func (r *run) compressed(ctx context.Context, compressor *events.RouteCompressor, found provider.ImportedRoute) (*route, error) {
	x := &route{file: found.File, read: found.Read, data: &events.RouteFetched{
		UserID: r.lease.UserID, Provider: r.lease.Provider, ExternalID: found.ExternalID, Format: found.Format,
		ContentHash: events.RouteHash(found.Raw), Points: found.Points, Origin: events.OriginImport, FetchedAt: *r.lease.StartedAt,
	}}
	var needed bool
	if x.outcome, needed = r.known.judgeRoute(found.ExternalID, x.data.ContentHash, found.Points); !needed {
		return x, nil
	}
	if err := compressor.Compress(x.data, found.Raw); err != nil {
		return nil, err
	}
	fits, err := r.routeFits(x)
	if err != nil || fits {
		return x, err
	}
	r.Log.WarnContext(ctx, "a route is larger than the log takes and is left out", "import_id", r.lease.ID, "external_id", found.ExternalID, "bytes", len(found.Raw))
	x.outcome, x.data.RawGzip = tooLarge, nil
	return x, nil
}

// routeFits says whether the log takes a route. Only one of a size between is encoded
// to find out.
func (r *run) routeFits(x *route) (bool, error) {
	bytes, most := int64(base64.StdEncoding.EncodedLen(len(x.data.RawGzip))), r.Bus.Conn().MaxPayload()
	if bytes <= most/2 || bytes >= most {
		return bytes < most, nil
	}
	_, err := r.Bus.CheckSize(r.routeFact(x.data))
	if errors.Is(err, bus.ErrTooLarge) {
		return false, nil
	}
	return true, err
}

// putRoutes compares a page with what is known and publishes what is new, as bring
// does with records.
func (r *run) putRoutes(ctx context.Context, page []*route) error {
	var fresh []*route
	err := r.write(ctx, func() ([]events.Event, error) {
		var facts []events.Event
		fresh = nil
		for _, x := range page {
			if x.data.RawGzip == nil {
				continue // what it was found to be, it stays
			}
			var publish bool
			if x.outcome, publish = r.known.judgeRoute(x.data.ExternalID, x.data.ContentHash, x.data.Points); publish {
				x.data.ActivitySequence = r.known.activity(x.data.ExternalID).winner.sequence
				facts, fresh = append(facts, r.routeFact(x.data)), append(fresh, x)
			}
		}
		return facts, nil
	}, func(i int, _ uint64) { r.known.readRoute(fresh[i].data) })
	if err != nil {
		return err
	}
	for _, x := range page {
		r.tally.addRoute(x.file, x.outcome)
		r.atBytes = max(r.atBytes, x.read)
	}
	return r.showProgress(ctx)
}

func (r *run) routeFact(data *events.RouteFetched) events.Event {
	return r.event(data.ExternalID, data,
		events.RouteFactID(data.UserID, data.Provider, data.ExternalID, data.ActivitySequence, data.ContentHash))
}
