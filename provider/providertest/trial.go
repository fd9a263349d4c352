package providertest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// Trial is a source with an account that the suite fills. A function that fails ends the
// test by itself.
type Trial struct {
	Provider string
	Source   provider.Source
	Shape    events.Shape
	Budgets  []provider.Budget // of the connector
	Token    provider.Secret
	// Add puts a record into the account whose instant in the source's order is the
	// given one, of a day its date, and gives its external id. Of listed sources.
	Add func(at time.Time) (externalID string)
	// Remove takes a record out of the account. Of sources with Get.
	Remove func(externalID string)
	// With is a record that has an attachment in the account, Without is one that tells
	// of none. Of attachments.
	With, Without provider.Record
}

// Faults tries the source and says what of it the services could not rely on. It has
// none where the source keeps its promises.
func (x Trial) Faults(ctx context.Context) []string {
	t := &trying{Trial: x}
	t.description()
	if x.Source.List != nil && x.Add == nil {
		t.wrong("it is listed, and there is no way to add a record")
	} else if x.Source.List != nil {
		t.list(ctx)
	}
	if x.Source.Get != nil && x.Source.List != nil && x.Remove != nil {
		t.get(ctx)
	} else if x.Source.Get != nil {
		t.wrong("it gets records, and there is no way to list or to remove one")
	}
	if x.Source.Attach != nil {
		t.attach(ctx)
	}
	return t.faults
}

// trying is a trial under way.
type trying struct {
	Trial
	faults []string
}

func (t *trying) wrong(format string, values ...any) {
	t.faults = append(t.faults, "source "+t.Source.Name+": "+fmt.Sprintf(format, values...))
}

func (t *trying) description() {
	s := t.Source
	if s.Name == "" || s.Kind == "" {
		t.wrong("the name is %q and the kind %q; both are needed", s.Name, s.Kind)
	}
	if s.HashVersion < 1 {
		t.wrong("the hash version is %d", s.HashVersion)
	}
	if _, err := provider.NewHasher(s.Volatile); err != nil {
		t.wrong("%v", err)
	}
	attachment := t.Shape == events.ShapeAttachment
	if attachment != (s.Attach != nil) || attachment != (s.Attaches != "") {
		t.wrong("attachments, and nothing else, have Attach and Attaches")
	}
	if attachment == (s.List != nil) {
		t.wrong("everything but attachments is listed")
	}
	if s.ProvesAbsence && s.List == nil {
		t.wrong("without a list nothing proves absence")
	}
	for _, tier := range s.Tiers {
		if tier.Span <= 0 || tier.Every <= 0 {
			t.wrong("the tier %+v is none", tier)
		}
	}
}

// record checks what every record must say, wherever it came from.
func (t *trying) record(r provider.Record) {
	if r.Provider != t.Provider || r.Kind != t.Source.Kind || r.Format == "" || len(r.Raw) == 0 {
		t.wrong("a record says provider %q, kind %q, format %q and has %d bytes", r.Provider, r.Kind, r.Format, len(r.Raw))
	}
	if r.Problem != "" {
		t.wrong("a whole record has the problem %q", r.Problem)
	}
	if r.Delivery != "" && r.Delivery != events.DeliverySnapshot && r.Delivery != events.DeliveryPart {
		t.wrong("the delivery %q is unknown", r.Delivery)
	}
	if t.Shape == events.ShapeAttachment {
		return
	}
	if kept := r.Storable(t.Source.Volatile); kept.ExternalID != r.ExternalID {
		t.wrong("the id of a record cannot be kept")
	}
	if _, ok := r.At(t.Source.Order); !ok {
		t.wrong("a record has no instant in the source's order")
	}
	t.parts(r)
}

// parts checks the ids that are made of parts.
func (t *trying) parts(r provider.Record) {
	switch t.Shape {
	case events.ShapeDay:
		if want := events.DayID(t.Source.Name, r.LocalDate, r.Slot); r.ExternalID != want {
			t.wrong("a day has the id %q, of its parts it is %q", r.ExternalID, want)
		}
	case events.ShapeChunk:
		c, err := events.ParseChunkID(r.ExternalID)
		if err != nil || c.Step != r.Step || c.Slot != r.Slot {
			t.wrong("a chunk of step %q and slot %q has the id %q", r.Step, r.Slot, r.ExternalID)
		}
	case events.ShapeItem, events.ShapeAttachment:
	}
}

func (t *trying) quotas(told []provider.Quota) {
	for _, q := range told {
		known := q.Budget == "" || slices.ContainsFunc(t.Budgets, func(b provider.Budget) bool { return b.Name == q.Budget })
		if !known || q.Limit < 0 || q.Remaining < 0 || q.ResetAt.IsZero() {
			t.wrong("the quota %+v is of no budget, or is none", q)
		}
	}
}
