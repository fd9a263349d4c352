package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/telemetry"
)

func TestLoggerLevelsAndFormats(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "warn", "json")
	if err != nil {
		t.Fatal(err)
	}
	trace := telemetry.NewTraceParent()
	ctx := telemetry.WithTraceParent(t.Context(), trace)
	log.InfoContext(ctx, "hidden")
	log.With("a", 1).WarnContext(ctx, "shown")
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatalf("not one JSON record: %v: %s", err, &out)
	}
	if record["msg"] != "shown" || record["trace_id"] != trace[3:35] || record["a"] != 1.0 {
		t.Errorf("record is %v", record)
	}
	out.Reset()
	text, err := telemetry.NewLogger(&out, "debug", "text")
	if err != nil {
		t.Fatal(err)
	}
	text.Debug("plain")
	if !strings.Contains(out.String(), "msg=plain") || strings.Contains(out.String(), "trace_id") {
		t.Errorf("text record is %s", &out)
	}
	for _, bad := range [][2]string{{"loud", "text"}, {"info", "xml"}} {
		if _, err := telemetry.NewLogger(&out, bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestRegistryHasGoAndProcess(t *testing.T) {
	families, err := telemetry.NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	if all := strings.Join(names, " "); !strings.Contains(all, "go_goroutines") || !strings.Contains(all, "process_open_fds") {
		t.Errorf("metrics are %s", all)
	}
}

func TestTraceParent(t *testing.T) {
	if got := telemetry.TraceParent(context.Background()); got != "" {
		t.Errorf("an empty context has %q", got)
	}
	a, b := telemetry.NewTraceParent(), telemetry.NewTraceParent()
	if a == b || !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(a) {
		t.Errorf("new ones are %q and %q", a, b)
	}
	ctx := telemetry.WithTraceParent(t.Context(), a)
	if got := telemetry.TraceParent(ctx); got != a {
		t.Errorf("it carries %q, want %q", got, a)
	}
	for _, bad := range []string{
		"", "00", strings.ToUpper("00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"), a + "-x", "01" + a[2:], a + "\n",
		"00-" + strings.Repeat("0", 32) + a[35:], a[:36] + strings.Repeat("0", 16) + "-01",
	} {
		if got := telemetry.TraceParent(telemetry.WithTraceParent(ctx, bad)); got != a {
			t.Errorf("%q was taken: %q", bad, got)
		}
	}
}

func FuzzTraceParent(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("00-\r\nx")
	form := regexp.MustCompile(`\A00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		got := telemetry.TraceParent(telemetry.WithTraceParent(context.Background(), s))
		if got != "" && (got != s || !form.MatchString(got)) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
