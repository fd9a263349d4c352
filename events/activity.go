package events

import "time"

// Origin says which way a record came in. An import never replaces what the API said.
type Origin string

// The origins, in rising rank.
const (
	OriginImport Origin = "import"
	OriginPush   Origin = "push" // sent to us by an app of the person's
	OriginAPI    Origin = "api"
)

// Rank orders origins: the winning version of an activity is the highest
// (rank, stream sequence). An unknown origin ranks below all known ones.
func (o Origin) Rank() int {
	switch o {
	case OriginAPI:
		return 3
	case OriginPush:
		return 2
	case OriginImport:
		return 1
	default:
		return 0
	}
}

// Where a record's UTC offset comes from.
const (
	OffsetFromRecord  = "record"
	OffsetFromProfile = "profile"
	OffsetFromImport  = "import"
	OffsetUnknown     = "unknown"
)

// ActivityContext is what a normalizer needs beside the raw record.
type ActivityContext struct {
	TimeZone     string `json:"time_zone,omitempty"`     // IANA name of the person's profile zone
	OffsetSource string `json:"offset_source,omitempty"` // record, profile, import or unknown
	Locale       string `json:"locale,omitempty"`        // language of the record's labels
	DistanceUnit string `json:"distance_unit,omitempty"` // of the account, where the record names none
	// UTCOffsetSeconds is that of this record, where it does not say so itself but
	// another file of the same export does, or the time zone of the profile.
	UTCOffsetSeconds *int `json:"utc_offset_seconds,omitempty"`
	// Companion is another record of the same export about the same activity, as
	// it stands there; of a CSV file the header line and the row.
	Companion string `json:"companion,omitempty"`
	// ImportTimeZone is the IANA name of the zone that was stated with the
	// import. It counts where neither the record nor the profile tells an offset.
	ImportTimeZone string `json:"import_time_zone,omitempty"`
	// TrackOffsetSeconds is the UTC offset that the activity's track says, where the
	// companion says one, too; that one counts.
	TrackOffsetSeconds *int `json:"track_offset_seconds,omitempty"`
}

// ActivityFetched is a provider's record exactly as it was sent, published when
// it is new or its content has changed.
type ActivityFetched struct {
	UserID             string          `json:"user_id"`
	Provider           string          `json:"provider"`
	ConnectionID       string          `json:"connection_id,omitempty"` // absent for imports
	SyncID             string          `json:"sync_id,omitempty"`       // absent for imports
	ImportID           string          `json:"import_id,omitempty"`     // of the import that brought it, by which it can be undone
	ProviderAccountID  string          `json:"provider_account_id,omitempty"`
	ExternalID         string          `json:"external_id"`          // the provider's id as text, digit for digit
	ForeignID          bool            `json:"foreign_id,omitempty"` // the provider's API does not know the external id: it is of a file of an export
	Aliases            []string        `json:"aliases,omitempty"`    // other ids by which the same activity is known
	Slot               string          `json:"slot,omitempty"`       // which of the person's sources: watch, phone, manual, app:<name>
	Part               int             `json:"part,omitempty"`       // which session of its file it is, from 1
	File               *ParentRef      `json:"file,omitempty"`       // the record that keeps the bytes of the file that it was read from
	Format             string          `json:"format"`               // fitbit.activity_list.v1, …
	Context            ActivityContext `json:"context"`
	Door               string          `json:"door,omitempty"` // the way in where a provider has several
	ProviderModifiedAt *time.Time      `json:"provider_modified_at,omitempty"`
	ListedAt           *time.Time      `json:"listed_at,omitempty"` // as of when it was so, where that is not when it was fetched
	ContentHash        string          `json:"content_hash"`        // sha256:<hex> over the canonical record
	HashVersion        int             `json:"hash_version"`
	ReplacesSequence   uint64          `json:"replaces_sequence,omitempty"` // of the version known before; absent for the first
	Origin             Origin          `json:"origin"`
	FetchedAt          time.Time       `json:"fetched_at"`
	// StartedAt is where the connector sees the record's start; absent when it
	// cannot tell. It spares a reader of the log the provider's format.
	StartedAt *time.Time `json:"started_at,omitempty"`
	// IdentityZone is the IANA name of the zone in which an external id was made that
	// depends on one.
	IdentityZone string `json:"identity_zone,omitempty"`
	// Raw holds the provider's bytes. On the wire they are the last member.
	Raw Raw `json:"-"`
}

// EventType implements Data.
func (*ActivityFetched) EventType() Type { return TypeActivityFetched }

// How a removal was proved.
const (
	RemovedNotFound  = "not_found"    // the provider answered 404 for the id
	RemovedTwiceGone = "absent_twice" // two complete passes without it
	// RemovedSuperseded: only an import knew the record, under an id of its own; now
	// the same activity is known under the provider's id.
	RemovedSuperseded = "superseded"
)

// ActivityRemoved says that a provider no longer has a record.
type ActivityRemoved struct {
	UserID           string    `json:"user_id"`
	Provider         string    `json:"provider"`
	ConnectionID     string    `json:"connection_id,omitempty"`
	SyncID           string    `json:"sync_id,omitempty"`
	ImportID         string    `json:"import_id,omitempty"` // of the import that was undone, or that showed it
	ExternalID       string    `json:"external_id"`
	ReplacesSequence uint64    `json:"replaces_sequence,omitempty"`
	Origin           Origin    `json:"origin"`
	Proof            string    `json:"proof"`
	RemovedAt        time.Time `json:"removed_at"` // when it was proved
}

// EventType implements Data.
func (*ActivityRemoved) EventType() Type { return TypeActivityRemoved }
