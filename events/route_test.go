package events_test

import (
	"bytes"
	"testing"

	"github.com/stridelog/stridelog/events"
)

// throughTheWire compresses a file into a fact, and reads the fact's event back.
func throughTheWire(t *testing.T, file []byte) (*events.RouteFetched, events.Message) {
	t.Helper()
	e := sampleEvent(t, events.TypeRouteFetched)
	fact, ok := e.Data.(*events.RouteFetched)
	if !ok {
		t.Fatal("the sample is no route")
	}
	if err := fact.Compress(file); err != nil {
		t.Fatal(err)
	}
	message, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := events.Decode(message)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := back.Data.(*events.RouteFetched)
	if !ok {
		t.Fatalf("decoded %T", back.Data)
	}
	return got, message
}

func TestARouteComesBackByteForByte(t *testing.T) {
	for name, file := range map[string][]byte{
		"XML":        []byte("<?xml version=\"1.0\"?>\r\n<a b='&amp;'>\t\u2028</a>\n\n"),
		"byte order": []byte("\xEF\xBB\xBF<a/>"),
		"Latin 1":    []byte("<a>\xE9</a>"),
		"empty":      {},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := throughTheWire(t, file)
			if back, err := got.File(); err != nil || !bytes.Equal(back, file) {
				t.Errorf("%q came back as %q, %v", file, back, err)
			}
		})
	}
}

func TestARouteIsShortInTheLog(t *testing.T) {
	file := bytes.Repeat([]byte("<Trackpoint><Time>2026-10-03T06:30:00Z</Time></Trackpoint>\n"), 1000)
	if _, message := throughTheWire(t, file); len(message.Data) > len(file)/5 {
		t.Errorf("%d bytes became %d", len(file), len(message.Data))
	}
}

func TestABadRouteIsAnError(t *testing.T) {
	var bomb events.RouteFetched
	if bomb.Compress(make([]byte, events.MaxRoute+1)) == nil {
		t.Error("a file that is too large was compressed")
	}
	good, _ := throughTheWire(t, []byte("<a/>"))
	for name, data := range map[string][]byte{"nothing": nil, "no gzip": []byte("<a/>"), "cut off": good.RawGzip[:len(good.RawGzip)-3]} {
		if _, err := (&events.RouteFetched{RawGzip: data}).File(); err == nil {
			t.Errorf("%s gave a file", name)
		}
	}
}

func TestRouteIDsFollowVersionAndContent(t *testing.T) {
	first := events.RouteFactID("u", "google_health", "1", 5, "A")
	if first != events.RouteFactID("u", "google_health", "1", 5, "A") {
		t.Error("the same route has two ids")
	}
	for name, id := range map[string]string{
		"another version": events.RouteFactID("u", "google_health", "1", 6, "A"),
		"other bytes":     events.RouteFactID("u", "google_health", "1", 5, "B"),
	} {
		if id == first {
			t.Errorf("%s has the same id", name)
		}
	}
}
