package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator/visitor"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const (
	days     = 20 // of each person's history
	appURL   = "http://app.test/done"
	atFitbit = "fitbit"
	atGoogle = "google_health"
)

// Served is what the API served at the end, by person: every workout, duplicates
// and all, and the ids of those that have a route.
type Served struct {
	UserID   string            `json:"user_id"`
	Workouts []json.RawMessage `json:"workouts"`
	Routes   []string          `json:"routes"`
	Syncs    int               `json:"syncs"`
}

// fixture is a system, two clouds and the people who come by.
type fixture struct {
	databaseURL, natsURL, sealing string
	log                           *slog.Logger

	people []*simulator.Person
	fitbit *fitbit.Cloud
	health *googlehealth.Cloud
	in     *installation.Installation
	c      *client.Client
}

// play lets people connect, edit, remove, import, leave and be erased.
func (s *fixture) play(ctx context.Context) (served map[string]Served, err error) {
	for i, style := range []simulator.Style{simulator.StyleRunner, simulator.StyleRider} {
		p, err := simulator.NewPerson(41, fmt.Sprintf("kept person %d", i), "Europe/Berlin", simulator.Options{Style: style, Now: time.Now(), Days: days})
		if err != nil {
			return nil, err
		}
		s.people = append(s.people, p)
	}
	closeClouds, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	defer closeClouds()
	defer func() { err = errors.Join(err, s.in.Stop()) }()
	for _, part := range []func(context.Context) error{s.both, s.unreadable, s.importer, s.leaver, s.erased} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	return s.served(ctx)
}

func (s *fixture) start(ctx context.Context) (closeClouds func(), err error) {
	const secret = "made-up"
	fitbitApp := simulator.App{ClientID: "FITBIT", ClientSecret: secret, RedirectURIs: []string{installation.CallbackURL(atFitbit)}}
	googleApp := simulator.App{ClientID: "GOOGLE", ClientSecret: secret, RedirectURIs: []string{installation.CallbackURL(atGoogle)}}
	if s.fitbit, err = fitbit.New(fitbit.Options{ClientID: fitbitApp.ClientID, ClientSecret: secret, RedirectURIs: fitbitApp.RedirectURIs, People: s.people}); err != nil {
		return nil, err
	}
	if s.health, err = googlehealth.New(googlehealth.Options{ClientID: googleApp.ClientID, ClientSecret: secret, RedirectURIs: googleApp.RedirectURIs, People: s.people}); err != nil {
		return nil, err
	}
	f, g := httptest.NewServer(s.fitbit.Handler()), httptest.NewServer(s.health.Handler())
	fitbitSettings, googleSettings := fitbitApp.Settings(s.fitbit, f.URL), googleApp.Settings(s.health, g.URL)
	fitbitSettings[provider.SettingScopes] = "activity heartrate profile"
	googleSettings[provider.SettingScopes] = "activity_and_fitness.readonly location.readonly settings.readonly"
	googleSettings["REQUESTS_PER_MINUTE"], googleSettings["APP_REQUESTS_PER_MINUTE"] = "100000", "100000"
	s.in, err = installation.Start(ctx, installation.Options{
		DatabaseURL: s.databaseURL, NATSURL: s.natsURL, Log: s.log,
		Providers: map[string]provider.Values{atFitbit: fitbitSettings, atGoogle: googleSettings},
		Change:    func(c *config.Config) { c.SealingKey = s.sealing },
	})
	if err == nil {
		s.c = s.in.Client
	}
	return func() { f.Close(); g.Close() }, err
}

// connect makes a user, lets them consent and reads their past.
func (s *fixture) connect(ctx context.Context, name, at string, person *simulator.Person) (client.User, error) {
	user, err := s.c.EnsureUser(ctx, name)
	if err != nil {
		return user, err
	}
	account := person.AccountID()
	if at == atGoogle {
		account = googlehealth.HealthUserID(person)
	}
	back, err := s.c.ConnectAt(ctx, user.ID, at, appURL, visitor.Decision{AccountID: account})
	if err == nil && back.Query().Get("status") != "active" {
		err = fmt.Errorf("%s came back from %s to %s", name, at, back)
	}
	if err != nil {
		return user, err
	}
	return user, s.sync(ctx, user, at)
}

func (s *fixture) sync(ctx context.Context, user client.User, at string) error {
	id, err := s.c.Historical(ctx, user.ID, at, days+2)
	if err != nil {
		return err
	}
	sync, err := s.c.AwaitSync(ctx, user.ID, id)
	if err == nil && sync.Status != "success" {
		err = fmt.Errorf("a sync at %s ended %s: %+v", at, sync.Status, sync.Error)
	}
	return err
}

// both has accounts at two providers, an edited record and a removed one.
func (s *fixture) both(ctx context.Context) error {
	user, err := s.connect(ctx, "both", atFitbit, s.people[0])
	if err != nil {
		return err
	}
	if _, err := s.connect(ctx, "both", atGoogle, s.people[0]); err != nil {
		return err
	}
	account := googlehealth.HealthUserID(s.people[0])
	records := s.health.Records(account)
	if err := s.health.Delete(account, records[2].ExternalID); err != nil {
		return err
	}
	name := "Edited"
	if err := s.health.Edit(account, records[3].ExternalID, func(t *simulator.Truth) { t.Name = &name }); err != nil {
		return err
	}
	return s.sync(ctx, user, atGoogle)
}

// unreadable are records that give no workout: one of a known format, one of a
// format that no program knows yet.
func (s *fixture) unreadable(ctx context.Context) error {
	user, err := s.c.EnsureUser(ctx, "both")
	if err != nil {
		return err
	}
	nc, err := bus.Connect(ctx, s.natsURL, "keepstores", s.log)
	if err != nil {
		return err
	}
	defer nc.Close()
	b, err := bus.New(nc, s.log)
	if err != nil {
		return err
	}
	raw := []byte(`{"logId": "no number", "startTime": "no time"}`)
	hash, err := provider.ContentHash(raw, nil)
	if err != nil {
		return err
	}
	for external, format := range map[string]string{"odd": "fitbit.activity_list.v1", "later": "fitbit.activity_list.v9"} {
		e := events.Event{ID: events.NewID(), Source: "stridelog/poller", About: external, Time: time.Now().UTC(), Provider: atFitbit, UserID: user.ID}
		e.Data = &events.ActivityFetched{
			UserID: user.ID, Provider: atFitbit, ExternalID: external, Format: format, ContentHash: hash, HashVersion: 1,
			Origin: events.OriginAPI, FetchedAt: e.Time, Raw: raw,
		}
		if _, err := b.Publish(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// importer brings an export archive, which has routes.
func (s *fixture) importer(ctx context.Context) error {
	user, err := s.c.EnsureUser(ctx, "importer")
	if err != nil {
		return err
	}
	a, err := export.New(s.people[1], export.Options{At: time.Now(), Truths: s.fitbit.Truth(s.people[1].AccountID())})
	if err != nil {
		return err
	}
	begun, err := s.c.Import(ctx, user.ID, "fitbit-export", false, client.Upload{Name: "takeout.zip", Write: a.WriteZip})
	if err != nil {
		return err
	}
	done, err := s.c.AwaitImport(ctx, begun.ID)
	if err == nil && (done.Status != "success" || done.Counts.Imported == 0) {
		err = fmt.Errorf("the import ended %s: %+v", done.Status, done.Counts)
	}
	return err
}

// leaver disconnects: the data stays.
func (s *fixture) leaver(ctx context.Context) error {
	user, err := s.connect(ctx, "leaver", atFitbit, s.people[1])
	if err != nil {
		return err
	}
	return s.c.Call(ctx, http.MethodDelete, "/users/"+user.ID+"/connections/"+atFitbit, nil, nil)
}

func (s *fixture) erased(ctx context.Context) error {
	user, err := s.connect(ctx, "erased", atGoogle, s.people[1])
	if err != nil {
		return err
	}
	var erasure struct {
		ID    string `json:"erasure_id"`
		State string `json:"state"`
	}
	if err := s.c.Call(ctx, http.MethodDelete, "/users/"+user.ID, nil, &erasure); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		err := s.c.Call(ctx, http.MethodGet, "/erasures/"+erasure.ID, nil, &erasure)
		return erasure.State == "done", err
	})
}

// settled waits for the routes, and checks that tables and log agree.
func (s *fixture) settled(ctx context.Context) error {
	account := googlehealth.HealthUserID(s.people[0])
	want := 0
	for _, r := range s.health.Records(account) {
		if r.Detail.HasGPS {
			want++
		}
	}
	if want == 0 {
		return errors.New("the simulated person has no route")
	}
	err := until(ctx, func() (bool, error) { return s.health.Requests()[googlehealth.EndpointTrack] >= want, nil })
	if err != nil {
		return err
	}
	different := 0
	_, err = s.in.System.Verify(ctx, func(d system.Difference) { different++; s.log.Warn("a difference", "where", d.Where, "what", d.What) }, func(system.VerifyProgress) {})
	if err == nil && different > 0 {
		err = fmt.Errorf("verify finds %d differences", different)
	}
	return err
}

func (s *fixture) served(ctx context.Context) (map[string]Served, error) {
	all := map[string]Served{}
	for _, name := range []string{"both", "importer", "leaver"} {
		user, err := s.c.EnsureUser(ctx, name)
		if err != nil {
			return nil, err
		}
		one := Served{UserID: user.ID}
		if one.Workouts, err = s.c.Workouts(ctx, user.ID, url.Values{"include": {"duplicates"}}); err != nil {
			return nil, err
		}
		syncs, err := s.c.Syncs(ctx, user.ID)
		if err != nil {
			return nil, err
		}
		one.Syncs = len(syncs)
		for _, w := range one.Workouts {
			var workout struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(w, &workout); err != nil {
				return nil, err
			}
			var problem *client.Problem
			err := s.c.Call(ctx, http.MethodGet, "/workouts/"+workout.ID+"/tcx", nil, new([]byte))
			switch {
			case err == nil:
				one.Routes = append(one.Routes, workout.ID)
			case !errors.As(err, &problem):
				return nil, err
			}
		}
		all[name] = one
	}
	return all, nil
}

// until asks again and again until the answer is yes.
func until(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
