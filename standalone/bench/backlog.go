package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/simulator"
	fake "github.com/stridelog/stridelog/provider/simulator/fitbit"
)

const (
	backlogUsers = 200
	perUser      = 100 // records, one page of a Fitbit list
	editedEvery  = 10  // records: this one has a second version
)

// backlog is a log of facts as the poller writes it: for each user a page of a
// simulated person's records, and a page of the ones that were edited since.
type backlog struct {
	facts    int
	workouts int
	last     uint64 // sequence in the stream
}

// version is a record's bytes before and after its edit.
type version struct {
	id             string
	before, edited []byte
}

func fillLog(ctx context.Context, b *bus.Bus) (backlog, error) {
	people, err := recordsOfPeople()
	if err != nil {
		return backlog{}, err
	}
	var log backlog
	for u := range backlogUsers {
		user := userID(u)
		person := people[u%len(people)]
		first := u / len(people) * 7 % (len(person) - perUser)
		var page, edits []events.Event
		for i, r := range person[first : first+perUser] {
			page = append(page, fact(user, r.id, r.before, 0))
			if i%editedEvery == 0 {
				edits = append(edits, fact(user, r.id, r.edited, log.last+uint64(i)+1))
			}
		}
		for _, p := range [][]events.Event{page, edits} {
			expect := bus.Expect{Subjects: events.ActivitySubjects(fitbit.Name, user)}
			if log.last > 0 && &p[0] == &edits[0] {
				expect.LastSequence = log.last
			}
			if _, log.last, err = b.PublishPage(ctx, p, expect); err != nil {
				return backlog{}, err
			}
		}
		log.facts += len(page) + len(edits)
		log.workouts += len(page)
	}
	return log, nil
}

// userID is the id of the n-th user.
func userID(n int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "bench user ", n)).String()
}

func fact(user, id string, raw []byte, replaces uint64) events.Event {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return events.Event{
		ID: events.NewID(), Source: "stridelog/poller", About: id, Time: now, Provider: fitbit.Name, UserID: user,
		Data: &events.ActivityFetched{
			UserID: user, Provider: fitbit.Name, ConnectionID: user, SyncID: user, ProviderAccountID: "BENCH", ExternalID: id,
			Format: fitbit.FormatActivityList, ContentHash: "sha256:" + fmt.Sprintf("%064x", replaces), HashVersion: 1, ReplacesSequence: replaces,
			Origin: events.OriginAPI, FetchedAt: now, Raw: raw,
		},
	}
}

// recordsOfPeople are the records of eight simulated people, some 300 each.
func recordsOfPeople() ([][]version, error) {
	var people []*simulator.Person
	for i := range 8 {
		style := []simulator.Style{simulator.StyleRunner, simulator.StyleRider, simulator.StyleGym, simulator.StyleWalker}[i%4]
		p, err := simulator.NewPerson(int64(i), fmt.Sprintf("bench%d", i), "Europe/Berlin", simulator.Options{Style: style, Now: time.Now(), Days: 700, Miles: i >= 6})
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	cloud, err := fake.New(fake.Options{ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{callbackURL()}, People: people})
	if err != nil {
		return nil, err
	}
	var all [][]version
	for _, p := range people {
		var list []version
		for _, t := range cloud.Truth(p.AccountID()) {
			v := version{id: t.ExternalID, before: cloud.RawRecord(p.AccountID(), t.ExternalID)}
			err := cloud.Edit(p.AccountID(), t.ExternalID, func(t *simulator.Truth) { t.Duration += time.Minute })
			if err != nil {
				return nil, err
			}
			v.edited = cloud.RawRecord(p.AccountID(), t.ExternalID)
			list = append(list, v)
		}
		if len(list) <= perUser {
			return nil, fmt.Errorf("%s has only %d records; a user takes %d", p.Name(), len(list), perUser)
		}
		all = append(all, list)
	}
	return all, nil
}
