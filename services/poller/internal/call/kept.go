package call

import (
	"context"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// keepFor is how long a token is kept at most, also where it is good for longer: so
	// long a connection that has ended leaves one in memory.
	keepFor = time.Hour
	// maxKept bounds the memory that kept tokens take, in bytes.
	maxKept = 64 << 20
	// keptEntry is about what a token takes beside its text.
	keptEntry = 200
)

// Kept keeps the tokens that others give: until they end, are refused, or the connection
// has a new consent.
type Kept struct {
	Tokens
	Now func() time.Time

	mu     sync.Mutex
	tokens map[string]kept // by connection
	bytes  int
}

type kept struct {
	token   Token
	consent uint64
	until   time.Time
}

func (k kept) size() int { return len(k.token.Access) + keptEntry }

// Access implements Tokens.
func (k *Kept) Access(ctx context.Context, c Connection) (Token, error) {
	if t, ok := k.find(c); ok {
		return t, nil
	}
	t, err := k.Tokens.Access(ctx, c)
	if err == nil {
		k.keep(c, t)
	}
	return t, err
}

// Refused implements Tokens. The token is not given again, whatever it was refused for.
func (k *Kept) Refused(ctx context.Context, c Connection, t Token, class provider.Class) (store.Standing, error) {
	k.mu.Lock()
	k.drop(c.ID)
	k.mu.Unlock()
	return k.Tokens.Refused(ctx, c, t, class)
}

func (k *Kept) find(c Connection) (Token, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	have, ok := k.tokens[c.ID]
	if !ok {
		return Token{}, false
	}
	if now := k.Now(); have.consent != c.Consent || !have.token.Good(now) || !now.Before(have.until) {
		k.drop(c.ID)
		return Token{}, false
	}
	return have.token, true
}

func (k *Kept) keep(c Connection, t Token) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(c.ID)
	now := k.Now()
	have := kept{t, c.Consent, now.Add(keepFor)}
	if k.tokens == nil {
		k.tokens = map[string]kept{}
	}
	k.tokens[c.ID], k.bytes = have, k.bytes+have.size()
	// Any other makes room: connections are read in turns, so the one that was used
	// longest ago is the next to be used.
	for id := range k.tokens {
		if k.bytes <= maxKept {
			break
		}
		if id != c.ID {
			k.drop(id)
		}
	}
}

func (k *Kept) drop(id string) {
	if have, ok := k.tokens[id]; ok {
		k.bytes -= have.size()
		delete(k.tokens, id)
	}
}
