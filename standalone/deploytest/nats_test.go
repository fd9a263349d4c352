package deploytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// publishers says who publishes an event: the table "who owns what" of the design.
func publishers() map[events.Type]string {
	return map[events.Type]string{
		events.TypeConnectionActivated: "oauth", events.TypeConnectionStatusChanged: "oauth", events.TypeConnectionRevoked: "oauth",
		events.TypeSyncRequested: "gateway", events.TypeUserErased: "gateway",
		events.TypeActivityFetched: "poller", events.TypeActivityRemoved: "poller", events.TypeRouteFetched: "poller", events.TypeContextFetched: "poller", events.TypeSyncFinished: "poller",
		events.TypeRecordFetched: "poller", events.TypeRecordRemoved: "poller", events.TypeChunkFetched: "poller", events.TypeChunkRemoved: "poller",
		events.TypeWorkoutRecorded: "projector", events.TypeWorkoutUpdated: "projector", events.TypeWorkoutRemoved: "projector", events.TypeWorkoutLinked: "projector",
	}
}

// callers says who may ask a method.
func callers() map[rpc.Method]string {
	return map[rpc.Method]string{
		rpc.OAuthProviders: "gateway", rpc.OAuthAuthorize: "gateway", rpc.OAuthCallback: "gateway", rpc.OAuthDisconnect: "gateway",
		rpc.OAuthErase: "gateway", rpc.PollerErase: "gateway", rpc.PollerImport: "gateway", rpc.ProjectorErase: "gateway",
		rpc.OAuthToken: "poller", rpc.OAuthTokenRejected: "poller", rpc.OAuthReport: "poller",
		rpc.GatewayErase: deployment.Operator, rpc.GatewayErasure: deployment.Operator,
		rpc.Retry("poller"): deployment.Operator, rpc.Retry("projector"): deployment.Operator,
	}
}

// durables are the services' own, by stream.
func durables() map[[2]string]string {
	return map[[2]string]string{
		{events.StreamFacts, "poller_connections"}: "poller", {events.StreamSyncs, "poller_syncs"}: "poller",
		{events.StreamFacts, "projector-facts"}: "projector", {events.StreamSyncs, "projector-syncs"}: "projector",
		{events.StreamFacts, "analyst"}: deployment.Analyst, {events.StreamChanges, "analyst"}: deployment.Analyst,
	}
}

func users() []string { return append(system.Services(), deployment.Operator, deployment.Analyst) }

// member is one user's connection.
type member struct {
	name string
	nc   *nats.Conn
}

// members connects every user to a server of the test's own, with streams and
// without services.
func members(t *testing.T) map[string]member {
	t.Helper()
	return newInstallation(t).members(t)
}

func (i *installation) members(t *testing.T) map[string]member {
	t.Helper()
	all := map[string]member{}
	for _, name := range users() {
		nc, err := bus.Connect(t.Context(), i.secret(t, "nats_url_"+name), "test", bustest.Logger(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		all[name] = member{name: name, nc: nc}
	}
	operator, err := bus.New(all[deployment.Operator].nc, bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{events.StreamFacts, events.StreamChanges} {
		if err := operator.DeclareReader(t.Context(), stream, deployment.Analyst); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// mayPublish sends an empty message and asks whether the server refused it. The
// server answers in order, so its refusal is there when the flush returns.
func (m member) mayPublish(t *testing.T, subject string) bool {
	t.Helper()
	if err := m.nc.PublishRequest(subject, "_INBOX_"+m.name+".nobody", nil); err != nil {
		t.Fatal(err)
	}
	return !m.refused(t, `Publish to "`+subject+`"`)
}

func (m member) maySubscribe(t *testing.T, subject string) bool {
	t.Helper()
	sub, err := m.nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	return !m.refused(t, `Subscription to "`+subject+`"`)
}

func (m member) refused(t *testing.T, what string) bool {
	t.Helper()
	if err := m.nc.FlushTimeout(waittest.Bound(t)); err != nil {
		t.Fatal(err)
	}
	err := m.nc.LastError()
	return err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(what))
}

// expect compares what one user may do with a subject with what he should.
func expect(t *testing.T, m member, verb, subject string, want bool) {
	t.Helper()
	may := m.mayPublish
	if verb == "subscribe to" {
		may = m.maySubscribe
	}
	if got := may(t, subject); got != want {
		t.Errorf("%s may %s %s: %v, want %v", m.name, verb, subject, got, want)
	}
}

const person = ".fitbit.0b7b8a8e-0000-4000-8000-000000000001"

// Everybody publishes their own row's subjects and asks their own methods; whoever
// owns one is the control for all others. The operator administers, and publishes all.
func TestEachUserPublishesItsOwnRow(t *testing.T) {
	all := members(t)
	if len(publishers()) != len(events.Types()) {
		t.Fatal("the table does not have every event type")
	}
	for _, m := range all {
		for eventType, owner := range publishers() {
			subject := strings.TrimSuffix(events.TypeSubjects(eventType), ".*.*") + person
			expect(t, m, "publish", subject, m.name == owner || m.name == deployment.Operator)
		}
		for method, caller := range callers() {
			expect(t, m, "publish", string(method), m.name == caller)
		}
		for _, service := range []string{"poller", "projector"} {
			subject := events.DeadLetterSubject(service, "fitbit", "u1")
			expect(t, m, "publish", subject, m.name == service || m.name == deployment.Operator)
		}
	}
}

// Methods are heard by the service that answers them, and an inbox by its user. So
// nobody else sees a token, which travels to an inbox of the poller's.
func TestNobodyListensToOthersMethodsAndInboxes(t *testing.T) {
	all := members(t)
	for _, m := range all {
		for method := range callers() {
			expect(t, m, "subscribe to", string(method), m.name == method.Service())
		}
		for _, owner := range users() {
			expect(t, m, "subscribe to", "_INBOX_"+owner+".x.1", m.name == owner)
			expect(t, m, "subscribe to", "_INBOX_"+owner+".>", m.name == owner)
		}
		for _, subject := range []string{">", "*.>", "rpc.>", "rpc.*.v1.token", "rpc.oauth.>", "*.oauth.v1.token", "_INBOX.>", "_R_.>", "$JS.>", "$SYS.>"} {
			expect(t, m, "subscribe to", subject, false)
		}
		expect(t, m, "subscribe to", "stridelog.>", m.name == deployment.Analyst)
	}
}

// Streams are administered by the operator alone. Beside it, only who erases people from
// a stream that one person may fill may purge it: whoever can lose what no provider has
// any more.
func TestOnlyTheOperatorChangesStreams(t *testing.T) {
	all := members(t)
	purgers := map[string]string{events.StreamFacts: "poller", events.StreamChanges: "projector"}
	for _, m := range all {
		for _, stream := range events.Streams() {
			for _, call := range []string{"CREATE", "UPDATE", "PURGE", "DELETE", "SNAPSHOT", "RESTORE"} {
				if m.name == deployment.Operator && call != "PURGE" {
					continue // one is control enough, and the others would change the streams
				}
				allowed := m.name == deployment.Operator || call == "PURGE" && m.name == purgers[stream.Name]
				expect(t, m, "publish", "$JS.API.STREAM."+call+"."+stream.Name, allowed)
			}
			expect(t, m, "publish", "$JS.API.STREAM.INFO."+stream.Name, m.name != deployment.Analyst)
		}
	}
}

// A durable's position is its owner's: whoever takes or acknowledges messages in
// another's place loses them for it.
func TestNobodyMovesAnothersPosition(t *testing.T) {
	all := members(t)
	for at, owner := range durables() {
		stream, name := at[0], at[1]
		for _, m := range all {
			mine := m.name == owner
			operates := m.name == deployment.Operator
			expect(t, m, "publish", fmt.Sprintf("$JS.ACK.%s.%s.1.1.1.1.1", stream, name), mine || operates)
			own := mine && owner != deployment.Analyst // whose API has another prefix
			for _, call := range []string{"MSG.NEXT.%s.%s", "CREATE.%s.%s", "CREATE.%s.%s.stridelog.activity.>", "DELETE.%s.%s"} {
				if operates && call != "MSG.NEXT.%s.%s" {
					continue
				}
				expect(t, m, "publish", "$JS.API.CONSUMER."+fmt.Sprintf(call, stream, name), own || operates)
			}
		}
	}
}

// Deleting single messages is how a person is erased; each service does it where
// it writes or reads for that.
func TestMessagesAreErasedByWhoEachStreamBelongsTo(t *testing.T) {
	erasers := map[string][]string{
		events.StreamFacts: {"poller"}, events.StreamSyncs: {"poller"},
		events.StreamChanges: {"projector"}, events.StreamDeadLetters: {"poller", "projector"},
	}
	for _, m := range members(t) {
		for stream, services := range erasers {
			subject := "$JS.API.STREAM.MSG.DELETE." + stream
			expect(t, m, "publish", subject, m.name == deployment.Operator || slices.Contains(services, m.name))
		}
	}
}
