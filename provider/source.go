package provider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
)

// Source reads one part of what a provider has: the records of a kind, or one resource
// of a kind. How it reads is in List, Get and Attach; what is nil it cannot do.
type Source struct {
	// Name is unique within the connector and stays: windows, timetable and coverage
	// are kept under it. It is the kind's where one source gives the whole kind, else
	// the resource's, such as "steps" of the kind "day".
	Name string
	Kind string
	// Scopes are those without which nothing can be read here. Where one is missing the
	// source rests and costs no call.
	Scopes []string
	// Order says what List filters a window by.
	Order  Order
	List   Lister   // nil: the source is not listed, as attachments are not
	Get    Getter   // nil: no record can be asked for by its id
	Attach Attacher // of attachments only
	// Attaches is the kind of the records that attachments belong to; empty for any
	// other source.
	Attaches string
	// ProvesAbsence says that a list which was read to its end shows that what it lacks
	// is gone. Without it a list only adds and corrects.
	ProvesAbsence bool
	// HashVersion numbers the canonical form; a new one re-hashes and emits nothing.
	HashVersion int
	// Volatile lists record members that change without the record changing
	// (links, localized labels), as paths: "a", "a.b", "a[].b"; see also OmittedZeros.
	Volatile []string
	// Tiers are how often the past is read again where nobody configures it; none: as
	// the service does by itself.
	Tiers []Tier
}

// Order says which instant of a record decides whether a window holds it.
type Order int

// The orders.
const (
	OrderStart Order = iota // the start
	OrderEnd                // the end, as of nights
	OrderDate               // the civil date that the provider states
)

// Tier says that the last Span of time is read again Every so often.
type Tier struct{ Span, Every time.Duration }

// Lister reads lists. One List is one call of the provider, and one more where the
// provider refuses the first way of asking.
type Lister interface {
	// List reads one page of a window, newest first. An empty request cursor starts; an
	// empty Next ends. The page may hold records outside the window; it never leaves
	// one out that is inside by the source's order.
	List(ctx context.Context, r ListRequest) (Page, error)
}

// Getter reads one record.
type Getter interface {
	// Get fails with ClassNotFound when the record is gone, and with ClassBadRequest,
	// without calling anybody, when the id can name nothing at the provider.
	Get(ctx context.Context, token Secret, externalID string) (Record, []Quota, error)
}

// Attacher reads what belongs to a record and is asked for by that: a file, a route,
// the detail that a list of summaries leaves out.
type Attacher interface {
	// Wants are the names of the attachments that a record tells of, most often one or
	// none. It calls nobody.
	Wants(r Record) []string
	// Attach reads one of them. It fails with ClassNotFound when the parent has none.
	// ExternalID and Parent of the record are the caller's to set.
	Attach(ctx context.Context, token Secret, parent events.ParentRef, name string) (Record, []Quota, error)
}

// Granted says whether the scopes are enough to read the source.
func (s *Source) Granted(scopes []string) bool { return len(lacking(s.Scopes, scopes)) == 0 }

// Source returns the source of a name. A connector that is not configured has none.
func (c *Connector) Source(name string) (*Source, bool) {
	if c == nil {
		return nil, false
	}
	i := slices.IndexFunc(c.Sources, func(s Source) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return &c.Sources[i], true
}

// SourcesOf are the sources of a kind, in the connector's order.
func (c *Connector) SourcesOf(kind string) []*Source {
	if c == nil {
		return nil
	}
	var found []*Source
	for i := range c.Sources {
		if c.Sources[i].Kind == kind {
			found = append(found, &c.Sources[i])
		}
	}
	return found
}

// At is the instant of a record that an order is about; false when the record has
// none. A date stands for its midnight in UTC.
func (r Record) At(o Order) (at time.Time, ok bool) {
	switch o {
	case OrderStart:
		return instant(r.StartedAt)
	case OrderEnd:
		return instant(r.EndedAt)
	case OrderDate:
		at, err := time.Parse(time.DateOnly, r.LocalDate)
		return at, err == nil
	default:
		panic(fmt.Sprintf("records have no order %d", o))
	}
}

func instant(at *time.Time) (time.Time, bool) {
	if at == nil {
		return time.Time{}, false
	}
	return *at, true
}
