package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// The caller's place in its own trace.
const (
	callerTrace = "0af7651916cd43dd8448eb211c80319c"
	callerSpan  = "b7ad6b7169203331"
	requestID   = "asked-by-the-trace-test"
)

const (
	syncRoute        = "POST /api/v1/providers/:provider/users/:user_id/sync"
	publishRequested = "publish stridelog.sync.requested.{provider}.{user_id}"
	processRequested = "process stridelog.sync.requested.{provider}.{user_id}"
	readPage         = "read a page"
	publishFetched   = "publish stridelog.activity.fetched.{provider}.{user_id}"
	processFetched   = "process stridelog.activity.fetched.{provider}.{user_id}"
	publishRecorded  = "publish stridelog.workout.recorded.{provider}.{user_id}"
	foldFacts        = "fold projector-facts"
)

// TestOneSyncIsOneTrace runs the services as processes that export to a collector,
// asks for a sync as a caller with a trace of its own, and follows that trace to the
// projected rows and to the events about them.
func TestOneSyncIsOneTrace(t *testing.T) {
	v := &secrecyWorld{world: newWorld(t), secrets: map[string]string{}}
	v.cloud.SetFault(v.recordTokens)
	spans := newCollector(t)
	addr := porttest.Address(t)
	env := append(v.environment(t, addr), spans.environment()...)
	processes := map[string]*process{}
	for _, service := range []string{"oauth", "poller", "projector", "gateway"} {
		processes[service] = startProcess(t, env, service)
	}
	c := clientAt(addr)
	awaitProviders(t, c)
	user, sync := v.tracedSync(t, c)

	tree := spans.await(t, sync)
	tree.checkLines(t)
	tree.checkFold(t)
	v.checkWorkoutEvents(t, tree, user.ID, sync.Counts.New)
	processes["gateway"].await(t, `msg=request .*route=/api/v1/providers/\S+ status=202.* trace_id=`+callerTrace+` request_id=`+requestID)
	processes["oauth"].await(t, `msg="a provider refused an access token" .*trace_id=`+callerTrace)
	v.searchSpans(t, spans)
	tree.draw(t)
}

// tracedSync connects a person and reads what they did since in a trace of the
// caller's.
func (v *secrecyWorld) tracedSync(t *testing.T, c *client.Client) (client.User, client.Sync) {
	t.Helper()
	ctx, person := deadline(t), v.people[0]
	user := join(ctx, t, c, person)
	mail := map[string]string{"email": "ada@example.org", "first_name": "Adelheid"}
	if err := c.Call(ctx, http.MethodPatch, "/users/"+user.ID, mail, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Call(ctx, http.MethodGet, "/users?search=ada@example.org", nil, nil); err != nil {
		t.Fatal(err)
	}
	// The sync after the consent is over first: it is a trace of its own.
	for {
		list, err := c.Syncs(ctx, user.ID) // unavailable until all have started
		if err == nil && len(list) == 1 && list[0].Ended() {
			break
		}
		wait(t, ctx, "the first sync ends: %+v, %v", list, err)
	}
	// So that a token is refused, refreshed and tried again on the way.
	if err := v.cloud.ExpireAccessTokens(person.AccountID()); err != nil {
		t.Fatal(err)
	}
	v.uploadTwo(t, person.AccountID())
	var asked client.Sync
	c.HTTP.Transport = inTrace{}
	err := c.Call(ctx, http.MethodPost, "/providers/fitbit/users/"+user.ID+"/sync", nil, &asked)
	c.HTTP.Transport = nil
	if err != nil {
		t.Fatal(err)
	}
	sync, err := c.AwaitSync(ctx, user.ID, asked.SyncID)
	if err != nil || sync.Status != "success" || sync.Counts.New != 2 {
		t.Fatalf("the sync ended as %+v with the counts %+v, %v", sync, sync.Counts, err)
	}
	v.workouts(t, c, user, person)
	for kind, secret := range map[string]string{
		"user id": user.ID, "account": person.AccountID(), "e-mail address": "ada@example.org", "name": "Adelheid",
		"admin key": installation.AdminKey, "client secret": v.fitbit.Text("CLIENT_SECRET"),
	} {
		v.secrets[secret] = kind // some are shorter than a secret is
	}
	return user, sync
}

// uploadTwo lets a person have done two more workouts within the last week.
func (v *secrecyWorld) uploadTwo(t *testing.T, account string) {
	t.Helper()
	for day := range 2 {
		another := v.cloud.Truth(account)[0]
		another.ExternalID, another.OriginalStart = "", time.Time{}
		moved := time.Now().AddDate(0, 0, -day-1).Truncate(time.Minute).Sub(another.Start)
		another.Start = another.Start.Add(moved)
		if _, err := v.cloud.Upload(account, another); err != nil {
			t.Fatal(err)
		}
	}
}

// inTrace calls as somebody who has a trace.
type inTrace struct{}

// RoundTrip implements http.RoundTripper.
func (inTrace) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("traceparent", "00-"+callerTrace+"-"+callerSpan+"-01")
	r.Header.Set("X-Request-Id", requestID)
	return http.DefaultTransport.RoundTrip(r)
}

// tree is the caller's trace.
type tree struct {
	spans []span
	byID  map[string]span
}

// await waits until the trace has come to its end: every record's announcement, and
// every span that another one names as its parent.
func (c *traceCollector) await(t *testing.T, sync client.Sync) tree {
	t.Helper()
	ctx := deadline(t)
	for {
		x := tree{byID: map[string]span{}}
		for _, s := range c.all(t) {
			if s.Trace == callerTrace {
				x.spans, x.byID[s.ID] = append(x.spans, s), s
			}
		}
		announced, open := 0, 0
		for _, s := range x.spans {
			if s.Name == publishRecorded {
				var n int
				if _, err := fmt.Sscan(s.Attributes["messaging.batch.message_count"], &n); err != nil {
					n = 1 // a single one names its message instead
				}
				announced += n
			}
			if _, ok := x.byID[s.Parent]; !ok && s.Parent != callerSpan {
				open++
			}
		}
		if announced == sync.Counts.New && open == 0 && len(x.named(foldFacts)) > 0 {
			return x
		}
		wait(t, ctx, "the trace is whole: %d spans, %d without their parent, %d of %d workouts announced", len(x.spans), open, announced, sync.Counts.New)
	}
}

func (x tree) named(name string) (list []span) {
	for _, s := range x.spans {
		if s.Name == name {
			list = append(list, s)
		}
	}
	return list
}

// line is the way from the caller to a span.
func (x tree) line(s span) []string {
	var names []string
	for id := s.ID; id != callerSpan; id = x.byID[id].Parent {
		names = append(names, strings.TrimPrefix(x.byID[id].Service, "stridelog-")+": "+x.byID[id].Name)
	}
	slices.Reverse(names)
	return names
}

func (x tree) checkLines(t *testing.T) {
	t.Helper()
	toPage := []string{"gateway: " + syncRoute, "gateway: " + publishRequested, "poller: " + processRequested, "poller: " + readPage}
	toFact := append(slices.Clone(toPage), "poller: "+publishFetched)
	for leaf, want := range map[string][]string{
		"GET":                         append(slices.Clone(toPage), "poller: GET"),
		"rpc.oauth.v1.token":          append(slices.Clone(toPage), "poller: rpc.oauth.v1.token", "oauth: rpc.oauth.v1.token"),
		"POST":                        append(slices.Clone(toPage), "poller: rpc.oauth.v1.token", "oauth: rpc.oauth.v1.token", "oauth: POST"),
		publishRecorded:               append(slices.Clone(toFact), "projector: "+processFetched, "projector: "+publishRecorded),
		foldFacts:                     append(slices.Clone(toFact), "projector: "+foldFacts),
		"COMMIT":                      append(slices.Clone(toFact), "projector: "+foldFacts, "projector: COMMIT"),
		"fold projector-syncs":        {"gateway: " + syncRoute, "gateway: " + publishRequested, "projector: fold projector-syncs"},
		"rpc.oauth.v1.token_rejected": append(slices.Clone(toPage), "poller: rpc.oauth.v1.token_rejected", "oauth: rpc.oauth.v1.token_rejected"),
	} {
		found := slices.ContainsFunc(x.named(leaf), func(s span) bool { return slices.Equal(x.line(s), want) })
		if !found {
			var have []string
			for _, s := range x.named(leaf) {
				have = append(have, strings.Join(x.line(s), " > "))
			}
			t.Errorf("no %q lies at %s, but at\n%s", leaf, strings.Join(want, " > "), strings.Join(have, "\n"))
		}
	}
}

// checkFold holds the part that each fact has in a fold to the fold itself.
func (x tree) checkFold(t *testing.T) {
	t.Helper()
	parts := x.named(processFetched)
	if len(parts) == 0 {
		t.Error("no fact is processed")
	}
	for _, part := range parts {
		if len(part.Links) != 1 {
			t.Errorf("a part of a fold has the links %v", part.Links)
			continue
		}
		fold, ok := x.byID[part.Links[0]]
		if !ok || fold.Name != foldFacts || !slices.Contains(fold.Links, part.ID) {
			t.Errorf("the part %s links to %q, which links to %v", part.ID, fold.Name, fold.Links)
		}
	}
}

// checkWorkoutEvents reads what analysts read: the events continue the trace.
func (v *secrecyWorld) checkWorkoutEvents(t *testing.T, x tree, userID string, want int) {
	t.Helper()
	ctx := deadline(t)
	consumer, err := v.jetStream(t).OrderedConsumer(ctx, "STRIDELOG_CHANGES", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"stridelog.workout.recorded.fitbit." + userID}})
	if err != nil {
		t.Fatal(err)
	}
	for continued := 0; continued < want; {
		m, err := consumer.Next(jetstream.FetchContext(ctx))
		if err != nil {
			t.Fatalf("%d of %d events continue the trace: %v", continued, want, err)
		}
		parts := strings.Split(m.Headers().Get("traceparent"), "-")
		if len(parts) != 4 || parts[1] != callerTrace {
			continue // of the first sync
		}
		if at := x.byID[parts[2]]; at.Name != publishRecorded {
			t.Errorf("an event continues %q", at.Name)
		}
		continued++
	}
}

// searchSpans looks for what must not be in any span of any trace. The control is a
// span that holds all of it, sent on the same way.
func (v *secrecyWorld) searchSpans(t *testing.T, c *traceCollector) {
	t.Helper()
	search := func(secret string) (names []string) {
		for _, s := range c.all(t) {
			if strings.Contains(fmt.Sprintf("%+v", s), secret) {
				names = append(names, s.Service+": "+s.Name)
			}
		}
		return names
	}
	kinds := map[string]int{}
	for secret, kind := range v.secrets {
		kinds[kind]++
		if names := search(secret); len(names) > 0 {
			t.Errorf("the %s is in %v", kind, names)
		}
	}
	if kinds["access token"] < 2 || kinds["refresh token"] < 2 {
		t.Errorf("only %v were ever seen, so little is searched for", kinds)
	}

	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(c.url+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	_, control := traces.Tracer("control").Start(t.Context(), "control")
	for secret, kind := range v.secrets {
		control.SetAttributes(attribute.String(fmt.Sprintf("%s %x", kind, sha256.Sum256([]byte(secret))), secret))
	}
	control.End()
	if err := traces.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for secret, kind := range v.secrets {
		if len(search(secret)) == 0 {
			t.Errorf("the search does not find the planted %s", kind)
		}
	}
}

// draw shows the trace as docs/operations.md does.
func (x tree) draw(t *testing.T) {
	t.Helper()
	var text strings.Builder
	var below func(parent, indent string)
	below = func(parent, indent string) {
		for _, s := range x.spans {
			if s.Parent == parent {
				fmt.Fprintf(&text, "%s%s: %s  %.1f ms\n", indent, strings.TrimPrefix(s.Service, "stridelog-"), s.Name, float64(s.End.Sub(s.Start).Microseconds())/1000)
				below(s.ID, indent+"  ")
			}
		}
	}
	below(callerSpan, "")
	t.Logf("the trace:\n%s", text.String())
}
