package rest

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

const (
	// smallestCompressed is the size in bytes below which an answer goes out as it is: it
	// fits into a packet or two anyway.
	smallestCompressed = 1400
	// compressionLevel is the fastest of gzip: on a page of workouts the usual one takes a
	// tenth more off and costs three times the CPU (BenchmarkAPage).
	compressionLevel = 1
)

// compress lets answers of text go out as gzip to clients that accept it. Files that are
// compressed already have other types. An answer that holds a secret must say so by
// withSecret: the size of a compressed answer tells of its content.
func compress(h http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.EnableZstd(false), gzhttp.CompressionLevel(compressionLevel), gzhttp.MinSize(smallestCompressed), gzhttp.SetContentType(false),
		gzhttp.ContentTypes([]string{"application/json", "application/problem+json", "application/schema+json", contentTCX, "text/html", "text/plain"}),
	)
	if err != nil {
		return nil, err
	}
	return wrap(h), nil
}

// withSecret keeps an answer from being compressed.
func withSecret(h http.Header) { h.Set(gzhttp.HeaderNoCompression, "1") }
