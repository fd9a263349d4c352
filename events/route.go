package events

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"
)

// RouteFetched is where an activity went, as a file exactly as the provider sent it.
// It is published when the file is new or has changed; of several for one activity
// the one with the highest sequence counts; an import publishes none after one of the
// provider's API. A removal of the activity ends all that
// came before it.
type RouteFetched struct {
	UserID            string `json:"user_id"`
	Provider          string `json:"provider"`
	ConnectionID      string `json:"connection_id,omitempty"` // absent for imports
	ImportID          string `json:"import_id,omitempty"`     // of the import that brought it, by which it can be undone
	ProviderAccountID string `json:"provider_account_id,omitempty"`
	ExternalID        string `json:"external_id"`       // of the activity
	Format            string `json:"format"`            // google_health.tcx.v1, …
	ContentHash       string `json:"content_hash"`      // sha256:<hex> over the file's bytes
	ActivitySequence  uint64 `json:"activity_sequence"` // of the activity's version that the route was asked for, or that an import found in the log
	// Points is how many positions a route has that an import cut out of a file of
	// positions; absent for a file that is a route by itself, before which it gives way.
	Points    int       `json:"points,omitempty"`
	Origin    Origin    `json:"origin,omitempty"` // import; absent when the provider's API gave it
	FetchedAt time.Time `json:"fetched_at"`
	// RawGzip is the provider's file, byte for byte, compressed: a route is a hundred
	// times as long as the record of its activity. In JSON it is base64.
	RawGzip []byte `json:"raw_gzip"`
}

// EventType implements Data.
func (*RouteFetched) EventType() Type { return TypeRouteFetched }

// MaxRoute is how many bytes the file of a route may have.
const MaxRoute = 32 << 20

// Compress sets the file.
func (r *RouteFetched) Compress(file []byte) error { return new(RouteCompressor).Compress(r, file) }

// RouteCompressor sets the files of many routes. It keeps the tables of the
// compression, which are larger than many a file. One goroutine may use it.
type RouteCompressor struct{ w *gzip.Writer }

// Compress sets the file of a route.
func (c *RouteCompressor) Compress(r *RouteFetched, file []byte) error {
	if len(file) > MaxRoute {
		return fmt.Errorf("compress a route: its %d bytes exceed %d", len(file), MaxRoute)
	}
	var b bytes.Buffer
	if c.w == nil {
		c.w = gzip.NewWriter(&b)
	} else {
		c.w.Reset(&b)
	}
	if _, err := c.w.Write(file); err != nil {
		return fmt.Errorf("compress a route: %w", err)
	}
	if err := c.w.Close(); err != nil {
		return fmt.Errorf("compress a route: %w", err)
	}
	r.RawGzip = b.Bytes()
	return nil
}

// File is the provider's file.
func (r *RouteFetched) File() ([]byte, error) {
	in, err := gzip.NewReader(bytes.NewReader(r.RawGzip))
	if err != nil {
		return nil, fmt.Errorf("uncompress a route: %w", err)
	}
	file, err := io.ReadAll(io.LimitReader(in, MaxRoute+1))
	if err != nil {
		return nil, fmt.Errorf("uncompress a route: %w", err)
	}
	if len(file) > MaxRoute {
		return nil, fmt.Errorf("uncompress a route: it exceeds %d bytes", MaxRoute)
	}
	return file, nil
}

// RouteHash is the content hash of a route's file.
func RouteHash(file []byte) string {
	sum := sha256.Sum256(file)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// RouteFactID is the ce-id of a route fact: one for each content that was found for
// a version of an activity.
func RouteFactID(userID, provider, externalID string, activitySequence uint64, contentHash string) string {
	return derive("route", userID, provider, externalID, strconv.FormatUint(activitySequence, 10), contentHash)
}
