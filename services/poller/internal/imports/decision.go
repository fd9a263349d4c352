// Package imports brings export archives in: it compares their records with what
// the log knows of the person and publishes what is missing, as the poller
// publishes its pages.
package imports

import (
	"cmp"
	"time"

	"github.com/stridelog/stridelog/events"
)

// version is the winning version of one external id.
type version struct {
	sequence uint64 // 0 in a dry run, for what would be published
	origin   events.Origin
	removed  bool
	stand    stand
	start    time.Time // zero when unknown
	duration time.Duration
	foreign  bool // the id is not of the provider's API
	// ours says that this very import published it before it was interrupted, and
	// as what; it counts once.
	ours outcome
	seen bool // this export holds it
}

// stand orders versions of one record in exports: the later one has been edited
// later, or says more. The hash decides at last, so that any order of imports ends
// with the same version.
type stand struct {
	modified  time.Time // zero when the record does not say
	companion bool
	offset    bool
	values    int // that the record holds: exports of some years say more than others
	hash      string
	rule      int // by which the hash is made; hashes of different rules say nothing
}

func (s stand) compare(o stand) int {
	said := cmp.Or(s.modified.Compare(o.modified), compareBool(s.companion, o.companion), compareBool(s.offset, o.offset))
	if said != 0 || s.rule != o.rule || s.hash == o.hash {
		return said
	}
	return cmp.Or(cmp.Compare(s.values, o.values), cmp.Compare(s.hash, o.hash))
}

// valuesIn is how many values a record holds, of JSON and of a table alike: one
// for each colon and each comma outside of a text in quotes.
func valuesIn(raw []byte) (n int) {
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case ':', ',':
			n++
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// outcome is what an import does with a record.
type outcome string

const (
	imported     outcome = "imported"      // the log did not know it
	enriched     outcome = "enriched"      // the log knew less of it, from an import
	alreadyThere outcome = "already_there" // the log knows as much or better
)

// decide says what becomes of a record of an export, given what is known of its
// id. What the API said stands, a removal too; among imports the later stand wins.
func decide(known version, found bool, r version) outcome {
	switch {
	case !found:
		return imported
	case known.origin.Rank() > events.OriginImport.Rank() || known.removed:
		return alreadyThere
	case r.stand.compare(known.stand) > 0:
		return enriched
	default:
		return alreadyThere
	}
}

// beats says whether a version of the log wins over another of the same id: the
// higher origin, then the later place. It is the rule by which workouts are made.
func beats(v, known version) bool {
	return cmp.Or(cmp.Compare(v.origin.Rank(), known.origin.Rank()), cmp.Compare(v.sequence, known.sequence)) > 0
}
