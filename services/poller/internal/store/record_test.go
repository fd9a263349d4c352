package store

import (
	"testing"

	"pgregory.net/rapid"
)

// Two records share no key, and a key tells the record's id.
func TestTheKeyOfARecordIsItsOwn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		kind := rapid.SampledFrom([]string{KindActivity, "sleep", "sleep_stages", "day"})
		id := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"1", "\x01sleep/1", "\x01activity/1", "sleep/1", "\x01"}))
		kindA, a, kindB, b := kind.Draw(r, "kind"), id.Draw(r, "id"), kind.Draw(r, "other kind"), id.Draw(r, "other id")
		if ExternalID(Key(kindA, a)) != a {
			r.Fatalf("the key of %q of %s tells %q", a, kindA, ExternalID(Key(kindA, a)))
		}
		if Key(kindA, a) == Key(kindB, b) && (kindA != kindB || a != b) {
			r.Fatalf("%q of %s and %q of %s share a key", a, kindA, b, kindB)
		}
	})
}

// Earlier programs look for activities by their ids.
func TestTheKeyOfAnActivityIsItsID(t *testing.T) {
	if k := Key(KindActivity, "12345"); k != "12345" {
		t.Errorf("it is %q", k)
	}
}
