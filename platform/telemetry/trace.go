package telemetry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
)

type traceKey struct{}

// WithTraceParent attaches a W3C traceparent (00-<32 hex>-<16 hex>-<2 hex>) to
// the context. It comes from strangers: anything else is left out, so that it
// never reaches a header or a log.
func WithTraceParent(ctx context.Context, traceParent string) context.Context {
	if !validTraceParent(traceParent) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, traceParent)
}

// TraceParent is the context's traceparent, or "".
func TraceParent(ctx context.Context) string {
	s, _ := ctx.Value(traceKey{}).(string)
	return s
}

// NewTraceParent starts a trace that is marked as sampled.
func NewTraceParent() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails; it ends the program instead
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-01"
}

func validTraceParent(s string) bool {
	p := strings.Split(s, "-")
	return len(p) == 4 && p[0] == "00" && isID(p[1], 32) && isID(p[2], 16) && isHex(p[3], 2)
}

func isID(s string, n int) bool { return isHex(s, n) && strings.Trim(s, "0") != "" }

func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }

func traceID(traceParent string) string {
	if !validTraceParent(traceParent) {
		return ""
	}
	return traceParent[3:35]
}
