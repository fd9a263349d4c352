package apikey_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/schema"
)

// queries counts what a pool asks the database.
type queries struct{ n atomic.Int64 }

func (q *queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	q.n.Add(1)
	return ctx
}
func (q *queries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// counted is an empty database of the gateway, and the number of queries to it.
func counted(t testing.TB) (*pgxpool.Pool, *queries) {
	c, err := pgxpool.ParseConfig(postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	q := &queries{}
	c.ConnConfig.Tracer = q
	db, err := pgxpool.NewWithConfig(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := schema.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db, q
}

func made(t testing.TB, db *pgxpool.Pool, scopes ...apikey.Scope) string {
	_, secret, err := apikey.NewStore(db).Create(t.Context(), apikey.Draft{Name: "test", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// Whoever guesses pays for few queries, and a good key is found among the guesses.
func TestGuessesAreLookedUpTogether(t *testing.T) {
	db, q := counted(t)
	good := made(t, db, apikey.Read)
	v := apikey.NewVerifier(db, "the configured key")
	before := q.n.Load()
	const guesses = 5000
	var all sync.WaitGroup
	found := make([]*apikey.Access, guesses)
	failed := make([]error, guesses)
	for i := range guesses {
		all.Go(func() {
			secret := fmt.Sprintf("sl_guess-%d", i)
			if i%100 == 0 {
				secret = good
			}
			found[i], failed[i] = v.Access(context.Background(), secret)
		})
	}
	all.Wait()
	for i, a := range found {
		if failed[i] != nil || (a != nil) != (i%100 == 0) {
			t.Fatalf("guess %d gave %+v, %v", i, a, failed[i])
		}
	}
	asked := q.n.Load() - before
	t.Logf("%d guesses took %d queries", guesses, asked)
	if asked > guesses/10 {
		t.Errorf("%d guesses took %d queries", guesses, asked)
	}
	before = q.n.Load()
	for range 100 {
		if a, err := v.Access(t.Context(), good); err != nil || !a.Has(apikey.Read) || a.Has(apikey.Write) {
			t.Fatalf("%+v, %v", a, err)
		}
		if a, err := v.Access(t.Context(), "the configured key"); err != nil || !a.Has(apikey.Write) {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if asked := q.n.Load() - before; asked > 1 {
		t.Errorf("known keys took %d queries", asked)
	}
}

// The last use is written by the minute, not by the request.
func TestTheLastUseIsWrittenOnceAMinute(t *testing.T) {
	db, _ := counted(t)
	good := made(t, db, apikey.Read)
	used := func() (at *time.Time) {
		if err := db.QueryRow(t.Context(), `SELECT last_used_at FROM gateway.api_keys`).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	v := apikey.NewVerifier(db, "")
	look := func() {
		v.Forget()
		if a, err := v.Access(t.Context(), good); a == nil || err != nil {
			t.Fatalf("%v, %v", a, err)
		}
	}
	if at := used(); at != nil {
		t.Fatalf("used at %v before its first use", at)
	}
	look()
	first := used()
	if first == nil {
		t.Fatal("the first use is not noted")
	}
	look()
	if at := used(); !at.Equal(*first) {
		t.Errorf("a use within a minute was written: %v after %v", at, first)
	}
	if _, err := db.Exec(t.Context(), `UPDATE gateway.api_keys SET last_used_at = now() - interval '61 seconds'`); err != nil {
		t.Fatal(err)
	}
	look()
	if at := used(); at.Before(*first) {
		t.Errorf("a use after a minute was not written: %v", at)
	}
}

// What a query found before a change is not remembered after it.
func TestAChangeDuringALookupIsNotMissed(t *testing.T) {
	db, _ := counted(t)
	for range 20 {
		good := made(t, db, apikey.Read)
		v := apikey.NewVerifier(db, "")
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 20 {
				_, _ = v.Access(context.Background(), good)
			}
		}()
		if _, err := db.Exec(t.Context(), `DELETE FROM gateway.api_keys`); err != nil {
			t.Fatal(err)
		}
		v.Forget()
		if a, err := v.Access(t.Context(), good); a != nil || err != nil {
			t.Fatalf("a key that is ended gave %+v, %v", a, err)
		}
		<-done
	}
}

// Nothing of a secret but its sum and its first characters is in the database.
func TestNoSecretIsStored(t *testing.T) {
	db, _ := counted(t)
	user := uuid.New()
	if _, err := db.Exec(t.Context(), `INSERT INTO gateway.users (id) VALUES ($1)`, user); err != nil {
		t.Fatal(err)
	}
	store := apikey.NewStore(db)
	k, first, err := store.Create(t.Context(), apikey.Draft{Name: "test", Scopes: []apikey.Scope{apikey.Admin}})
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := store.Rotate(t.Context(), k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _, err := store.Token(t.Context(), &apikey.Access{Kind: apikey.KindConfigured}, user, []apikey.Scope{apikey.Read}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(t.Context(), `SELECT to_jsonb(k)::text FROM gateway.api_keys k UNION ALL SELECT to_jsonb(s)::text FROM gateway.api_key_secrets s`)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(stored) != 5 {
		t.Fatalf("%d rows, %v", len(stored), err)
	}
	for _, secret := range []string{first, second, token} {
		// The control: the characters that lists show are found.
		shown := secret[:9]
		if secret == token {
			shown = secret[:10]
		}
		if !slices.ContainsFunc(stored, func(row string) bool { return strings.Contains(row, shown) }) {
			t.Errorf("the first characters %s are not stored", shown)
		}
		for from := 0; from+12 <= len(secret); from++ {
			if slices.ContainsFunc(stored, func(row string) bool { return strings.Contains(row, secret[from:from+12]) }) {
				t.Errorf("a part of a secret is stored: %s", secret[from:from+12])
			}
		}
	}
}
