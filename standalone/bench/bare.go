package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

// bare does one connect with no product code: HTTP, one durable atomic batch,
// one COPY, one SELECT. What it takes is what nothing can be faster than here.
type bare struct {
	cloud *cloud
	db    *pgx.Conn
	nc    *nats.Conn
	js    jetstream.JetStream
}

const bareVerifier = "bench-verifier-bench-verifier-bench-verifier-00"

func newBare(ctx context.Context, databaseURL, natsURL string, c *cloud) (*bare, error) {
	db, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, `CREATE SCHEMA bare; CREATE TABLE bare.workouts (account text, external_id text, doc text)`); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(natsURL)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "BARE", Subjects: []string{"bare.>"}, AllowAtomicPublish: true})
	return &bare{cloud: c, db: db, nc: nc, js: js}, err
}

func (b *bare) close() {
	b.nc.Close()
	_ = b.db.Close(context.Background())
}

func (b *bare) connect(ctx context.Context, account string) (time.Duration, error) {
	challenge := sha256.Sum256([]byte(bareVerifier))
	q := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "redirect_uri": {callbackURL()}, "state": {"bare"}, "scope": {"activity profile"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	back, err := fitbit.Decide(ctx, http.DefaultClient, b.cloud.site.URL+"/oauth2/authorize?"+q.Encode(), fitbit.Decision{AccountID: account})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	token, err := b.exchange(ctx, back.Query().Get("code"))
	if err != nil {
		return 0, err
	}
	records, err := b.list(ctx, token)
	if err != nil {
		return 0, err
	}
	if err := b.store(ctx, account, records); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

func (b *bare) exchange(ctx context.Context, code string) (string, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callbackURL()}, "code_verifier": {bareVerifier},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cloud.site.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(clientID, clientSecret)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = get(req, &answer)
	return answer.AccessToken, err
}

func (b *bare) list(ctx context.Context, token string) ([]json.RawMessage, error) {
	q := url.Values{"beforeDate": {time.Now().AddDate(0, 0, 2).Format(time.DateOnly)}, "sort": {"desc"}, "limit": {"100"}, "offset": {"0"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.cloud.site.URL+"/1/user/-/activities/list.json?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var answer struct {
		Activities []json.RawMessage `json:"activities"`
	}
	err = get(req, &answer)
	return answer.Activities, err
}

func (b *bare) store(ctx context.Context, account string, records []json.RawMessage) error {
	var page []*nats.Msg
	var rows [][]any
	for _, r := range records {
		page = append(page, &nats.Msg{Subject: "bare." + account, Header: nats.Header{}, Data: r})
		rows = append(rows, []any{account, "", string(r)})
	}
	if _, err := jetstreamext.PublishMsgBatch(ctx, b.js, page); err != nil {
		return err
	}
	if _, err := b.db.CopyFrom(ctx, pgx.Identifier{"bare", "workouts"}, []string{"account", "external_id", "doc"}, pgx.CopyFromRows(rows)); err != nil {
		return err
	}
	var n int
	return b.db.QueryRow(ctx, `SELECT count(*) FROM bare.workouts WHERE account = $1`, account).Scan(&n)
}

func get(req *http.Request, out any) error { return getBy(http.DefaultClient, req, out) }

// getBy decodes the answer to a request.
func getBy(client *http.Client, req *http.Request, out any) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return json.Unmarshal(text, out)
}
