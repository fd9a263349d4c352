package row

import (
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/bus"
)

// Rows are what a batch of deliveries became.
type Rows struct {
	Versions    []*Version
	Connections []*Connection
	Routes      []*Route
	Unknown     []*Unknown
	Rejected    []Rejected
	HighWater   uint64 // the highest sequence among all deliveries
	Redelivered bool   // some may have been folded before
	Late        bool   // an older program kept them as unknown
}

// Without leaves out the rows of some persons; what was rejected stays.
func (r Rows) Without(gone func(user uuid.UUID) bool) Rows {
	r.Versions = slices.DeleteFunc(slices.Clone(r.Versions), func(v *Version) bool { return gone(v.UserID) })
	r.Connections = slices.DeleteFunc(slices.Clone(r.Connections), func(c *Connection) bool { return gone(c.UserID) })
	r.Routes = slices.DeleteFunc(slices.Clone(r.Routes), func(x *Route) bool { return gone(x.UserID) })
	r.Unknown = slices.DeleteFunc(slices.Clone(r.Unknown), func(u *Unknown) bool { return gone(u.UserID) })
	return r
}

// Rejected is a delivery that can be no row, and why.
type Rejected struct {
	Delivery bus.Delivery
	Reason   error
}

// Worth a second goroutine: normalizing takes some tens of microseconds a record.
const parallelFrom = 64

// ReadAll reads a batch, a large one on two goroutines. A sequence that came
// twice is one row. Rows keep the order of the deliveries.
func (r *Reader) ReadAll(deliveries []bus.Delivery) Rows {
	type result struct {
		v   *Version
		c   *Connection
		r   *Route
		u   *Unknown
		err error
	}
	results := make([]result, len(deliveries))
	part := func(from, to int) {
		for i := from; i < to; i++ {
			x := &results[i]
			if x.u, x.err = r.Unknown(deliveries[i]); x.err != nil || x.u != nil && !x.u.Version {
				continue
			}
			if x.v, x.c, x.err = r.Read(deliveries[i]); x.v == nil && x.c == nil && x.err == nil {
				x.r, x.err = route(deliveries[i])
			}
		}
	}
	if middle := len(deliveries) / 2; len(deliveries) >= parallelFrom {
		var other sync.WaitGroup
		other.Go(func() { part(middle, len(deliveries)) })
		part(0, middle)
		other.Wait()
	} else {
		part(0, len(deliveries))
	}
	var rows Rows
	seen := make(map[uint64]struct{}, len(deliveries))
	for i, d := range deliveries {
		rows.HighWater = max(rows.HighWater, d.Sequence)
		rows.Redelivered = rows.Redelivered || d.Deliveries > 1
		if _, again := seen[d.Sequence]; again {
			continue
		}
		seen[d.Sequence] = struct{}{}
		if x := results[i]; x.err == nil && x.u != nil {
			rows.Unknown = append(rows.Unknown, x.u)
		}
		switch x := results[i]; {
		case x.err != nil:
			rows.Rejected = append(rows.Rejected, Rejected{d, x.err})
		case x.v != nil:
			rows.Versions = append(rows.Versions, x.v)
		case x.c != nil:
			rows.Connections = append(rows.Connections, x.c)
		case x.r != nil:
			rows.Routes = append(rows.Routes, x.r)
		}
	}
	return rows
}
