package oauth_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/oauth/internal/rotation"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

// rotation begins a step with the key that the processes have.
func (h *fixture) rotation(key string) *oauth.KeyRotation {
	h.t.Helper()
	r, err := oauth.NewKeyRotation(h.pool, key)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// key is what a step gives, which must not be refused.
func (h *fixture) key(step func(context.Context) (string, error)) string {
	h.t.Helper()
	text, err := step(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// notDue calls a step that must be refused, with a word that says what comes first.
func (h *fixture) notDue(says string, step func(context.Context) (string, error)) {
	h.t.Helper()
	text, err := step(h.t.Context())
	if !errors.Is(err, oauth.ErrRotationOrder) || !strings.Contains(err.Error(), says) || text != "" {
		h.t.Errorf("got %v, want a refusal with %q", err, says)
	}
}

func resealing(r *oauth.KeyRotation) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		_, err := r.Reseal(ctx)
		return "", err
	}
}

// running waits until the database shows so many processes.
func (h *fixture) running(n int) {
	h.t.Helper()
	h.eventually("the processes that run are shown", func() bool {
		all, err := rotation.Running(context.Background(), h.pool)
		if err != nil {
			h.t.Fatal(err)
		}
		return len(all) == n
	})
}

// states puts consents under way into the table, as a busy day leaves them.
func (h *fixture) states(n int) {
	h.t.Helper()
	sealer, err := seal.New(h.config.SealingKey)
	if err != nil {
		h.t.Fatal(err)
	}
	for range n {
		hash := []byte(events.NewID())
		sealed, err := sealer.SealText(provider.Secret("verifier "+hex.EncodeToString(hash)), seal.StateLabel(hash))
		if err != nil {
			h.t.Fatal(err)
		}
		h.exec(`INSERT INTO oauth.states (hash, provider, user_id, redirect_uri, verifier, expires_at) VALUES ($1, 'cloud', $2, 'http://localhost', $3, $4)`,
			hash, events.NewID(), sealed, time.Now().Add(time.Hour))
	}
}

// prefixed counts the rows of all tables that a key has sealed.
func (h *fixture) prefixed(id seal.KeyID) int64 {
	h.t.Helper()
	return h.number(`SELECT count(*) FROM (SELECT tokens AS sealed FROM oauth.connections UNION ALL SELECT token FROM oauth.earlier_tokens
		UNION ALL SELECT verifier FROM oauth.states) all_sealed WHERE substring(sealed FROM 1 FOR 5) = $1`, id.Prefix())
}

func primary(t *testing.T, key string) seal.KeyID {
	t.Helper()
	keys, err := seal.ParseKeyset(key)
	if err != nil {
		t.Fatal(err)
	}
	return keys.Primary()
}

// The sealing key is changed under two processes that are replaced one by one. The
// sealing anew dies in the middle, tokens are refreshed meanwhile, and nothing is lost.
func TestTheSealingKeyIsRotatedUnderRunningProcesses(t *testing.T) {
	h := newFixture(t)
	first := h.config.SealingKey
	stopOne, stopTwo := h.start("one"), h.start("two")
	user := events.NewID()
	back := h.connect(user, "ACC1")
	h.connect(user, "ACC1") // the first grant's token waits for the end of the account
	code, state := h.cloud.Consent(t, h.authorize(events.NewID()).AuthorizationURL, "ACC2", "profile")
	h.states(1100)
	h.running(2)

	for _, step := range []func(context.Context) (string, error){h.rotation(first).UseNewest, resealing(h.rotation(first)), h.rotation(first).Drop} {
		h.notDue("begin with the step add", step)
	}
	added := h.key(h.rotation(first).Add)
	h.notDue("a rotation has begun", h.rotation(added).Add)
	stopOne()
	h.running(1)
	h.config.SealingKey = added
	stopOne = h.start("one, with the new key")
	h.notDue("1 of 2 running oauth processes do not know the new key", h.rotation(added).UseNewest)
	stopTwo()
	h.running(1)
	used := h.key(h.rotation(added).UseNewest)
	h.notDue("the step use comes first", resealing(h.rotation(added)))
	h.notDue("the step use comes first", h.rotation(added).Drop)
	h.config.SealingKey = used
	stopTwo = h.start("two, sealing with the new key")
	h.notDue("1 of 2 running oauth processes still seal with an older key", resealing(h.rotation(used)))
	stopOne()
	h.running(1)
	h.notDue("the step reseal comes first", h.rotation(used).Drop)

	h.resealTwice(back.ConnectionID, first, used)

	last := h.key(h.rotation(used).Drop)
	h.notDue("the rotation is over", h.rotation(last).Drop)
	stopTwo()
	h.config.SealingKey = last
	h.start("with the new key alone")
	h.token(back.ConnectionID)
	h.callback(code, state) // a consent that began before all this
	h.disconnect(user)
	h.open("the end", 0, 0)
}

// resealTwice lets the sealing anew die in the middle, while a token is refreshed, and
// begins again.
func (h *fixture) resealTwice(connection, first, used string) {
	h.t.Helper()
	dies := h.rotation(used)
	died := errors.New("the process died")
	dies.AfterBatch = func() error {
		now := h.token(connection)
		h.reject(connection, now.TokenVersion, provider.ClassUnauthorized)
		h.token(connection)
		if h.prefixed(primary(h.t, first)) < 1100 {
			return died // in the middle of the states
		}
		return nil
	}
	if _, err := dies.Reseal(h.t.Context()); !errors.Is(err, died) {
		h.t.Fatalf("the control: the sealing anew did not die: %v", err)
	}
	if old, fresh := h.prefixed(primary(h.t, first)), h.prefixed(primary(h.t, used)); old == 0 || fresh < 500 {
		h.t.Fatalf("the control: %d rows are as before and %d are not", old, fresh)
	}
	h.notDue("the step reseal comes first", h.rotation(used).Drop)
	done, err := h.rotation(used).Reseal(h.t.Context())
	if err != nil || done.Rows == 0 || done.Unreadable != 0 {
		h.t.Fatalf("sealed anew: %+v, %v", done, err)
	}
	if again, err := h.rotation(used).Reseal(h.t.Context()); err != nil || again.Rows != 0 {
		h.t.Errorf("the step was repeated: %+v, %v", again, err)
	}
	if left := h.prefixed(primary(h.t, first)); left != 0 {
		h.t.Errorf("%d rows need the old key", left)
	}
}
