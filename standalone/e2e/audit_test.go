package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// The types of activity facts, as the documentation names them.
const (
	typeFetched = "stridelog.activity.fetched.v1"
	typeRemoved = "stridelog.activity.removed.v1"
)

// factLine is what an audit wants of an activity fact.
type factLine struct {
	ExternalID string `json:"external_id"`
	SyncID     string `json:"sync_id"`
	event      string
}

// readFacts reads every activity fact of a user with a plain NATS client. Other
// types, which nobody can read, are not facts.
func readFacts(ctx context.Context, js jetstream.JetStream, userID string) ([]factLine, error) {
	var facts []factLine
	err := readAll(ctx, js, "STRIDELOG_FACTS", "stridelog.activity.*.*."+userID, func(m jetstream.Msg) error {
		f := factLine{event: m.Headers().Get("ce-type")}
		if f.event != typeFetched && f.event != typeRemoved {
			return nil
		}
		if err := json.Unmarshal(m.Data(), &f); err != nil {
			return err
		}
		facts = append(facts, f)
		return nil
	})
	return facts, err
}

func readAll(ctx context.Context, js jetstream.JetStream, stream, subject string, take func(jetstream.Msg) error) error {
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return err
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return err
	}
	if info.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for range info.NumPending {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if err := take(m); err != nil {
			return err
		}
	}
	return nil
}

// audit says how a user's log and tables differ from the truth.
type audit struct {
	lost    int // happened, and is not in the log or not served as it happened
	doubled int // is served twice, or more often in the log than it has versions
	extra   int // is in the log or served, and never happened
	first   string
}

func (a audit) clean() bool { return a == audit{} }

func (a audit) String() string {
	return fmt.Sprintf("%d lost, %d doubled, %d extra; first: %s", a.lost, a.doubled, a.extra, a.first)
}

func (a *audit) note(count *int, format string, args ...any) {
	*count++
	if a.first == "" {
		a.first = fmt.Sprintf(format, args...)
	}
}

// inspect compares. versions is how many versions of a record the provider had
// beyond the first; gone are records that it had once.
func inspect(facts []factLine, rows []json.RawMessage, userID string, truths []simulator.Truth, versions map[string]int, gone map[string]bool, ignore func(string) bool) audit {
	return inspectBy(func(raw json.RawMessage, truth simulator.Truth) []string {
		return slices.DeleteFunc(differences(raw, userID, truth), func(d string) bool { return ignore != nil && ignore(d) })
	}, facts, rows, truths, versions, gone)
}

// inspectBy is inspect with another way to say how a row differs from the truth.
func inspectBy(differ func(json.RawMessage, simulator.Truth) []string, facts []factLine, rows []json.RawMessage, truths []simulator.Truth, versions map[string]int, gone map[string]bool) audit {
	var a audit
	happened := map[string]simulator.Truth{}
	for _, t := range truths {
		happened[t.ExternalID] = t
	}
	fetched, removed := map[string]int{}, map[string]int{}
	for _, f := range facts {
		if f.event == typeRemoved {
			removed[f.ExternalID]++
		} else {
			fetched[f.ExternalID]++
		}
	}
	for id, n := range fetched {
		if _, ok := happened[id]; !ok && !gone[id] {
			a.note(&a.extra, "fact of %s, which never happened", id)
		} else if n > 1+versions[id] {
			a.note(&a.doubled, "%d facts of %s, which had %d versions", n, id, 1+versions[id])
		}
	}
	for id := range removed {
		if !gone[id] {
			a.note(&a.extra, "%s was removed and still exists", id)
		}
	}
	served := map[string]int{}
	for _, raw := range rows {
		var w struct {
			ExternalID string `json:"external_id"`
		}
		if err := json.Unmarshal(raw, &w); err != nil {
			a.note(&a.extra, "unreadable row: %v", err)
			continue
		}
		served[w.ExternalID]++
		truth, ok := happened[w.ExternalID]
		switch {
		case !ok:
			a.note(&a.extra, "%s is served and does not exist", w.ExternalID)
		case served[w.ExternalID] > 1:
			a.note(&a.doubled, "%s is served twice", w.ExternalID)
		default:
			if found := differ(raw, truth); len(found) > 0 {
				a.note(&a.lost, "%s: %s", w.ExternalID, found[0])
			}
		}
	}
	for id := range happened {
		if served[id] == 0 || fetched[id] == 0 {
			a.note(&a.lost, "%s: %d facts, %d rows", id, fetched[id], served[id])
		}
	}
	return a
}

// awaitAudit inspects until everything is well or the time is over. A gateway that
// does not answer just now is asked again.
func awaitAudit(ctx context.Context, c *client.Client, js jetstream.JetStream, userID string, look func([]factLine, []json.RawMessage) audit) (audit, error) {
	for {
		rows, err := c.Workouts(ctx, userID, everyRecord())
		var facts []factLine
		if err == nil {
			facts, err = readFacts(ctx, js, userID)
		}
		var a audit
		if err == nil {
			if a = look(facts, rows); a.clean() {
				return a, nil
			}
		}
		if pauseFor(ctx, 100*time.Millisecond) != nil {
			return a, err
		}
	}
}
