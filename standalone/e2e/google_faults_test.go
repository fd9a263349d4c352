package e2e

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// googleFault is something that goes wrong at one endpoint, some times in a row.
type googleFault struct {
	name, endpoint string
	fault          func() *googlehealth.Fault
}

func googleFaults() []googleFault {
	const list, token, get = googlehealth.EndpointList, googlehealth.EndpointToken, googlehealth.EndpointGet
	rewrite := func(change func([]byte) []byte) func() *googlehealth.Fault {
		return func() *googlehealth.Fault { return &googlehealth.Fault{Rewrite: change} }
	}
	status := func(code int) func() *googlehealth.Fault {
		return func() *googlehealth.Fault { return googlehealth.ServerError(code) }
	}
	page := func() *googlehealth.Fault { return googlehealth.HTMLPage(http.StatusOK) }
	return []googleFault{
		{"429 with Retry-After", list, func() *googlehealth.Fault { return googlehealth.RateLimited(time.Second) }},
		{"500", list, status(http.StatusInternalServerError)},
		{"503 at a get", get, status(http.StatusServiceUnavailable)},
		{"HTML under 200", list, page},
		{"truncated JSON", list, googlehealth.TruncatedJSON},
		{"wrong content type", list, googlehealth.WrongContentType},
		{"cut short", list, googlehealth.CutShort},
		{"connection reset", list, googlehealth.ConnectionReset},
		{"access token refused", list, googlehealth.Expired},
		{"page token refused", list, googlehealth.BadPageToken},
		{"filter refused", list, googlehealth.BadFilter},
		{"other order of keys", list, rewrite(googlehealth.ReorderKeys)},
		{"records twice", list, rewrite(googlehealth.RepeatAcrossPages())},
		{"500 at the token endpoint", token, status(http.StatusInternalServerError)},
		{"HTML at the token endpoint", token, page},
		{"client refused", token, googlehealth.InvalidClient},
		{"lost answer of the token endpoint", token, googlehealth.LostAnswer},
	}
}

// TestGoogleFaults strikes the first sync, a scheduled scan, a check by id and a
// refresh with every fault, each in the life of a user of its own. At the end the
// tables equal the truth, the log has one fact a version, and nobody's connection
// has changed.
func TestGoogleFaults(t *testing.T) {
	faults := googleFaults()
	w := newGoogleWorldOf(t, len(faults), googlehealth.Options{MaxPage: 7}, nil)
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			account := googlehealth.HealthUserID(w.people[i])
			var left, struck atomic.Int32
			w.arm(account, func(call *googlehealth.Call) *googlehealth.Fault {
				if call.Endpoint != f.endpoint || left.Add(-1) < 0 {
					return nil
				}
				struck.Add(1)
				return f.fault()
			})
			if f.endpoint == googlehealth.EndpointList {
				left.Store(2)
			}
			user := w.settled(ctx, t, f.name, account)

			records := w.quiet(account)
			if len(records) < 2 {
				t.Fatalf("the account has only %d records to change", len(records))
			}
			edited, deleted := records[0].ExternalID, records[1].ExternalID
			left.Store(2)
			if f.endpoint == googlehealth.EndpointToken {
				if err := w.health.ExpireAccessTokens(account); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.health.Edit(account, edited, editDistance); err != nil {
				t.Fatal(err)
			}
			if err := w.health.Delete(account, deleted); err != nil {
				t.Fatal(err)
			}
			w.awaitRecords(ctx, t, user, account, map[string]int{edited: 1}, map[string]bool{deleted: true})
			if struck.Load() == 0 {
				t.Error("the fault never struck")
			}
			w.awaitConnection(ctx, t, user, google, "active", "")
			if changes := w.log.changesOf(user.ID); len(changes) != 0 {
				t.Errorf("the connection changed: %+v", changes)
			}
		})
	}
}
