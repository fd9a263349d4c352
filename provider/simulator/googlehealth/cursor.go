package googlehealth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// cursor is what a page token holds: where the next page begins, and the request
// that it goes on with.
type cursor struct {
	Query   string    `json:"q"` // account, method and every parameter but the page's
	Order   time.Time `json:"o"` // of the last record sent
	ID      string    `json:"i"`
	Page    int       `json:"p"`
	Emptied bool      `json:"e"` // the empty page before this one was sent
	Issued  time.Time `json:"t"`
}

// pageToken signs a cursor, so that no token can be made up.
func (c *Cloud) pageToken(at cursor) string {
	text, _ := json.Marshal(at) // strings and times: it cannot fail
	mac := hmac.New(sha256.New, c.seal)
	_, _ = mac.Write(text)
	return base64.URLEncoding.EncodeToString(append(mac.Sum(nil)[:16], text...))
}

// readToken takes a token of the same request that is not too old.
func (c *Cloud) readToken(token, query string, now time.Time) (cursor, *problem) {
	at := cursor{Query: query}
	if token == "" {
		return at, nil
	}
	bad := invalid("INVALID_PAGE_TOKEN", "The page token is invalid or expired.")
	sealed, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(sealed) < 16 {
		return at, &bad
	}
	mac := hmac.New(sha256.New, c.seal)
	_, _ = mac.Write(sealed[16:])
	if !hmac.Equal(mac.Sum(nil)[:16], sealed[:16]) || json.Unmarshal(sealed[16:], &at) != nil {
		return at, &bad
	}
	if at.Query != query || !now.Before(at.Issued.Add(c.options.PageTokenTTL)) {
		return at, &bad
	}
	return at, nil
}

// queryOf is what has to stay the same from one page to the next.
func queryOf(r *http.Request, who caller) string {
	q := r.URL.Query()
	q.Del("pageToken")
	q.Del("pageSize")
	return who.account.id + " " + r.URL.Path + "?" + q.Encode()
}
