package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// RouteFetched is where an activity went, as a file exactly as the provider sent it.
// It is published when the file is new or has changed; of several for one activity
// the one with the highest sequence counts. A removal of the activity ends all that
// came before it.
type RouteFetched struct {
	UserID            string    `json:"user_id"`
	Provider          string    `json:"provider"`
	ConnectionID      string    `json:"connection_id"`
	ProviderAccountID string    `json:"provider_account_id,omitempty"`
	ExternalID        string    `json:"external_id"`       // of the activity
	Format            string    `json:"format"`            // google_health.tcx.v1, …
	ContentHash       string    `json:"content_hash"`      // sha256:<hex> over the bytes
	ActivitySequence  uint64    `json:"activity_sequence"` // of the activity's version that the route was asked for
	FetchedAt         time.Time `json:"fetched_at"`
	// Raw holds the provider's bytes. On the wire they are the last member.
	Raw Raw `json:"-"`
}

// EventType implements Data.
func (*RouteFetched) EventType() Type { return TypeRouteFetched }

// MarshalJSON writes the fact with its file spliced in, as that of an activity.
func (r *RouteFetched) MarshalJSON() ([]byte, error) {
	type members RouteFetched // without methods
	object, err := json.Marshal((*members)(r))
	if err != nil {
		return nil, fmt.Errorf("encode route fact: %w", err)
	}
	return r.Raw.appendTo(object)
}

// UnmarshalJSON reads the fact and gives the file's bytes back as they were.
func (r *RouteFetched) UnmarshalJSON(data []byte) error {
	type members RouteFetched
	var read struct {
		members
		Encoding string          `json:"raw_encoding"`
		Raw      json.RawMessage `json:"raw"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("decode route fact: %w", err)
	}
	raw, err := rawMembers{Encoding: read.Encoding, Value: read.Raw}.record()
	if err != nil {
		return fmt.Errorf("decode route fact: %w", err)
	}
	*r = RouteFetched(read.members)
	r.Raw = raw
	return nil
}

// RouteFactID is the ce-id of a route fact: one for each content that was found for
// a version of an activity.
func RouteFactID(userID, provider, externalID string, activitySequence uint64, contentHash string) string {
	return derive("route", userID, provider, externalID, fmt.Sprint(activitySequence), contentHash)
}
