package fitbit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stridelog/stridelog/provider"
)

// membersByTheBook reads members with encoding/json alone.
func membersByTheBook(t *testing.T, object []byte) memberList {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	var list memberList
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		name, ok := key.(string)
		if !ok {
			t.Fatalf("member name %v is no string", key)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		list = append(list, member{name, value})
	}
	return list
}

func FuzzMembersAreThoseThatEncodingJSONReads(f *testing.F) {
	records, err := filepath.Glob("testdata/records/*.json")
	if err != nil || len(records) == 0 {
		f.Fatal("no records", err)
	}
	for _, name := range records {
		record, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	for _, record := range []string{
		"{}", " {\t}\n", `{"":""}`, `{"a":1,"a":2}`, `{"a\u0062\"\\":"\"}"}`, "{\"\xff\":\"\xff\"}", `{"é" : [ ] , "b" :{ } }`,
		`{"a":[[],{},"]",[1,-2.5e3]],"b":{"c":{"d":"}"}}}`, "{\"n\":null\r,\n\"t\":true ,\"f\":false}", `{"a":1}}`, `{"a":1`, `[1]`, `{"a"}`, "\ufeff{}", "",
	} {
		f.Add([]byte(record))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		before := bytes.Clone(object)
		got, err := readMembers(object)
		if !bytes.Equal(before, object) {
			t.Fatal("the object was changed")
		}
		if !json.Valid(object) || !isObject(object) {
			if err == nil {
				t.Fatalf("members of what is no object: %q", got)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := membersByTheBook(t, object)
		if len(got) != len(want) {
			t.Fatalf("%d members, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i].name != want[i].name || !bytes.Equal(got[i].value, want[i].value) {
				t.Fatalf("member %d is %q: %q, want %q: %q", i, got[i].name, got[i].value, want[i].name, want[i].value)
			}
		}
	})
}

// BenchmarkNormalize is what one record of common size costs.
func BenchmarkNormalize(b *testing.B) {
	record, err := os.ReadFile("testdata/records/full_metric.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (activityNormalizer{}).Normalize(provider.Record{Provider: Name, Format: FormatActivityList, Raw: record}); err != nil {
			b.Fatal(err)
		}
	}
}
