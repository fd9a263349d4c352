package providertest

import (
	"context"
	"slices"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// get asks for records as they are listed, for one that is gone and for what is none.
func (t *trying) get(ctx context.Context) {
	gone := t.Add(noon())
	w := events.Window{From: noon().AddDate(0, 0, -2), To: noon().AddDate(0, 0, 2)}
	listed := t.window(ctx, w)
	if len(listed) == 0 {
		t.wrong("a record that was added is not listed")
	}
	for _, r := range listed {
		got, quotas, err := t.Source.Get.Get(ctx, t.Token, r.ExternalID)
		if err != nil {
			t.wrong("a listed record cannot be asked for: %v", err)
			continue
		}
		t.quotas(quotas)
		t.record(got)
		a, _ := provider.ContentHash(r.Raw, t.Source.Volatile)
		b, _ := provider.ContentHash(got.Raw, t.Source.Volatile)
		if got.ExternalID != r.ExternalID || got.Format != r.Format || a != b {
			t.wrong("asked for by id it is another record")
		}
	}
	t.Remove(gone)
	if _, _, err := t.Source.Get.Get(ctx, t.Token, gone); provider.ClassOf(err) != provider.ClassNotFound {
		t.wrong("a record that is gone gives the class %q (%v)", provider.ClassOf(err), err)
	}
	// What names nothing at the provider must never be proved to be gone.
	for _, id := range []string{"", "../identity", "a b", "unidentified-0123"} {
		if _, _, err := t.Source.Get.Get(ctx, t.Token, id); provider.ClassOf(err) != provider.ClassBadRequest {
			t.wrong("the id %q gives the class %q (%v)", id, provider.ClassOf(err), err)
		}
	}
}

// attach asks for what a record tells of, and for what there is not.
func (t *trying) attach(ctx context.Context) {
	names := t.Source.Attach.Wants(t.With)
	if len(names) == 0 || !slices.Equal(names, t.Source.Attach.Wants(t.With)) {
		t.wrong("a record with an attachment tells of %v", names)
	}
	if none := t.Source.Attach.Wants(t.Without); len(none) != 0 {
		t.wrong("a record without an attachment tells of %v", none)
	}
	parent := events.ParentRef{Kind: t.Source.Attaches, ExternalID: t.With.ExternalID}
	for _, name := range names {
		r, quotas, err := t.Source.Attach.Attach(ctx, t.Token, parent, name)
		if err != nil {
			t.wrong("the attachment %q cannot be read: %v", name, err)
			continue
		}
		t.quotas(quotas)
		t.record(r)
		if again, _, err := t.Source.Attach.Attach(ctx, t.Token, parent, name); err != nil || string(again.Raw) != string(r.Raw) {
			t.wrong("the attachment %q has other bytes when it is read again (%v)", name, err)
		}
	}
	first := append(names, "")[0]
	for what, test := range map[string]struct {
		parent events.ParentRef
		name   string
	}{
		"of no name":         {parent, "no-such-name"},
		"of another kind":    {events.ParentRef{Kind: "no_such_kind", ExternalID: parent.ExternalID}, first},
		"of a made-up id":    {events.ParentRef{Kind: parent.Kind, ExternalID: "unidentified-0123"}, first},
		"of a path as an id": {events.ParentRef{Kind: parent.Kind, ExternalID: "../identity"}, first},
	} {
		if _, _, err := t.Source.Attach.Attach(ctx, t.Token, test.parent, test.name); provider.ClassOf(err) != provider.ClassBadRequest {
			t.wrong("an attachment %s gives the class %q (%v)", what, provider.ClassOf(err), err)
		}
	}
}
