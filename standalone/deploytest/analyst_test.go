package deploytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// apiPrefix is where analysts find JetStream; deploy/nats/nats.conf maps it.
const apiPrefix = "stridelog.api"

// refusalWait is how long a request waits that nobody may answer: the server drops
// it, and its refusal comes beside the request.
const refusalWait = 500 * time.Millisecond

func analystJetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.NewWithAPIPrefix(nc, apiPrefix, jetstream.WithDefaultTimeout(waittest.Bound(t)))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func operatorJetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func fill(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, subject := range []string{"stridelog.activity.fetched" + person, "stridelog.activity.fetched" + person, "stridelog.workout.recorded" + person} {
		if _, err := js.Publish(t.Context(), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
}

// An analyst reads both streams by the consumers made for them, keeps a position,
// looks at single messages and hears what happens.
func TestAnalystsRead(t *testing.T) {
	all := members(t)
	operator, analyst := operatorJetStream(t, all[deployment.Operator].nc), analystJetStream(t, all[deployment.Analyst].nc)
	live, err := all[deployment.Analyst].nc.SubscribeSync("stridelog.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := all[deployment.Analyst].nc.FlushTimeout(waittest.Bound(t)); err != nil {
		t.Fatal(err)
	}
	fill(t, operator)
	for range 3 {
		if _, err := live.NextMsg(waittest.Bound(t)); err != nil {
			t.Fatalf("an analyst does not hear what happens: %v", err)
		}
	}
	for stream, want := range map[string]int{events.StreamFacts: 2, events.StreamChanges: 1} {
		c, err := analyst.Consumer(t.Context(), stream, deployment.Analyst)
		if err != nil {
			t.Fatal(err)
		}
		for range want {
			m, err := c.Next(jetstream.FetchMaxWait(waittest.Bound(t)))
			if err != nil {
				t.Fatalf("%s: %v", stream, err)
			}
			if string(m.Data()) != "{}" || m.Subject() == "" {
				t.Errorf("%s: got %q on %q", stream, m.Data(), m.Subject())
			}
			if err := m.DoubleAck(t.Context()); err != nil {
				t.Errorf("%s: acknowledge: %v", stream, err)
			}
		}
		info, err := c.Info(t.Context())
		if err != nil || info.AckFloor.Stream != uint64(want) {
			t.Errorf("%s: the position is %+v, want %d: %v", stream, info.AckFloor, want, err)
		}
		s, err := analyst.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := s.GetMsg(t.Context(), 1); err != nil || string(m.Data) != "{}" {
			t.Errorf("%s: message 1: %v", stream, err)
		}
	}
}

// What an analyst must not do fails, and the operator's control shows that it was
// the permission.
func TestAnalystsChangeNothing(t *testing.T) {
	all := members(t)
	operator, analyst := operatorJetStream(t, all[deployment.Operator].nc), analystJetStream(t, all[deployment.Analyst].nc)
	plain := operatorJetStream(t, all[deployment.Analyst].nc) // the same calls, aimed at $JS.API
	fill(t, operator)
	ctx := t.Context()
	pushed := jetstream.ConsumerConfig{Name: "mine", DeliverSubject: string(rpc.OAuthDisconnect)}
	for name, attempt := range map[string]func(ctx context.Context, js jetstream.JetStream) error{
		"publish": func(ctx context.Context, js jetstream.JetStream) error {
			return second(js.Publish(ctx, "stridelog.activity.fetched"+person, nil))
		},
		"purge": func(ctx context.Context, js jetstream.JetStream) error { return purge(ctx, js) },
		"delete a stream": func(ctx context.Context, js jetstream.JetStream) error {
			return js.DeleteStream(ctx, events.StreamFacts)
		},
		"delete a message": func(ctx context.Context, js jetstream.JetStream) error {
			s, err := js.Stream(ctx, events.StreamFacts)
			if err != nil {
				return err
			}
			return s.DeleteMsg(ctx, 1)
		},
		"make a consumer": func(ctx context.Context, js jetstream.JetStream) error {
			return second(js.CreateConsumer(ctx, events.StreamFacts, jetstream.ConsumerConfig{Name: "mine"}))
		},
		"have facts delivered to a method": func(ctx context.Context, js jetstream.JetStream) error {
			return second(js.CreatePushConsumer(ctx, events.StreamFacts, pushed))
		},
		"take the projector's facts": func(ctx context.Context, js jetstream.JetStream) error {
			return second(js.Consumer(ctx, events.StreamFacts, "projector-facts"))
		},
		"read another stream": func(ctx context.Context, js jetstream.JetStream) error {
			return second(js.Stream(ctx, events.StreamSyncs))
		},
	} {
		for _, js := range []jetstream.JetStream{analyst, plain} {
			limited, cancel := context.WithTimeout(ctx, refusalWait)
			if attempt(limited, js) == nil {
				t.Errorf("an analyst may %s", name)
			}
			cancel()
		}
	}
	if _, err := all[deployment.Analyst].nc.Request(string(rpc.OAuthToken), nil, refusalWait); err == nil {
		t.Error("an analyst may ask for a token")
	}
	state, err := operator.Stream(ctx, events.StreamFacts)
	if err != nil || state.CachedInfo().State.Msgs != 2 || state.CachedInfo().State.LastSeq != 2 || state.CachedInfo().State.Consumers != 1 {
		t.Fatalf("the facts are not as they were: %+v, %v", state.CachedInfo().State, err)
	}

	// The control, in the order that leaves something to do.
	if err := second(operator.Publish(ctx, "stridelog.activity.fetched"+person, nil)); err != nil {
		t.Error(err)
	}
	if err := second(operator.CreateConsumer(ctx, events.StreamFacts, jetstream.ConsumerConfig{Name: "mine"})); err != nil {
		t.Error(err)
	}
	if err := errors.Join(state.DeleteMsg(ctx, 1), purge(ctx, operator), operator.DeleteStream(ctx, events.StreamFacts)); err != nil {
		t.Error(err)
	}
}

func purge(ctx context.Context, js jetstream.JetStream) error {
	s, err := js.Stream(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	return s.Purge(ctx)
}

func second[T any](_ T, err error) error { return err }
