package providertest

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/provider"
)

func (h Harness) hash(t *testing.T, raw []byte) string {
	t.Helper()
	sum, err := provider.ContentHash(raw, h.source(t).Volatile)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func testHash(t *testing.T, h Harness) {
	a := h.one(t, `"x_unheard_of":{"b":1.0,"a":"\u00e9"}`)
	hash := func(raw []byte) string { return h.hash(t, raw) }
	var spaced bytes.Buffer
	if err := json.Indent(&spaced, a.Raw, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	if hash(spaced.Bytes()) != hash(a.Raw) {
		t.Error("white space changes the hash")
	}
	changed := bytes.Replace(a.Raw, []byte(`"b":1.0`), []byte(`"b":1`), 1)
	if bytes.Equal(changed, a.Raw) || hash(changed) == hash(a.Raw) {
		t.Error("a change of a member nobody knows does not change the hash")
	}
}

// testVariants hashes the same record as it may come another time. None of them may
// become a fact of its own.
func testVariants(t *testing.T, h Harness) {
	a := h.one(t, "")
	variants := h.Variants(a.Raw)
	variants["another order"] = reordered(t, a.Raw)
	for what, raw := range variants {
		if bytes.Equal(raw, a.Raw) {
			t.Errorf("%s: the variant is the record itself", what)
		}
		if !json.Valid(raw) {
			t.Fatalf("%s: the variant is no JSON: %s", what, raw)
		}
		if h.hash(t, raw) != h.hash(t, a.Raw) {
			t.Errorf("%s: the record counts as changed: %s", what, raw)
		}
	}
	if len(variants) < 2 {
		t.Error("no variant but the order: which language, links and zeros were tried?")
	}
}

// reordered is an object with its members, and those of the objects in it, backwards.
func reordered(t *testing.T, raw []byte) []byte {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	open, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	if open != json.Delim('{') {
		return raw
	}
	var members [][]byte
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		name, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, append(append(name, ':'), reordered(t, value)...))
	}
	slices.Reverse(members)
	return append(append([]byte{'{'}, bytes.Join(members, []byte(","))...), '}')
}
