package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// The heartbeat's last call may reach the database after the lease was given back.
func TestALeaseThatWasGivenBackIsNotRenewed(t *testing.T) {
	db := postgrestest.New(t)
	ctx := t.Context()
	if err := store.Migrate(ctx, db); err != nil {
		t.Fatal(err)
	}
	s := store.New(db)
	now := time.Now()
	user, connection := uuid.NewString(), uuid.NewString()
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO poller.targets (user_id, provider, connection_id, provider_account_id, scopes, activated_sequence, status, due_at)
			VALUES ($1, 'cloud', $2, 'a', '{}', 1, 'active', $3)`, user, connection, now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, found, _, err := s.Claim(ctx, "me", now, time.Minute)
	if err != nil || !found {
		t.Fatalf("found %t (%v)", found, err)
	}
	if err := s.Renew(ctx, lease, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Release(ctx, lease); err != nil {
		t.Fatal(err)
	}
	if err := s.Renew(ctx, lease, now.Add(time.Hour)); !errors.Is(err, store.ErrFenced) {
		t.Errorf("renewed: %v", err)
	}
	var until *time.Time
	if err := db.QueryRow(ctx, "SELECT lease_until FROM poller.targets").Scan(&until); err != nil || until != nil {
		t.Errorf("leased until %v (%v)", until, err)
	}
}
