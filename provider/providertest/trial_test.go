package providertest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

const pageSize = 10

// fake is a source of any shape with all that it has in memory. Change spoils what it
// gives.
type fake struct {
	shape   events.Shape
	order   provider.Order
	records []provider.Record
	change  change
}

// change is how a fake breaks its promises; nil members leave them.
type change struct {
	page func(from int, p *provider.Page)
	got  func(r *provider.Record) error
	gone provider.Class // of what is not there
	odd  provider.Class // of what is no id
}

func refused(class provider.Class) error {
	return &provider.Error{Provider: "cloud", Op: "test", Class: class}
}

func (f *fake) add(at time.Time) string {
	n := strconv.Itoa(len(f.records))
	end := at.Add(time.Hour)
	r := provider.Record{
		Provider: "cloud", Kind: "probe", ExternalID: "id" + n, Format: "cloud.probe.v1", Raw: []byte(`{"n":` + n + `}`), StartedAt: &at, EndedAt: &end,
	}
	switch {
	case f.order == provider.OrderEnd:
		start := at.Add(-time.Hour)
		r.StartedAt, r.EndedAt = &start, &at
	case f.shape == events.ShapeDay:
		r.LocalDate = at.Format(time.DateOnly)
		r.ExternalID = events.DayID("steps", r.LocalDate, "")
	case f.shape == events.ShapeChunk:
		r.Step, r.Slot, r.Delivery, r.Complete = "1min", "watch", events.DeliveryPart, true
		r.ExternalID = events.ChunkID("steps", r.Step, r.Slot, at.Format("2006-01-02T15"), nil)
	}
	f.records = append(f.records, r)
	return r.ExternalID
}

func (f *fake) List(_ context.Context, r provider.ListRequest) (provider.Page, error) {
	from := 0
	if r.Cursor != "" {
		var err error
		if from, err = strconv.Atoi(r.Cursor); err != nil {
			return provider.Page{}, refused(provider.ClassBadRequest)
		}
	}
	var found []provider.Record
	for _, x := range f.records {
		if at, _ := x.At(f.order); r.Window.Contains(at) {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b provider.Record) int {
		left, _ := a.At(f.order)
		right, _ := b.At(f.order)
		return right.Compare(left)
	})
	end := min(from+pageSize, len(found))
	p := provider.Page{
		Records: slices.Clone(found[min(from, end):end]),
		Quotas:  []provider.Quota{{Budget: "day", Limit: 10, Remaining: 3, ResetAt: noon()}, {Limit: 4, ResetAt: noon()}},
	}
	p.Oldest = provider.Oldest(p.Records, f.order)
	if end < len(found) {
		p.Next, p.Resume = strconv.Itoa(end), p.Oldest.Add(time.Second)
	}
	if f.change.page != nil {
		f.change.page(from, &p)
	}
	return p, nil
}

func (f *fake) Get(_ context.Context, _ provider.Secret, id string) (provider.Record, []provider.Quota, error) {
	if id == "" || strings.ContainsAny(id, " /") || provider.IsMadeUpID(id) {
		return provider.Record{}, nil, refused(f.change.odd)
	}
	i := slices.IndexFunc(f.records, func(r provider.Record) bool { return r.ExternalID == id })
	if i < 0 {
		return provider.Record{}, nil, refused(f.change.gone)
	}
	r := f.records[i]
	var err error
	if f.change.got != nil {
		err = f.change.got(&r)
	}
	return r, nil, err
}

func (f *fake) Wants(r provider.Record) []string {
	if !strings.Contains(string(r.Raw), "file") {
		return nil
	}
	return []string{"file"}
}

func (f *fake) Attach(_ context.Context, _ provider.Secret, parent events.ParentRef, name string) (provider.Record, []provider.Quota, error) {
	if parent != (events.ParentRef{Kind: "probe", ExternalID: "id7"}) || name != "file" {
		return provider.Record{}, nil, refused(f.change.odd)
	}
	r := provider.Record{Provider: "cloud", Kind: "probe_file", Format: "cloud.file.v1", Raw: []byte("<file>")}
	var err error
	if f.change.got != nil {
		err = f.change.got(&r)
	}
	return r, nil, err
}

// trial tries a fake of a shape.
func (f *fake) trial() Trial {
	f.change.gone, f.change.odd = provider.ClassNotFound, provider.ClassBadRequest
	x := Trial{
		Provider: "cloud", Shape: f.shape, Add: f.add, Budgets: []provider.Budget{{Requests: 4, Per: time.Hour}, {Name: "day", Requests: 10, Per: 24 * time.Hour}},
		Source: provider.Source{Name: "steps", Kind: "probe", Order: f.order, List: f, ProvesAbsence: true, HashVersion: 1, Tiers: []provider.Tier{{Span: time.Hour, Every: time.Minute}}},
		Remove: func(id string) {
			f.records = slices.DeleteFunc(f.records, func(r provider.Record) bool { return r.ExternalID == id })
		},
	}
	switch f.shape {
	case events.ShapeItem:
		x.Source.Get = f
	case events.ShapeAttachment:
		x.Source = provider.Source{Name: "probe_file", Kind: "probe_file", Attach: f, Attaches: "probe", HashVersion: 1}
		x.With = provider.Record{ExternalID: "id7", Raw: []byte(`{"file":true}`)}
		x.Without = provider.Record{ExternalID: "id8", Raw: []byte(`{}`)}
	case events.ShapeDay, events.ShapeChunk:
	}
	return x
}

// shapes are a good source of each shape and order.
func shapes() map[string]*fake {
	return map[string]*fake{
		"items by start": {shape: events.ShapeItem, order: provider.OrderStart},
		"items by end":   {shape: events.ShapeItem, order: provider.OrderEnd},
		"days by date":   {shape: events.ShapeDay, order: provider.OrderDate},
		"chunks":         {shape: events.ShapeChunk, order: provider.OrderStart},
		"attachments":    {shape: events.ShapeAttachment},
	}
}

func TestGoodSourcesHaveNoFaults(t *testing.T) {
	for name, f := range shapes() {
		for _, fault := range f.trial().Faults(t.Context()) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// A suite that finds nothing is worth nothing: each promise is broken once.
func TestBrokenSourcesAreFound(t *testing.T) {
	each := func(do func(r *provider.Record)) func(*fake, *Trial) {
		return func(f *fake, _ *Trial) {
			f.change.page = func(_ int, p *provider.Page) {
				for i := range p.Records {
					do(&p.Records[i])
				}
			}
		}
	}
	pages := func(do func(from int, p *provider.Page)) func(*fake, *Trial) {
		return func(f *fake, _ *Trial) { f.change.page = do }
	}
	for name, test := range map[string]struct {
		of    string
		spoil func(*fake, *Trial)
		says  string
	}{
		"no hash version":          {"chunks", func(_ *fake, x *Trial) { x.Source.HashVersion = 0 }, "hash version"},
		"an odd volatile path":     {"chunks", func(_ *fake, x *Trial) { x.Source.Volatile = []string{"a[]"} }, "volatile path"},
		"no name":                  {"chunks", func(_ *fake, x *Trial) { x.Source.Name = "" }, "both are needed"},
		"nothing to add with":      {"chunks", func(_ *fake, x *Trial) { x.Add = nil }, "no way to add"},
		"nothing to remove with":   {"items by start", func(_ *fake, x *Trial) { x.Remove = nil }, "no way to list or to remove"},
		"a tier of nothing":        {"chunks", func(_ *fake, x *Trial) { x.Source.Tiers[0].Every = 0 }, "tier"},
		"days without a list":      {"days by date", func(_ *fake, x *Trial) { x.Source.List = nil }, "is listed"},
		"attachments of nothing":   {"attachments", func(_ *fake, x *Trial) { x.Source.Attaches = "" }, "Attaches"},
		"another kind":             {"chunks", each(func(r *provider.Record) { r.Kind = "other" }), "kind \"other\""},
		"no provider":              {"days by date", each(func(r *provider.Record) { r.Provider = "" }), "provider \"\""},
		"no bytes":                 {"items by end", each(func(r *provider.Record) { r.Raw = nil }), "0 bytes"},
		"a problem":                {"items by end", each(func(r *provider.Record) { r.Problem = "none" }), "the problem"},
		"an odd delivery":          {"chunks", each(func(r *provider.Record) { r.Delivery = "whole" }), "delivery"},
		"an odd id":                {"items by start", each(func(r *provider.Record) { r.ExternalID = "\x00" + r.ExternalID }), "cannot be kept"},
		"no end":                   {"items by end", each(func(r *provider.Record) { r.EndedAt = nil }), "no instant"},
		"no date":                  {"days by date", each(func(r *provider.Record) { r.LocalDate = "yesterday" }), "no instant"},
		"a day of another name":    {"days by date", each(func(r *provider.Record) { r.ExternalID = "pulse/" + r.LocalDate }), "a day has the id"},
		"a chunk of another step":  {"chunks", each(func(r *provider.Record) { r.Step = "5min" }), "a chunk of step"},
		"a record left out":        {"items by start", pages(func(from int, p *provider.Page) { p.Records = p.Records[min(from/pageSize, 1):] }), "comes 0 times"},
		"a record twice":           {"days by date", pages(func(_ int, p *provider.Page) { p.Records = append(p.Records, p.Records...) }), "comes 2 times"},
		"the oldest is too late":   {"chunks", pages(func(_ int, p *provider.Page) { p.Oldest = p.Oldest.Add(time.Minute) }), "before the page's oldest"},
		"no oldest":                {"chunks", pages(func(_ int, p *provider.Page) { p.Oldest = time.Time{} }), "no oldest"},
		"a page from the bottom":   {"items by end", pages(func(from int, p *provider.Page) { p.Records[0].EndedAt = new(noon().AddDate(0, 0, from)) }), "newest to the oldest"},
		"no way to the end":        {"chunks", pages(func(_ int, p *provider.Page) { p.Next = "0" }), "no end"},
		"a resume that skips":      {"chunks", pages(func(_ int, p *provider.Page) { p.Resume = p.Resume.AddDate(0, 0, -2) }), "leaves out what the cursor shows"},
		"a quota of no budget":     {"chunks", pages(func(_ int, p *provider.Page) { p.Quotas[0].Budget = "week" }), "of no budget"},
		"another record by id":     {"items by start", func(f *fake, _ *Trial) { f.change.got = other }, "another record"},
		"a failure by id":          {"items by end", func(f *fake, _ *Trial) { f.change.got = failing }, "cannot be asked for"},
		"gone is unavailable":      {"items by end", func(f *fake, _ *Trial) { f.change.gone = provider.ClassUnavailable }, "that is gone"},
		"nonsense is gone":         {"items by end", func(f *fake, _ *Trial) { f.change.odd = provider.ClassNotFound }, "the id \"\""},
		"wants nothing":            {"attachments", func(_ *fake, x *Trial) { x.With.Raw = nil }, "with an attachment tells"},
		"wants everything":         {"attachments", func(_ *fake, x *Trial) { x.Without.Raw = x.With.Raw }, "without an attachment tells"},
		"no attachment":            {"attachments", func(f *fake, _ *Trial) { f.change.got = failing }, "cannot be read"},
		"any parent is taken":      {"attachments", func(f *fake, _ *Trial) { f.change.odd = provider.ClassNotFound }, "of another kind"},
		"a cursor of anybody else": {"days by date", func(_ *fake, x *Trial) { x.Source.List = trusting{x.Source.List} }, "a cursor that is no cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			f := shapes()[test.of]
			x := f.trial()
			test.spoil(f, &x)
			faults := strings.Join(x.Faults(t.Context()), "\n")
			if !strings.Contains(faults, test.says) {
				t.Errorf("want a fault that says %q, got:\n%s", test.says, faults)
			}
		})
	}
}

func failing(*provider.Record) error { return refused(provider.ClassUnavailable) }

// other makes a fake give other bytes by id than it lists.
func other(r *provider.Record) error {
	r.Raw = []byte(`{"another":true}`)
	return nil
}

// trusting takes any cursor.
type trusting struct{ provider.Lister }

func (l trusting) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	if strings.HasPrefix(r.Cursor, "https:") {
		r.Cursor = ""
	}
	return l.Lister.List(ctx, r)
}
