package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// ask runs one query that answers and one that the database refuses, with a
// person's data as the argument, inside a span.
func ask(t *testing.T, traces trace.TracerProvider) {
	t.Helper()
	pool, err := postgres.Open(t.Context(), postgrestest.URL(t), postgres.Options{MaxConns: 1, Traces: traces})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx, root := traces.Tracer("test").Start(t.Context(), "work")
	defer root.End()
	var text string
	if err := pool.QueryRow(ctx, "SELECT $1::text", "ada@example.org").Scan(&text); err != nil || text != "ada@example.org" {
		t.Fatalf("the query gave %q, %v", text, err)
	}
	if err := pool.QueryRow(ctx, "SELECT $1::text::uuid::text", "ada@example.org").Scan(&text); err == nil {
		t.Fatal("the database took a wrong argument")
	}
}

// A query is a span with its statement; neither an argument nor the text of an
// error, which quotes it, leaves the process. The control shows that it would.
func TestAQueryIsASpanWithoutAnybodysData(t *testing.T) {
	bare := tracetest.NewInMemoryExporter()
	ask(t, sdktrace.NewTracerProvider(sdktrace.WithSyncer(bare)))
	if all := fmt.Sprintf("%+v", bare.GetSpans()); !strings.Contains(all, "ada@example.org") {
		t.Fatal("the control shows nothing that could leak: the test proves nothing")
	}

	exported := tracetest.NewInMemoryExporter()
	tracing := telemetry.NewTracing(keeping{exported}, slog.New(slog.DiscardHandler))
	traces, err := tracing.Provider(t.Context(), "stridelog-test")
	if err != nil {
		t.Fatal(err)
	}
	ask(t, traces)
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := exported.GetSpans()
	if all := fmt.Sprintf("%+v", spans); strings.Contains(all, "ada@") {
		t.Errorf("a span holds a person's data: %s", all)
	}
	var failed, asked bool
	for _, s := range spans {
		statement := slices.ContainsFunc(s.Attributes, func(a attribute.KeyValue) bool {
			return a.Key == "db.query.text" && strings.HasPrefix(a.Value.AsString(), "SELECT $1::text")
		})
		asked = asked || s.Name == "SELECT" && statement
		failed = failed || s.Status.Code == codes.Error && statement
	}
	if !asked || !failed {
		t.Errorf("the spans do not show the queries (%v) and that one failed (%v): %+v", asked, failed, spans)
	}
}

func TestUntracedQueriesHaveNoTracer(t *testing.T) {
	for _, traces := range []trace.TracerProvider{nil, noop.NewTracerProvider()} {
		pool, err := postgres.Open(t.Context(), postgrestest.URL(t), postgres.Options{Traces: traces})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if pool.Config().ConnConfig.Tracer != nil {
			t.Errorf("with %T each query pays for a tracer", traces)
		}
	}
}

// keeping keeps the spans after its shutdown, which else empties it.
type keeping struct{ *tracetest.InMemoryExporter }

func (keeping) Shutdown(context.Context) error { return nil }
