package rpc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events/rpc"
)

func TestASealedTokenOpensForWhoAskedAlone(t *testing.T) {
	mine, err := rpc.NewReplyKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := rpc.NewReplyKey()
	if err != nil {
		t.Fatal(err)
	}
	q := rpc.TokenRequest{ConnectionID: "one", ReplyKey: mine.Public()}
	plain := rpc.TokenResponse{AccessToken: "the-access-token", ExpiresAt: time.Now().UTC(), TokenVersion: 3}
	sealed, err := q.Seal(plain)
	if err != nil {
		t.Fatal(err)
	}
	if onWire, err := json.Marshal(sealed); err != nil || bytes.Contains(onWire, []byte("the-access-token")) {
		t.Errorf("the answer is %s, %v", onWire, err)
	}
	if got, err := mine.Open("one", sealed); err != nil || got.AccessToken != plain.AccessToken || got.Sealed != nil || got.TokenVersion != 3 || !got.ExpiresAt.Equal(plain.ExpiresAt) {
		t.Errorf("it opens as %+v, %v", got, err)
	}
	if got, err := mine.Open("two", sealed); err == nil {
		t.Errorf("it opens for another connection: %+v", got)
	}
	if got, err := other.Open("one", sealed); err == nil {
		t.Errorf("it opens with another key: %+v", got)
	}
	again, err := q.Seal(plain)
	if err != nil || bytes.Equal(again.Sealed, sealed.Sealed) {
		t.Errorf("two answers are the same bytes, %v", err)
	}
	var refused *rpc.Error
	if _, err := (rpc.TokenRequest{ReplyKey: []byte("short")}).Seal(plain); !errors.As(err, &refused) || refused.Field != "reply_key" {
		t.Errorf("a key that is none: %v", err)
	}
}
