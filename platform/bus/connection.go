package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stridelog/stridelog/platform/telemetry"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	connectPatience = 30 * time.Second // how long Connect waits when its context has no deadline
	connectPause    = 250 * time.Millisecond
	reconnectWait   = 500 * time.Millisecond
	apiTimeout      = 5 * time.Second // one JetStream request, where the context has no deadline
)

// Connect connects to NATS under a name and keeps reconnecting for ever. It waits
// for a server that is not up yet until the context ends, or 30 s. Replies come to
// an inbox that the NATS user of the URL has alone (_INBOX_<user>; the name where
// the URL has no user and password), so that a server's permissions can keep others
// from listening. The URL may hold a token; no error shows it.
func Connect(ctx context.Context, serverURL, name string, log *slog.Logger) (*nats.Conn, error) {
	where, err := Where(serverURL)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, connectPatience)
		defer cancel()
	}
	options := []nats.Option{
		nats.Name("stridelog " + name),
		nats.CustomInboxPrefix("_INBOX_" + inboxToken(inboxOwner(serverURL, name))),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		// Nothing is kept for later while disconnected: a publish that fails now is
		// repeated by its owner, one that leaves later may come after its repetition.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS connection lost; reconnecting", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("NATS connection is back", "connection", name) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			log.Error("NATS reported an error", "connection", name, "subject", subjectOf(sub), "error", err)
		}),
	}
	for {
		nc, err := nats.Connect(serverURL, options...)
		if err == nil {
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
			return nil, fmt.Errorf("connect to NATS at %s as %s: %w; check the user and password or the token in NATS_URL", where, name, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to NATS at %s as %s: %w (%w); check that the server runs and that NATS_URL names it", where, name, err, ctx.Err())
		case <-time.After(connectPause):
		}
	}
}

func subjectOf(sub *nats.Subscription) string {
	if sub == nil {
		return ""
	}
	return sub.Subject
}

// Where are the hosts of a URL list, without the credentials: to name a server.
func Where(serverURL string) (string, error) {
	if serverURL == "" {
		return "", errors.New("connect to NATS: the URL is empty; set NATS_URL, for example nats://127.0.0.1:4222")
	}
	var hosts []string
	for one := range strings.SplitSeq(serverURL, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Host == "" {
			return "", errors.New("connect to NATS: the URL does not parse; it must read nats://host:port, or several with commas between")
		}
		hosts = append(hosts, u.Host)
	}
	return strings.Join(hosts, ","), nil
}

// inboxOwner is the user of a URL that has one. A token stands where a user would,
// but without a password, and must not become part of a subject.
func inboxOwner(serverURL, name string) string {
	first, _, _ := strings.Cut(serverURL, ",")
	u, err := url.Parse(strings.TrimSpace(first))
	if err != nil || u.User == nil {
		return name
	}
	if _, ok := u.User.Password(); !ok {
		return name
	}
	return u.User.Username()
}

func inboxToken(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		default:
			return '_'
		}
	}, name)
}

// Bus is the way of one service onto NATS. It is safe for concurrent use and does
// not own its connection.
type Bus struct {
	nc  *nats.Conn
	js  jetstream.JetStream
	log *slog.Logger

	tracer  trace.Tracer
	traced  bool // whether the tracer can record anything
	metrics *metrics

	refusals *refusals
	replicas int // of every stream that this process declares; see WithReplicas

	mu        sync.Mutex
	streams   map[string]jetstream.Stream
	consumers []consumer        // that this process reads from
	lost      []MissingConsumer // of those, as far as it is noticed
	positions Positions         // nil: none

	away func(error) bool // nil: nothing is
}

// Option is something a Bus has beside its connection.
type Option func(*Bus) error

// WithTraces makes spans of what is published, asked and handled.
func WithTraces(traces trace.TracerProvider) Option {
	return func(b *Bus) error {
		b.tracer, b.traced = traces.Tracer(scope), telemetry.Records(traces)
		return nil
	}
}

// WithAway makes methods that fail because a store is away answer CodeUnavailable
// instead of CodeInternal.
func WithAway(away func(error) bool) Option {
	return func(b *Bus) error { b.away = away; return nil }
}

// WithMetrics registers the figures of the connection, the requests, the dead
// letters and how far the consumers are behind.
func WithMetrics(r prometheus.Registerer) Option {
	return func(b *Bus) error { return b.register(r) }
}

// New makes a Bus on a connection. Whoever made the connection closes it.
func New(nc *nats.Conn, log *slog.Logger, options ...Option) (*Bus, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(apiTimeout))
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	b := &Bus{
		nc: nc, js: js, log: log, tracer: noop.NewTracerProvider().Tracer(scope), metrics: newMetrics(), refusals: newRefusals(),
		streams: map[string]jetstream.Stream{}, replicas: 1,
	}
	for _, o := range options {
		if err := o(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// JetStream is the client below, for what Bus does not offer.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// Conn is the connection below.
func (b *Bus) Conn() *nats.Conn { return b.nc }

// stream returns a handle on a stream. The handle is a name with a cached
// configuration, so it is asked for once.
func (b *Bus) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	b.mu.Lock()
	s, ok := b.streams[name]
	b.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("look up stream %s: %w; DeclareStreams makes it", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", name, err)
	}
	b.mu.Lock()
	b.streams[name] = s
	b.mu.Unlock()
	return s, nil
}
