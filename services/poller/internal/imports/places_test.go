package imports

import (
	"testing"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Giants take all places but one.
func TestOnePlaceIsForSmallImports(t *testing.T) {
	giant := store.ImportLease{Import: store.Import{Uploads: []rpc.Upload{{Bytes: small}, {Bytes: 1}}}}
	little := store.ImportLease{Import: store.Import{Uploads: []rpc.Upload{{Bytes: small}}}}
	at := places{all: 3}
	is := func(when string, bytes int64, ok bool) {
		t.Helper()
		if b, o := at.largest(); o != ok || o && b != bytes {
			t.Errorf("%s: up to %d bytes, %v", when, b, o)
		}
	}
	is("none", 0, true)
	at.take(giant)
	is("one giant", 0, true)
	at.take(giant)
	is("two giants", small, true)
	at.take(little)
	is("no place", 0, false)
	at.free(giant)
	is("a giant has ended", 0, true)
	at.take(little)
	at.free(giant)
	is("small ones only", 0, true)
	one := places{all: 1}
	if b, ok := one.largest(); b != 0 || !ok {
		t.Errorf("the only place takes up to %d, %v", b, ok)
	}
	one.take(giant)
	if _, ok := one.largest(); ok {
		t.Error("the only place is taken twice")
	}
}
