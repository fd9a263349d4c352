package rawjson

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// referenceMembers reads members with encoding/json alone.
func referenceMembers(t *testing.T, object []byte) Members {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	var list Members
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
		list = append(list, Member{name, value})
	}
	return list
}

func FuzzMembersAreThoseThatEncodingJSONReads(f *testing.F) {
	// The records of the connectors: what is read every day.
	records, err := filepath.Glob("../../provider/*/testdata/records/*.json")
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
		"1", " -0.5e+7 ", "01", "1.", "nul", `"\u12g4"`, "[1,]", "[] []", strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	} {
		f.Add([]byte(record))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		before := bytes.Clone(object)
		if Valid(object) != json.Valid(object) {
			t.Fatalf("Valid is %v", Valid(object))
		}
		got, err := Read(object)
		if !bytes.Equal(before, object) {
			t.Fatal("the object was changed")
		}
		if !json.Valid(object) || !bytes.HasPrefix(bytes.TrimLeft(object, " \t\r\n"), []byte("{")) {
			if err == nil {
				t.Fatalf("members of what is no object: %q", got)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := referenceMembers(t, object)
		if len(got) != len(want) {
			t.Fatalf("%d members, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i].Name != want[i].Name || !bytes.Equal(got[i].Value, want[i].Value) {
				t.Fatalf("member %d is %q: %q, want %q: %q", i, got[i].Name, got[i].Value, want[i].Name, want[i].Value)
			}
		}
		for _, m := range want {
			if value := got.Value(m.Name); !bytes.Equal(value, got.ByName()[m.Name]) {
				t.Fatalf("the value of %q is %q, by name %q", m.Name, value, got.ByName()[m.Name])
			}
		}
	})
}
