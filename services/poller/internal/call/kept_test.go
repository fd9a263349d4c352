package call_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/call"
)

func TestATokenIsKeptUntilItEndsIsRefusedOrTheConsentIsNew(t *testing.T) {
	now := noon
	tokens := &tokenSource{version: 1, expires: noon.Add(30 * time.Minute)}
	k := &call.Kept{Tokens: tokens, Now: func() time.Time { return now }}
	for _, step := range []struct {
		what    string
		before  func()
		consent uint64
		asked   int
	}{
		{"the first", func() {}, 1, 1},
		{"again", func() { now = now.Add(29 * time.Minute) }, 1, 1},
		{"about to end", func() { now = now.Add(time.Second) }, 1, 2},
		{"still about to end", func() { tokens.expires = time.Time{} }, 1, 3},
		{"without an end", func() { now = now.Add(59 * time.Minute) }, 1, 3},
		{"kept for an hour", func() { now = now.Add(time.Minute) }, 1, 4},
		{"after a new consent", func() {}, 2, 5},
		{"of that consent", func() {}, 2, 5},
		{"refused", func() {
			if _, err := k.Refused(t.Context(), call.Connection{ID: "a", Consent: 2}, call.Token{Version: 1}, provider.ClassInsufficientScope); err != nil {
				t.Fatal(err)
			}
		}, 2, 6},
	} {
		step.before()
		got, err := k.Access(t.Context(), call.Connection{ID: "a", Consent: step.consent})
		if err != nil || tokens.asked != step.asked || string(got.Access) != fmt.Sprintf("token-%d", tokens.version) {
			t.Errorf("%s: %q was asked for %d times (%v), want %d", step.what, string(got.Access), tokens.asked, err, step.asked)
		}
	}
}

func TestTokensAreKeptInBoundedMemory(t *testing.T) {
	tokens := &long{}
	k := &call.Kept{Tokens: tokens, Now: func() time.Time { return noon }}
	const connections = 100 // of a megabyte each
	for i := range connections {
		if _, err := k.Access(t.Context(), call.Connection{ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	tokens.asked = 0
	for i := range connections {
		if _, err := k.Access(t.Context(), call.Connection{ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if tokens.asked < connections-64 || tokens.asked == connections {
		t.Errorf("%d of %d tokens were not kept", tokens.asked, connections)
	}
}

// long gives large tokens.
type long struct{ tokenSource }

func (l *long) Access(ctx context.Context, c call.Connection) (call.Token, error) {
	t, err := l.tokenSource.Access(ctx, c)
	t.Access = provider.Secret(strings.Repeat("x", 1<<20))
	return t, err
}
