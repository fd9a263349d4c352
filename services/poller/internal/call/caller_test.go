package call_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

var noon = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// tokenSource gives tokens and notes refusals.
type tokenSource struct {
	version int64
	asked   int
	refused []provider.Class
	err     error
	expires time.Time
}

func (d *tokenSource) Access(context.Context, call.Connection) (call.Token, error) {
	d.asked++
	return call.Token{Access: provider.Secret(fmt.Sprintf("token-%d", d.version)), Version: d.version, ExpiresAt: d.expires}, d.err
}

func (d *tokenSource) Refused(_ context.Context, _ call.Connection, t call.Token, class provider.Class) (store.Standing, error) {
	d.refused = append(d.refused, class)
	if t.Version == d.version {
		d.version++
	}
	return store.Standing{Status: store.TargetActive}, d.err
}

// list is a connector whose answers a test gives.
type list func(r provider.ListRequest) (provider.Page, error)

func (f list) List(_ context.Context, r provider.ListRequest) (provider.Page, error) {
	return f(r)
}

// listed is a source with such a list.
func listed(f list) []provider.Source { return []provider.Source{{Name: "activity", List: f}} }

// another is a source that gives another record than it is asked for.
type another struct{}

func (another) Get(context.Context, provider.Secret, string) (provider.Record, []provider.Quota, error) {
	return provider.Record{ExternalID: "b"}, nil, nil
}

// rig is a caller of one lease with all that it needs.
type rig struct {
	*call.Caller
	callers *call.Callers
	tokens  *tokenSource
	now     time.Time
	source  *provider.Source
}

func newRig(t *testing.T, c *provider.Connector) *rig {
	t.Helper()
	db := postgrestest.New(t)
	if err := store.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	metrics, err := call.NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{tokens: &tokenSource{version: 1}, now: noon, source: &c.Sources[0]}
	r.callers = &call.Callers{
		Log: slog.New(slog.DiscardHandler), Store: store.New(db), Tokens: r.tokens, Metrics: metrics, Now: func() time.Time { return r.now },
	}
	r.Caller = r.lease(c, "account")
	return r
}

func (r *rig) lease(c *provider.Connector, account string) *call.Caller {
	return r.callers.For(store.Lease{Target: store.Target{UserID: uuid.NewString(), Provider: "cloud", ConnectionID: uuid.NewString(), AccountID: account}}, c)
}

func (r *rig) read(t *testing.T) error {
	t.Helper()
	_, err := r.List(t.Context(), events.TriggerManual, r.source, provider.ListRequest{})
	return err
}

func refusal(class provider.Class) error {
	return &provider.Error{Provider: "cloud", Op: "list activities", Class: class}
}

func TestARefusedTokenIsReportedAndReplacedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		good    string // the token that the provider takes
		class   provider.Class
		reports int
	}{
		"the first is good":  {"token-1", "", 0},
		"the second is good": {"token-2", "", 1},
		"neither is":         {"token-3", provider.ClassUnauthorized, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var used []string
			r := newRig(t, &provider.Connector{Sources: listed(func(r provider.ListRequest) (provider.Page, error) {
				used = append(used, string(r.Token))
				if string(r.Token) != test.good {
					return provider.Page{}, refusal(provider.ClassUnauthorized)
				}
				return provider.Page{}, nil
			})})
			r.Prepare(t.Context())
			if err := r.read(t); call.ClassOf(err) != test.class {
				t.Fatalf("the request: %v", err)
			}
			if len(r.tokens.refused) != test.reports || len(used) != test.reports+1 {
				t.Errorf("used %v, reported %v", used, r.tokens.refused)
			}
		})
	}
}

func TestATokenIsAskedForOnceUntilItEnds(t *testing.T) {
	r := newRig(t, &provider.Connector{Sources: listed(func(provider.ListRequest) (provider.Page, error) { return provider.Page{}, nil })})
	r.tokens.expires = noon.Add(time.Hour)
	r.Prepare(t.Context())
	for _, step := range []struct {
		at    time.Time
		asked int
	}{{noon, 1}, {noon.Add(59 * time.Minute), 1}, {noon.Add(59*time.Minute + time.Second), 2}} {
		r.now = step.at
		if err := r.read(t); err != nil || r.tokens.asked != step.asked {
			t.Errorf("at %s: asked %d times (%v)", step.at, r.tokens.asked, err)
		}
		r.tokens.expires = noon.Add(5 * time.Hour)
	}
	if _, err := r.Refused(t.Context(), provider.ClassInsufficientScope); err != nil {
		t.Fatal(err)
	}
	if err := r.read(t); err != nil || r.tokens.asked != 2 {
		t.Errorf("a token that lacks a scope is asked for again: %d (%v)", r.tokens.asked, err)
	}
}

func TestWithoutATokenNobodyIsAskedAndNothingIsSpent(t *testing.T) {
	calls := 0
	r := newRig(t, &provider.Connector{Budgets: []provider.Budget{{Requests: 1, Per: time.Hour}}, Sources: listed(func(provider.ListRequest) (provider.Page, error) {
		calls++
		return provider.Page{}, nil
	})})
	paused := &call.TokenError{Standing: store.Standing{Status: store.TargetPaused, Reason: "reauthorize"}}
	r.tokens.err = paused
	r.Prepare(t.Context())
	for range 2 {
		var got *call.TokenError
		if err := r.read(t); !errors.As(err, &got) || got != paused {
			t.Fatalf("the request: %v", err)
		}
	}
	r.tokens.err = nil
	if err := r.read(t); err != nil || calls != 1 {
		t.Errorf("%d calls (%v)", calls, err)
	}
}

func TestWhatAConnectorDoesWrongHasAClass(t *testing.T) {
	for name, test := range map[string]struct {
		answer func() error
		class  provider.Class
		detail string
	}{
		"a class of its own": {func() error { return refusal(provider.ClassGone) }, provider.ClassGone, "cloud: list activities: gone: the API seems switched off; confirm with a second call"},
		"no class":           {func() error { return errors.New("secret") }, provider.ClassUnavailable, "no readable answer."},
		"a panic":            {func() error { panic("secret") }, provider.ClassInvalidResponse, "cloud: list activity: invalid_response [panic]: try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, &provider.Connector{Sources: listed(func(provider.ListRequest) (provider.Page, error) { return provider.Page{}, test.answer() })})
			var got *call.ProviderError
			if err := r.read(t); !errors.As(err, &got) || got.Class != test.class || got.Detail() != test.detail {
				t.Errorf("the request: %#v", err)
			}
		})
	}
	t.Run("another record", func(t *testing.T) {
		r := newRig(t, &provider.Connector{Sources: []provider.Source{{Name: "activity", Get: another{}}}})
		_, err := r.Get(t.Context(), events.TriggerManual, r.source, "a")
		if call.ClassOf(err) != provider.ClassInvalidResponse {
			t.Errorf("the request: %v", err)
		}
	})
}

func TestOurOwnEndIsNoFaultOfTheProvider(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := newRig(t, &provider.Connector{Sources: listed(func(provider.ListRequest) (provider.Page, error) {
		cancel()
		return provider.Page{}, refusal(provider.ClassUnavailable)
	})})
	_, err := r.List(ctx, events.TriggerManual, r.source, provider.ListRequest{})
	if !errors.Is(err, context.Canceled) || call.ClassOf(err) != "" {
		t.Errorf("the request: %v", err)
	}
}

func TestARequestNeedsRoomInTheAppsBudgetAndTheAccounts(t *testing.T) {
	c := &provider.Connector{
		Budgets: []provider.Budget{{Requests: 3, Per: time.Hour}, {Whose: provider.OfApp, Requests: 4, Per: 2 * time.Hour}},
		Sources: listed(func(provider.ListRequest) (provider.Page, error) { return provider.Page{}, nil }),
	}
	r := newRig(t, c)
	other := r.lease(c, "other")
	read := func(caller *call.Caller) string {
		_, err := caller.List(t.Context(), events.TriggerManual, r.source, provider.ListRequest{})
		var short *call.ShortError
		if errors.As(err, &short) && short.Refusal == nil {
			return short.Whose + " until " + short.Until.Format("15:04")
		}
		return fmt.Sprint(err)
	}
	var got []string
	for range 4 {
		got = append(got, read(r.Caller))
	}
	got = append(got, read(other), read(other))
	want := []string{"<nil>", "<nil>", "<nil>", "account until 13:00", "<nil>", "app until 14:00"}
	if !slices.Equal(got, want) {
		t.Errorf("the answers are %q, want %q", got, want)
	}
}

func TestADeepScanLeavesNineTenths(t *testing.T) {
	c := &provider.Connector{Budgets: []provider.Budget{{Requests: 40, Per: time.Hour}}, Sources: listed(func(provider.ListRequest) (provider.Page, error) { return provider.Page{}, nil })}
	r := newRig(t, c)
	count := func(p call.Purpose) (n int) {
		for {
			_, err := r.List(t.Context(), p, r.source, provider.ListRequest{})
			var short *call.ShortError
			if errors.As(err, &short) {
				return n
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	if n := count(call.Deep); n != 4 {
		t.Errorf("a deep scan made %d requests of 40", n)
	}
	if n := count(events.TriggerBackfill); n != 32 {
		t.Errorf("a backfill made %d", n)
	}
	if n := count(events.TriggerScheduled); n != 2 {
		t.Errorf("the timetable made %d", n)
	}
	if n := count(events.TriggerManual); n != 2 {
		t.Errorf("the one that waits got %d", n)
	}
}

func TestARefusalForALimitSaysUntilWhen(t *testing.T) {
	later := noon.Add(3 * time.Hour)
	for name, test := range map[string]struct {
		app   bool
		err   provider.Error
		whose string
		until time.Time // zero: about half a minute
	}{
		"of an account":                 {false, provider.Error{RetryAt: later}, call.OfAccount, later},
		"of an app that has a limit":    {true, provider.Error{RetryAt: later}, call.OfApp, later},
		"the account is named":          {true, provider.Error{RetryAt: later, OfAccount: true}, call.OfAccount, later},
		"the account has none left":     {true, provider.Error{Quotas: []provider.Quota{{Limit: 10, ResetAt: later}}}, call.OfAccount, later},
		"some are left to the account":  {true, provider.Error{Quotas: []provider.Quota{{Limit: 10, Remaining: 5, ResetAt: later}}}, call.OfApp, later},
		"the provider does not say":     {false, provider.Error{}, call.OfAccount, time.Time{}},
		"what it says is over already":  {false, provider.Error{RetryAt: noon}, call.OfAccount, time.Time{}},
		"the app, and it does not say":  {true, provider.Error{}, call.OfApp, time.Time{}},
		"the account, and no more said": {true, provider.Error{OfAccount: true}, call.OfAccount, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			answer := test.err
			answer.Provider, answer.Op, answer.Class = "cloud", "list activities", provider.ClassRateLimited
			calls := 0
			c := &provider.Connector{Budgets: []provider.Budget{{Requests: 100, Per: time.Hour}}, Sources: listed(func(provider.ListRequest) (provider.Page, error) {
				calls++
				return provider.Page{}, &answer
			})}
			if test.app {
				c.Budgets = append(c.Budgets, provider.Budget{Whose: provider.OfApp, Requests: 100, Per: time.Hour})
			}
			r := newRig(t, c)
			var short *call.ShortError
			if err := r.read(t); !errors.As(err, &short) || short.Whose != test.whose || short.Refusal == nil || provider.ClassOf(err) != provider.ClassRateLimited {
				t.Fatalf("the request: %#v", err)
			}
			wait := short.Until.Sub(noon)
			if exact := !test.until.IsZero(); exact && !short.Until.Equal(test.until) || !exact && (wait < 15*time.Second || wait > time.Minute) {
				t.Errorf("until %s", short.Until)
			}
			first := short.Until
			if err := r.read(t); !errors.As(err, &short) || short.Refusal != nil || short.Until.Sub(first).Abs() > time.Microsecond || calls != 1 {
				t.Errorf("%d calls, the next request: %v", calls, err)
			}
		})
	}
}
