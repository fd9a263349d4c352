package consent

import (
	"context"
	"errors"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// link stores which accounts elsewhere are the same person's. Where the new
// connection's provider succeeds another one's, the person's connection there says
// so from now on; whatever it read stays.
func (f *Flow) link(ctx context.Context, t store.Tx, c store.Connection, accounts map[string]string, now time.Time) error {
	if err := t.Link(ctx, c, accounts); err != nil {
		return err
	}
	for _, old := range f.Catalog {
		account := accounts[old.Name]
		if old.Successor != c.Provider || account == "" {
			continue
		}
		before, err := t.OfAccount(ctx, c.UserID, old.Name, account)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := t.SetState(ctx, before, status.RulesOf(old).Next(before.State, status.Succeeded{By: c.Provider}, now), now); err != nil {
			return err
		}
	}
	return nil
}

// succeededBy is the provider that the person of a connection has moved on to; empty
// when there is none.
func succeededBy(ctx context.Context, t store.Tx, d provider.Descriptor, c store.Connection) (string, error) {
	if d.Successor == "" {
		return "", nil
	}
	succeeded, err := t.SucceededAt(ctx, c, d.Successor)
	if err != nil || !succeeded {
		return "", err
	}
	return d.Successor, nil
}
