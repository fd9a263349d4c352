package ledger

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// comparer compares records of one source with what is known of them.
type comparer struct {
	bus     *bus.Bus
	version int // of the hash
	hasher  *provider.Hasher
}

func (x *Index) comparer(of store.Part) (comparer, error) {
	source, ok := x.Connector.Source(of.Source())
	if !ok {
		return comparer{}, fmt.Errorf("compare records of %s: it has no source %q any more", x.Target.Provider, of.Source())
	}
	hasher, err := provider.NewHasher(source.Volatile)
	if err != nil {
		return comparer{}, fmt.Errorf("compare records of %s: %w", x.Target.Provider, err)
	}
	return comparer{bus: x.Bus, version: source.HashVersion, hasher: hasher}, nil
}

func (c comparer) hash(raw []byte) string { return c.hasher.Content(raw) }

// same says whether a record is the known version. Under a new hash version the known
// bytes are hashed again, out of the log; that alone is no change.
func (c comparer) same(ctx context.Context, kind events.Kind, k store.Known, r events.RecordFetched) (same bool, rehashed *store.Known, err error) {
	if !comparable(kind, k, r) {
		return false, nil, nil
	}
	if k.HashVersion == r.HashVersion {
		return k.ContentHash == r.ContentHash, nil, nil
	}
	d, err := c.bus.Get(ctx, events.StreamFacts, k.Sequence)
	if err != nil {
		return false, nil, fmt.Errorf("hash a known record again: %w", err)
	}
	old, ok := events.FetchedOf(d.Event.Data)
	if !ok {
		return false, nil, nil
	}
	k.HashVersion = c.version
	k.StartedAt, k.EndedAt = old.StartedAt, old.EndedAt // the database keeps no offset in them
	k.ContentHash = c.hash(old.Raw)
	return k.ContentHash == r.ContentHash, &k, nil
}

// comparable says whether a record with the bytes of the known version would say nothing
// new: that is of the same origin, still there, and says as much of what it names.
func comparable(kind events.Kind, k store.Known, r events.RecordFetched) bool {
	return k.Sequence > 0 && !k.Removed && k.Origin == string(r.Origin) && (!k.Part || !whole(kind, r))
}
