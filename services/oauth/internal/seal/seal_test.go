package seal

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider"
)

func sealer(t interface{ Fatal(...any) }) *Sealer {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOnlyTheUntouchedBytesOfTheSameOwnerOpen(t *testing.T) {
	s, stranger := sealer(t), sealer(t)
	rapid.Check(t, func(t *rapid.T) {
		p := Pair{provider.Secret(rapid.String().Draw(t, "access")), provider.Secret(rapid.String().Draw(t, "refresh"))}
		sealed, err := s.SealPair(p, "owner")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.OpenPair(sealed, "owner"); err != nil || got != p {
			t.Fatalf("opening gave another pair (%v)", err)
		}
		if _, err := s.OpenPair(sealed, "other"); !errors.Is(err, ErrUnreadable) {
			t.Fatalf("another connection opened it: %v", err)
		}
		if _, err := stranger.OpenPair(sealed, "owner"); !errors.Is(err, ErrUnreadable) {
			t.Fatalf("another key opened it: %v", err)
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if _, err := s.OpenPair(sealed, "owner"); !errors.Is(err, ErrUnreadable) {
			t.Fatalf("changed bytes opened: %v", err)
		}
	})
}

func TestABadKeyIsRefusedWithoutShowingIt(t *testing.T) {
	for _, key := range []string{"", "not json", `{"primaryKeyId":1,"key":"hush"}`, `{}`} {
		if _, err := New(key); err == nil || !strings.Contains(err.Error(), "sealing key") || strings.Contains(err.Error(), "hush") {
			t.Errorf("the key %q gave %v", key, err)
		}
	}
}
