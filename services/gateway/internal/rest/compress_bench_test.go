package rest

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkAPage compares a page of 50 workouts as it was, as it is for clients that
// accept no gzip, and for those that do.
func BenchmarkAPage(b *testing.B) {
	var page strings.Builder
	for i := range 50 {
		page.WriteString(strings.ReplaceAll(`{"id":"0f6d8ab9-9c6c-5a7a-8c44-2b9a3f#","external_id":"298#","type":"running","category":"running","start_time":"2026-09-01T06:#:00Z","duration_seconds":18#,"distance_meters":52#.5,"avg_heart_rate_bpm":1#,"source":{"provider":"fitbit","device_name":null},"heart_rate_zones":null,"version":#,"duplicate_of":null},`, "#", strconv.Itoa(i*37)))
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = document{body: []byte(page.String())}.write(w)
	})
	wrapped, err := compress(bare)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, accepts string
		handler       http.Handler
	}{{"bare", "", bare}, {"not asked", "", wrapped}, {"gzip", "gzip", wrapped}} {
		b.Run(c.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set("Accept-Encoding", c.accepts)
			size := 0
			for b.Loop() {
				w := httptest.NewRecorder()
				c.handler.ServeHTTP(w, r)
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
