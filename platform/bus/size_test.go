package bus_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
)

// An event of any size is either too large beforehand, or the server takes it in a page.
func TestWhatFitsIsStored(t *testing.T) {
	b, _ := bustest.With(t, natsserver.Options{StoreDir: t.TempDir(), MaxPayload: 64 << 10})
	var last uint64
	stored, refused := 0, 0
	for n := range 40 {
		page := activities(u1, 2*n, 2)
		page[1].Data.(*events.ActivityFetched).Raw = bytes.Repeat([]byte{0xff}, n<<10) // base64 makes it larger
		size, err := b.CheckSize(page[1])
		if errors.Is(err, bus.ErrTooLarge) {
			if refused++; size < 48<<10 {
				t.Errorf("%d bytes are too large", size)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, last = publishPage(t, b, page, last)
		stored++
	}
	if stored < 30 || refused == 0 {
		t.Errorf("%d sizes were stored, %d refused", stored, refused)
	}
}

func TestAPageLongerThanTheServerTakesIsNamed(t *testing.T) {
	b, _ := bustest.With(t, natsserver.Options{StoreDir: t.TempDir(), MaxPage: 10})
	_, _, err := b.PublishPage(t.Context(), activities(u1, 0, 11), bus.Expect{Subjects: scope(u1)})
	if !errors.Is(err, bus.ErrPageTooLong) {
		t.Errorf("a page of 11: %v, want ErrPageTooLong", err)
	}
	if n := len(readAll(t, b, events.StreamFacts)); n != 0 {
		t.Errorf("%d events of it were stored", n)
	}
	publishPage(t, b, activities(u1, 0, 10), 0)
}
