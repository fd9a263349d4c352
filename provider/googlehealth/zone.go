package googlehealth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const (
	zoneLife = 24 * time.Hour
	maxZones = 10_000 // accounts; some 2 MB
)

// zones remembers the time zone of each account, so that its settings are read once
// a day and not with every page. No budget counts that one request.
type zones struct {
	api *api
	now func() time.Time

	mu    sync.Mutex
	known map[string]zone
}

type zone struct {
	name  string // IANA; empty when the person did not grant it or has none
	until time.Time
}

func newZones(google *api, now func() time.Time) *zones {
	return &zones{api: google, now: now, known: map[string]zone{}}
}

// complete writes the account's zone into the context of each point. A point that
// names no offset of its own also gets that of the zone at its start. The normalizer
// must not compute it: its answer would depend on a machine's time zone database.
//
// Settings that cannot be read now fail the page only where an offset is missing:
// a fact is not written again when just its context becomes better.
func (z *zones) complete(ctx context.Context, token provider.Secret, points []point) error {
	if len(points) == 0 {
		return nil
	}
	name, err := z.of(ctx, token, points[0].account)
	place, unknown := time.LoadLocation(name)
	for i := range points {
		p := &points[i]
		if err != nil && p.noZone {
			return err
		}
		p.Context.TimeZone = name
		if p.noZone && name != "" && unknown == nil {
			local := p.start.In(place)
			_, offset := local.Zone()
			p.StartedAt, p.Context.UTCOffsetSeconds, p.Context.OffsetSource = &local, &offset, events.OffsetFromProfile
		}
	}
	return nil
}

// of is the zone of an account. A refusal is remembered like an answer: it holds
// until the next consent, or the next day.
func (z *zones) of(ctx context.Context, token provider.Secret, account string) (string, error) {
	key := account
	if key == "" || key == "me" { // any account: only the token tells them apart
		sum := sha256.Sum256([]byte(token.Reveal()))
		key = "token " + string(sum[:])
	}
	z.mu.Lock()
	known, ok := z.known[key]
	z.mu.Unlock()
	if ok && z.now().Before(known.until) {
		return known.name, nil
	}
	name, err := z.api.timeZone(ctx, token)
	switch provider.ClassOf(err) {
	case "", provider.ClassInsufficientScope, provider.ClassNotFound, provider.ClassBadRequest, provider.ClassNotAdmitted:
	default:
		return "", err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.known) >= maxZones {
		clear(z.known)
	}
	z.known[key] = zone{name, z.now().Add(zoneLife)}
	return name, nil
}

// timeZone reads the zone in a person's settings (section 2).
func (a *api) timeZone(ctx context.Context, token provider.Secret) (string, error) {
	body, err := a.get(ctx, call{op: opSettings, path: "users/me/settings", token: token, max: httpcall.MaxAnswer})
	if err != nil {
		return "", err
	}
	var said struct {
		TimeZone string `json:"timeZone"`
	}
	if json.Unmarshal(body, &said) != nil {
		return "", invalid(opSettings, httpcall.ReasonIncomplete)
	}
	if said.TimeZone == "Local" { // to Go the zone of this machine
		return "", nil
	}
	return said.TimeZone, nil
}
