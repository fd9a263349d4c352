// Package imports brings export archives in: it compares their records with what
// the log knows of the person and publishes what is missing, as the poller
// publishes its pages.
package imports

import (
	"cmp"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// outcome is what an import does with a record.
type outcome string

const (
	imported     outcome = "imported"      // the log did not know it
	enriched     outcome = "enriched"      // the log knew less of it, from an import
	alreadyThere outcome = "already_there" // the log knows as much or better
)

// wins says whether a version of the log wins over another of the same id: the
// higher origin, then the later place. It is the rule by which workouts are made.
func wins(v, known version) bool {
	return cmp.Or(cmp.Compare(v.origin.Rank(), known.origin.Rank()), cmp.Compare(v.sequence, known.sequence)) > 0
}

// expect takes in the records of a page, so that each of them is judged by all.
func (k *knowledge) expect(page []record) {
	foreign := false
	for i := range page {
		x := &page[i]
		a := k.activity(x.ExternalID)
		a.foreign, a.held = x.ForeignID, true
		k.look(x)
		k.addContext(a, x.said, x.Reading.Companion, k.startedAt)
		if foreign = foreign || x.ForeignID; x.ForeignID {
			k.offer(a, x.Reading, statementOf(x, 0))
		} else if x.Reading.Sighting != nil && !a.sighted {
			k.sight(a, *x.Reading.Sighting)
		}
	}
	if foreign {
		k.join()
	}
}

// look reads a record whose reader has not.
func (k *knowledge) look(x *record) {
	if x.Reading == nil {
		x.Reading = k.reading(x.asRecord(), x.ModifiedAt)
		x.Reading.Companion = k.alone(x.Context.Companion)
	}
}

// judge says what becomes of a record that the export holds, and whether it is to be
// published. It completes the record with all that is known of its activity. What
// the API said stands, a removal too.
func (k *knowledge) judge(x *record) (o outcome, publish bool) {
	a := k.activity(x.ExternalID)
	o = k.decide(a, x)
	if o == alreadyThere && a.winner.ours != "" && !a.seen {
		return a.winner.ours, false // published before this import was interrupted
	}
	return o, o != alreadyThere
}

func (k *knowledge) decide(a *activity, x *record) outcome {
	unit, locale := x.said.DistanceUnit, x.said.Locale
	switch order := x.Reading.Edition.Compare(a.best); {
	case a.ofAPI(), a.foreign && k.joins.ownOf[a.id] != "", a.told && order < 0:
		return alreadyThere
	case a.told && order == 0:
		unit, locale = least(unit, a.said.unit), least(locale, a.said.locale)
	}
	k.complete(&x.ImportedActivity, k.contextOf(a, unit, locale))
	switch {
	case !a.found || a.winner.removed:
		return imported
	case a.winner.edition.Compare(x.Reading.Edition) == 0 && a.winner.context == k.sum(x.Context):
		return alreadyThere
	default:
		return enriched
	}
}

// complete gives a record its context.
func (k *knowledge) complete(x *provider.ImportedActivity, c events.ActivityContext) {
	if sameContext(x.Context, c) {
		return // the export has worked out what follows from it
	}
	x.Context = c
	k.format.Finish(x)
}

// published takes in that a record is in the log.
func (k *knowledge) published(x *record, o outcome, sequence uint64) {
	a := k.activity(x.ExternalID)
	k.offer(a, x.Reading, statementOf(x, sequence))
	k.person.addContext(x.Context, k.startedAt)
	k.log(a, x.Context, a.track())
	a.put(version{sequence: sequence, origin: events.OriginImport, edition: x.Reading.Edition, context: k.sum(x.Context), ours: o})
}

// see notes that the export holds a record.
func (k *knowledge) see(id string) { k.activity(id).seen = true }
