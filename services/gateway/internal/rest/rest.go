// Package rest answers the public API over HTTP. Routing and shapes are generated
// from the OpenAPI document, which also says what every route accepts.
package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/health"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/audit"
	"github.com/stridelog/stridelog/services/gateway/internal/connections"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/deadletters"
	"github.com/stridelog/stridelog/services/gateway/internal/docs"
	"github.com/stridelog/stridelog/services/gateway/internal/erasure"
	"github.com/stridelog/stridelog/services/gateway/internal/imports"
	"github.com/stridelog/stridelog/services/gateway/internal/notifications"
	"github.com/stridelog/stridelog/services/gateway/internal/pages"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/syncs"
	"github.com/stridelog/stridelog/services/gateway/internal/throttle"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
	"github.com/stridelog/stridelog/services/gateway/internal/workouts"
)

// Keys says what API keys and tokens allow.
type Keys interface {
	// Access is what a secret allows; nil when it is not good.
	Access(ctx context.Context, secret string) (*apikey.Access, error)
	// Trusted says whether a secret was good a while ago, without asking anybody.
	Trusted(secret string) bool
	// Forget has every secret looked up again.
	Forget()
}

// Erasures accepts erasures and says how they stand.
type Erasures interface {
	Accept(ctx context.Context, userID uuid.UUID) (erasure.Erasure, error)
	Get(ctx context.Context, id uuid.UUID) (erasure.Erasure, error)
}

// Options are what the handler works with.
type Options struct {
	Log  *slog.Logger
	DB   *pgxpool.Pool
	Bus  *bus.Bus
	Keys Keys
	// RequestsPerMinute is what a key may send that has no limit of its own; 0: no limit.
	RequestsPerMinute int
	Erasures          Erasures
	Registry          *prometheus.Registry
	Traces            trace.TracerProvider
	Buses             func() []*bus.Bus     // whose consumers readiness tells of; nil: none
	Checks            func() []health.Check // of the services in this process; nil: none
	Catalog           []provider.Descriptor
	// Notifications read what providers tell on their own, by provider.
	Notifications map[string]provider.Notifications
	// TrackMakers make TCX files of stored routes that are none.
	TrackMakers provider.TrackMakers
	// MaxUpload is the most bytes that an upload may have.
	MaxUpload int64
	// Kinds are the kinds of data, of which a sync may name some.
	Kinds events.KindTable
	// ImportKinds are the kinds of archives that can be imported.
	ImportKinds []string
}

// server implements the generated interface.
type server struct {
	o             Options
	users         *users.Store
	workouts      *workouts.Store
	syncs         *syncs.Store
	imports       *imports.Store
	connections   *connections.Reader
	deadLetters   *deadletters.Reader
	notifications *notifications.Store
	reporter      *health.Reporter
	keys          *apikey.Store
	audit         *audit.Store
	badKeys       *throttle.Failures
	limits        apikey.Limits
	fields        *contract.Operation // what a form's fields may say: the query's parameters of startImport
	pages         *pages.Pages
}

// New is the whole API as one handler.
func New(o Options) (http.Handler, error) {
	rules, err := contract.Load(api.Document())
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("register the metrics: %w", err)
	}
	reporter := newReporter(o)
	if err := o.Registry.Register(health.NewCollector(reporter)); err != nil {
		return nil, fmt.Errorf("register the metrics of readiness: %w", err)
	}
	page, err := docs.Page(api.Document())
	if err != nil {
		return nil, fmt.Errorf("make the docs page: %w", err)
	}
	people, err := pages.New()
	if err != nil {
		return nil, err
	}
	s := &server{
		o: o, reporter: reporter, pages: people, badKeys: throttle.New(mostBadKeys, badKeysPeriod, badKeysAddresses), users: users.NewStore(o.DB), workouts: workouts.NewStore(o.DB, o.Bus),
		syncs: syncs.NewStore(o.DB, o.Bus), keys: apikey.NewStore(o.DB), audit: audit.NewStore(o.DB), connections: connections.NewReader(o.DB),
		notifications: notifications.NewStore(o.DB, o.Bus), deadLetters: deadletters.NewReader(o.Bus), fields: rules["POST "+startImportPath], imports: imports.NewStore(o.DB, o.Bus, o.Log, o.ImportKinds),
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.RedirectTrailingSlash = false
	router.ContextWithFallback = true
	sentPath(router)
	router.Use(linger, identify, s.trace(), s.access(metrics), s.forPeople, s.recover)
	router.NoRoute(func(c *gin.Context) {
		refuse(c, problem.New(http.StatusNotFound, problem.CodeNotFound, "There is no such route: /docs lists them."))
	})
	router.NoMethod(func(c *gin.Context) {
		refuse(c, problem.New(http.StatusMethodNotAllowed, problem.CodeMethod, "This route takes "+c.Writer.Header().Get("Allow")+"."))
	})
	// People type the bare address.
	router.GET("/", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/docs") })
	guarded := router.Group("", unescape, s.authenticate(rules), s.byName(rules), s.canonical, s.check(rules), s.reach(rules), s.record(rules))
	api.RegisterHandlersWithOptions(guarded, s.strict(), api.GinServerOptions{ErrorHandler: refuseBinding})
	guarded.POST(startImportPath, s.startImport)
	guarded.POST(notificationsPath, s.receiveNotification)
	guarded.GET(notificationsPath, s.receiveNotification)
	guarded.GET(connectedPath, s.connected)
	s.operations(guarded, page)
	answerHead(router, guarded, rules)
	return compress(router)
}

func (s *server) strict() api.ServerInterface {
	return api.NewStrictHandlerWithOptions(s, nil, api.StrictGinServerOptions{
		RequestErrorHandlerFunc: func(c *gin.Context, err error) { refuseBinding(c, err, http.StatusBadRequest) },
		HandlerErrorFunc:        refuse,
		ResponseErrorHandlerFunc: func(c *gin.Context, err error) {
			if c.Writer.Written() {
				_ = c.Error(err) // the client went away
				return
			}
			refuse(c, err)
		},
	})
}

// refuse answers with a problem and ends the request.
func refuse(c *gin.Context, err error) {
	p := problem.Of(err)
	_ = c.Error(p) // for the access log
	c.Abort()
	if p.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", `Bearer realm="stridelog"`)
	}
	write := func() error { return p.Write(c.Writer, "urn:stridelog:request:"+requestID(c)) }
	if shown, ok := c.Value(keyPages).(*pages.Pages); ok {
		write = func() error { return shown.WriteProblem(c.Writer, p, requestID(c)) }
	}
	if err := write(); err != nil {
		_ = c.Error(err)
	}
}

// refuseBinding answers what the generated code could not read. The contract
// check comes first, so this says only that the two disagree.
func refuseBinding(c *gin.Context, err error, _ int) {
	p := problem.New(http.StatusBadRequest, problem.CodeInvalidRequest, "The request does not have the shape that /openapi.json describes.")
	refuse(c, p.Because(err))
}

// known is a 404 unless this installation knows the provider.
func (s *server) known(name string) error {
	names := ""
	for _, d := range s.o.Catalog {
		if d.Name == name {
			return nil
		}
		names += ", " + d.Name
	}
	detail := "There is no such provider."
	if names != "" {
		detail += " Known are: " + names[2:] + "."
	}
	p := problem.New(http.StatusNotFound, problem.CodeUnknownProvider, detail)
	p.Errors = []problem.Field{{Field: "provider", Message: "is not known"}}
	return p
}
