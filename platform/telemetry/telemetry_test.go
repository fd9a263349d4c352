package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
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
	ctx := telemetry.WithTraceParent(t.Context(), traceParent)
	ctx = telemetry.WithLogAttrs(ctx, slog.String("request_id", "r"))
	ctx = telemetry.WithLogAttrs(ctx, slog.String("event_id", "e"))
	log.InfoContext(ctx, "hidden")
	log.With("a", 1).WarnContext(ctx, "shown")
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatalf("not one JSON record: %v: %s", err, &out)
	}
	if record["msg"] != "shown" || record["trace_id"] != traceParent[3:35] || record["a"] != 1.0 || record["request_id"] != "r" || record["event_id"] != "e" {
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
	if all := strings.Join(names, " "); !strings.Contains(all, "go_goroutines") || !strings.Contains(all, "process_open_fds") || !strings.Contains(all, "stridelog_build_info") {
		t.Errorf("metrics are %s", all)
	}
}
