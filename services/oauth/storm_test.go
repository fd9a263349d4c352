package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/simulator"
	simfitbit "github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/oauth"
)

const (
	stormConnections = 20
	stormLife        = 2 * time.Second // of an access token
	stormCalls       = stormLease + time.Second
	stormPace        = 20 * time.Millisecond
	// shortKills and shortRotations end the slice of every test run.
	shortKills     = 4
	shortRotations = 100
	killAtMost     = 40 // token requests from one kill to the next
)

// TestRefreshStorm lets 20 connections, whose tokens live 2 s, be refreshed by
// two service processes that are killed in the middle of refreshes: before the
// cloud rotates the pair, and between the rotation and its storing. The cloud
// ends a grant whose spent token comes again.
//
// STRIDELOG_STORM=5m makes it long, STRIDELOG_SEED repeats a run's kills.
func TestRefreshStorm(t *testing.T) {
	s := newStorm(t)
	var users sync.WaitGroup
	for i := range s.connections {
		users.Go(func() { s.use(&s.connections[i]) })
	}
	users.Wait()
	s.calm.Store(true)
	s.repairs.Wait()
	s.settle()
	s.audit()
}

// storm is two service processes, a cloud with strict rotation, and the people.
type storm struct {
	*fixture
	cloud       *simfitbit.Cloud
	people      []*simulator.Person
	connections []stormConnection
	children    map[string]*child // by the host under which they know the cloud
	until       time.Time         // zero: the short slice

	// consents is held for reading by consents: no kill comes between.
	consents sync.RWMutex
	repairs  sync.WaitGroup
	calm     atomic.Bool // no more kills

	mu        sync.Mutex
	dice      *rand.Rand
	countdown int
	kills     int
	rotations map[string]int // by account, as the cloud granted them
	killed    map[given]bool
	gave      map[string]given // who got an account's last pair
}

// given names a process by its place and its number there.
type given struct{ host, process string }

type stormConnection struct {
	person, user, id string
	consents, lost   int
	version          int64 // the highest that was handed out
}

func newStorm(t *testing.T) *storm {
	seed := uint64(20261123)
	if text := os.Getenv("STRIDELOG_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("STRIDELOG_SEED: %v", err)
		}
	}
	t.Logf("seed %d", seed)
	s := &storm{
		fixture: &fixture{t: t, natsURL: bustest.StartServer(t)}, children: map[string]*child{}, dice: rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // a test's dice
		rotations: map[string]int{}, killed: map[given]bool{}, gave: map[string]given{},
	}
	if text := os.Getenv("STRIDELOG_STORM"); text != "" {
		length, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("STRIDELOG_STORM: %v", err)
		}
		s.until = time.Now().Add(length)
	}
	s.pool = postgrestest.New(t)
	s.bus = bustest.Connect(t, s.natsURL, "caller")
	if err := s.bus.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range stormConnections {
		person, err := simulator.NewPerson(int64(i), "person "+strconv.Itoa(i), "Europe/Berlin", simulator.Options{Now: time.Now(), Days: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.people = append(s.people, person)
	}
	var err error
	s.cloud, err = simfitbit.New(simfitbit.Options{
		ClientID: "app", ClientSecret: "hush", RedirectURIs: []string{fitbitCallback}, People: s.people,
		AccessTokenTTL: stormLife, QuotaPerHour: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := oauth.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		site := httptest.NewServer(s.cloud.Handler())
		t.Cleanup(site.Close)
		c := &child{t: t, env: []string{
			childCloud + "=" + site.URL, childDatabase + "=" + s.pool.Config().ConnString(),
			childNATS + "=" + s.natsURL, childKey + "=" + key, childName + "=" + name,
		}}
		t.Cleanup(c.kill)
		c.start()
		s.children[site.Listener.Addr().String()] = c
	}
	for _, person := range s.people {
		c := stormConnection{person: person.AccountID(), user: events.NewID()}
		s.consent(&c)
		s.connections = append(s.connections, c)
	}
	s.countdown = s.nextKill()
	s.cloud.SetFault(s.fault)
	return s
}

func (s *storm) nextKill() int { return 1 + s.dice.IntN(killAtMost) }

// consent connects a person, first or again.
func (s *storm) consent(c *stormConnection) {
	s.consents.RLock()
	defer s.consents.RUnlock()
	a := ask[rpc.AuthorizeRequest, rpc.AuthorizeResponse](s.fixture, rpc.OAuthAuthorize,
		rpc.AuthorizeRequest{Provider: fitbit.Name, UserID: c.user, RedirectURI: app})
	brought := allow(s.t, a.AuthorizationURL, c.person, fitbit.DefaultScopes())
	back := ask[rpc.CallbackRequest, rpc.CallbackResponse](s.fixture, rpc.OAuthCallback,
		rpc.CallbackRequest{Provider: fitbit.Name, Code: brought.Get("code"), State: brought.Get("state")})
	if back.Status != events.StatusActive || (c.id != "" && c.id != back.ConnectionID) {
		s.t.Fatalf("the consent answered %+v", back)
	}
	c.id = back.ConnectionID
	c.consents++
}

// over says whether the storm has blown long enough.
func (s *storm) over() bool {
	if !s.until.IsZero() {
		return time.Now().After(s.until)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, n := range s.rotations {
		total += n
	}
	return s.kills >= shortKills && total >= shortRotations
}

// use asks for the connection's token again and again, and consents anew once the
// grant is lost.
func (s *storm) use(c *stormConnection) {
	pace := time.NewTicker(stormPace)
	defer pace.Stop()
	for !s.over() && !s.t.Failed() {
		<-pace.C
		s.tokenOf(c)
	}
}

// tokenOf asks for one token. ok is false when there was none for now.
func (s *storm) tokenOf(c *stormConnection) (token rpc.TokenResponse, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), stormCalls)
	defer cancel()
	token, err := bus.Call[rpc.TokenRequest, rpc.TokenResponse](ctx, s.bus, rpc.OAuthToken,
		rpc.TokenRequest{ConnectionID: c.id, MinValidity: stormLife / 2})
	var refused *rpc.Error
	switch {
	case err == nil:
		if token.TokenVersion < c.version {
			s.t.Errorf("connection %s went from version %d back to %d", c.id, c.version, token.TokenVersion)
		}
		c.version = token.TokenVersion
		return token, true
	case errors.As(err, &refused) && refused.Code == rpc.CodeUnavailable:
		return token, false
	case errors.As(err, &refused) && refused.Code == rpc.CodeActionRequired && refused.Reason == events.ReasonReauthRequired:
		s.checkLostGrant(c)
		return token, false
	default:
		s.t.Errorf("connection %s: %v", c.id, err)
		return token, false
	}
}

// checkLostGrant checks that a lost grant is one that the promise names: its last rotation
// was given to a process that was killed. Then the person consents again.
func (s *storm) checkLostGrant(c *stormConnection) {
	if n := s.cloud.Grants(c.person); n != 0 {
		s.t.Errorf("connection %s needs a consent and the cloud has %d grants", c.id, n)
	}
	s.mu.Lock()
	last := s.gave[c.person]
	if !s.killed[last] {
		s.t.Errorf("connection %s lost its grant and the process that got its last pair lives", c.id)
	}
	s.mu.Unlock()
	if v := s.view(c.id); v.Status != string(events.StatusActionRequired) || v.Reason != events.ReasonReauthRequired || v.NextAction == "" {
		s.t.Errorf("the lost connection %s is shown as %+v", c.id, v)
	}
	c.lost++
	s.consent(c)
}

// fault counts the rotations and kills the process that asked, now and then.
func (s *storm) fault(call *simfitbit.Call) *simfitbit.Fault {
	if call.Endpoint != simfitbit.EndpointToken || call.PostForm.Get("grant_type") != "refresh_token" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	asker := given{call.Host, call.Header.Get(headerNumber)}
	s.countdown--
	strike := s.countdown <= 0 && !s.killed[asker] && !s.calm.Load() && s.consents.TryLock()
	before := s.dice.IntN(3) == 0
	if strike {
		s.countdown = s.nextKill()
		s.kills++
	}
	if strike && before {
		s.killProcess(asker)
		return &simfitbit.Fault{Before: true}
	}
	return &simfitbit.Fault{Rewrite: func(body []byte) []byte {
		s.mu.Lock()
		defer s.mu.Unlock()
		var pair struct {
			Account string `json:"user_id"`
			Access  string `json:"access_token"`
		}
		if json.Unmarshal(body, &pair) == nil && pair.Access != "" {
			s.rotations[pair.Account]++
			s.gave[pair.Account] = asker
		}
		if strike {
			s.killProcess(asker)
		}
		return body
	}}
}

// killProcess kills the process of a place and lets another one follow. The caller
// holds mu and the lock on consents, which is given back once requests can be
// answered again.
func (s *storm) killProcess(who given) {
	s.children[who.host].kill()
	s.killed[who] = true
	s.repairs.Go(func() {
		defer s.consents.Unlock()
		s.children[who.host].start()
	})
}

// settle uses every connection until it either works or has a new consent.
func (s *storm) settle() {
	var all sync.WaitGroup
	for i := range s.connections {
		all.Go(func() {
			c := &s.connections[i]
			s.exec("UPDATE oauth.connections SET access_expires_at = 'epoch' WHERE id = $1", c.id)
			s.eventually("connection "+c.id+" has a token", func() bool { _, ok := s.tokenOf(c); return ok || s.t.Failed() })
		})
	}
	all.Wait()
}

// audit compares the books of the cloud with those of the service.
func (s *storm) audit() {
	var rotations, lost, stored int
	for i := range s.connections {
		c := &s.connections[i]
		token, ok := s.tokenOf(c)
		if !ok || s.cloud.Grants(c.person) != 1 {
			s.t.Errorf("connection %s ends with %d grants, token: %v", c.id, s.cloud.Grants(c.person), ok)
			continue
		}
		s.tryToken(token)
		version := int(s.number("SELECT token_version FROM oauth.connections WHERE id = $1 AND status = 'active'", c.id))
		// Every consent and every rotation that was stored is a version.
		kept := version - c.consents
		s.mu.Lock()
		granted := s.rotations[c.person]
		s.mu.Unlock()
		if granted != kept+c.lost {
			s.t.Errorf("connection %s: the cloud rotated %d times, %d pairs were stored and %d consents lost", c.id, granted, kept, c.lost)
		}
		rotations, lost, stored = rotations+granted, lost+c.lost, stored+kept
	}
	s.t.Logf("%d kills, %d rotations at the cloud, %d stored, %d consents lost to kills and shown", s.kills, rotations, stored, lost)
	if s.kills == 0 || rotations == 0 {
		s.t.Error("there was no storm")
	}
}

// tryToken reads with a token.
func (s *storm) tryToken(token rpc.TokenResponse) {
	for host := range s.children {
		now := time.Now()
		_, err := stormConnector("http://" + host).Sources[0].List.List(context.Background(), provider.ListRequest{
			Token: provider.Secret(token.AccessToken), Window: events.Window{From: now.AddDate(0, 0, -1), To: now},
		})
		if err != nil && now.Before(token.ExpiresAt.Add(-stormLife/4)) {
			s.t.Errorf("the cloud does not accept a token that was handed out: %v", err)
		}
		return
	}
}
