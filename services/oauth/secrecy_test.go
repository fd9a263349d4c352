package oauth_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

// search looks for a text in every row of every table of the schema, as text and
// as bytes, and names the table that has it.
func (h *fixture) search(text string) string {
	h.t.Helper()
	ctx := context.Background()
	rows, err := h.pool.Query(ctx, "SELECT tablename FROM pg_tables WHERE schemaname = 'oauth'")
	if err != nil {
		h.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 5 {
		h.t.Fatalf("the tables are %v: %v", tables, err)
	}
	asBytes := hex.EncodeToString([]byte(text))
	for _, table := range tables {
		rows, err := h.pool.Query(ctx, fmt.Sprintf("SELECT t::text FROM oauth.%s t", table))
		if err != nil {
			h.t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			h.t.Fatal(err)
		}
		for _, line := range lines {
			if strings.Contains(line, text) || strings.Contains(line, asBytes) {
				return table
			}
		}
	}
	return ""
}

func TestNoSecretIsInClearAnywhere(t *testing.T) {
	h := newFixture(t)
	stop := h.start("one")
	user := events.NewID()
	heard := h.listen(user)
	back := h.connect(user, "ACC1")
	next[*events.ConnectionActivated](heard)
	first := h.token(back.ConnectionID)
	h.reject(back.ConnectionID, first.TokenVersion, provider.ClassUnauthorized)
	h.token(back.ConnectionID)
	h.cloud.Lose("ACC1")
	h.reject(back.ConnectionID, first.TokenVersion+1, provider.ClassUnauthorized)
	if _, err := call[any, any](h, "rpc.oauth.v1.token", map[string]string{"connection_id": back.ConnectionID}); err == nil {
		t.Fatal("a lost grant still gave a token")
	}
	next[*events.ConnectionStatusChanged](heard)
	h.authorize(events.NewID()) // leaves a verifier
	stop()

	log := h.streamText()
	for _, secret := range h.cloud.Secrets() {
		if where := h.search(secret); where != "" {
			t.Errorf("a secret is in clear in oauth.%s", where)
		}
		if strings.Contains(log, secret) {
			t.Error("a secret is in an event")
		}
		if h.log.contains(secret) {
			t.Error("a secret is in the log")
		}
	}

	// The search finds what is there.
	const planted = "planted-control"
	h.exec("INSERT INTO oauth.outbox (subject, header, data) VALUES ('control', '{}', $1)", []byte(planted))
	h.exec("UPDATE oauth.connections SET next_action = $1", "see "+planted+"-2")
	if h.search(planted) == "" || h.search(planted+"-2") != "connections" {
		t.Error("the search does not find the planted control")
	}
	if !strings.Contains(log, back.ConnectionID) || !h.log.contains(back.ConnectionID) {
		t.Error("the search through events and logs finds nothing at all")
	}
}

// streamText is everything that the facts stream holds.
func (h *fixture) streamText() string {
	h.t.Helper()
	var b strings.Builder
	_, err := h.bus.Read(context.Background(), events.StreamFacts, nil, 1, func(d bus.Delivery) error {
		fmt.Fprintf(&b, "%s %v %s\n", d.Message.Subject, d.Message.Header, d.Message.Data)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

// facts are the events of the facts stream.
func (h *fixture) facts() (list []events.Event) {
	h.t.Helper()
	_, err := h.bus.Read(context.Background(), events.StreamFacts, nil, 1, func(d bus.Delivery) error {
		list = append(list, d.Event)
		return d.Err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}
