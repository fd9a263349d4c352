package events

import "time"

// How much of what it names a delivery says.
const (
	// DeliverySnapshot is all that the provider had: what it lacks is not there. A
	// record without a word of it is one.
	DeliverySnapshot = "snapshot"
	// DeliveryPart only adds to what came before, or corrects it.
	DeliveryPart = "part"
)

// RecordFetched is a provider's record of any kind exactly as it was sent, published
// when it is new or its content has changed. In memory every record is one of these; on
// the wire those of kind activity and route have types that are older, and chunks have
// one of their own: see Kind.Fetched. A member that is absent is not known, or is not
// told of records of its shape.
type RecordFetched struct {
	UserID            string   `json:"user_id"`
	Provider          string   `json:"provider"`
	ConnectionID      string   `json:"connection_id,omitempty"`       // absent for imports
	SyncID            string   `json:"sync_id,omitempty"`             // absent for imports and pushes
	ImportID          string   `json:"import_id,omitempty"`           // of the import that brought it, by which it can be undone
	ProviderAccountID string   `json:"provider_account_id,omitempty"` // may be absent
	Kind              string   `json:"kind"`                          // sleep, day, samples, …; also in the header ce-kind
	ExternalID        string   `json:"external_id"`                   // names the record within user, provider and kind
	ForeignID         bool     `json:"foreign_id,omitempty"`          // the provider's API does not know the external id: it was made from what an export or a push says
	Aliases           []string `json:"aliases,omitempty"`             // other ids by which the same thing is known: a phone's UUID, the writing app's own id
	Resource          string   `json:"resource,omitempty"`            // of a day or a chunk: which of the provider's resources or series
	Step              string   `json:"step,omitempty"`                // of a chunk: what its values are averages over, 1min; absent for the samples themselves
	Slot              string   `json:"slot,omitempty"`                // which of the person's sources: watch, phone, manual, app:<name>
	// Parent is the record that this one belongs to: an attachment's, or that of which
	// the samples were taken.
	Parent *ParentRef `json:"parent,omitempty"`
	// Part counts from 1 which part of its raw bytes the record is about, where a file
	// has several: a session of a file of an activity, a stay of a night.
	Part int `json:"part,omitempty"`
	// File is the record that keeps the bytes of the file that this one was read from,
	// where several records come from one file.
	File    *ParentRef      `json:"file,omitempty"`
	Format  string          `json:"format"` // google_health.data_point.v4, …
	Context ActivityContext `json:"context"`
	// Door is the way in where a provider has several: an app that pushes, an archive.
	Door               string     `json:"door,omitempty"`
	ProviderModifiedAt *time.Time `json:"provider_modified_at,omitempty"`
	// ListedAt is as of when the record was so, where that is not when it was fetched: an
	// archive was made then, or a push was put together.
	ListedAt *time.Time `json:"listed_at,omitempty"`
	// StartedAt and EndedAt are where the connector sees start and end; of a chunk, those
	// of its span.
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	// The offsets from UTC that the record itself states for its start and its end. Zero is
	// an offset; absent is unknown.
	StartOffsetSeconds *int `json:"start_offset_seconds,omitempty"`
	EndOffsetSeconds   *int `json:"end_offset_seconds,omitempty"`
	// LocalDate is the civil date that the provider states, YYYY-MM-DD. No instant is
	// made of it.
	LocalDate string `json:"local_date,omitempty"`
	// IdentityZone is the IANA name of the zone in which days were cut to make the
	// external id. It is the same for all records of a person at a provider.
	IdentityZone string `json:"identity_zone,omitempty"`
	Delivery     string `json:"delivery,omitempty"` // snapshot or part; absent is snapshot
	// Complete says that a chunk holds all samples that the provider had of its span, so
	// that it replaces the earlier ones of the provider's API. Absent is no: it only adds
	// or corrects.
	Complete         bool   `json:"complete,omitempty"`
	ContentHash      string `json:"content_hash"` // sha256:<hex> over the canonical record
	HashVersion      int    `json:"hash_version"`
	ReplacesSequence uint64 `json:"replaces_sequence,omitempty"` // of the version known before; absent for the first
	// ParentSequence is the sequence of the parent's version that an attachment was asked
	// for.
	ParentSequence uint64 `json:"parent_sequence,omitempty"`
	// Points is how many positions a route has that was cut out of a file of positions.
	Points    int       `json:"points,omitempty"`
	Origin    Origin    `json:"origin"`
	FetchedAt time.Time `json:"fetched_at"`
	// Raw holds the provider's bytes. On the wire they are the last member.
	Raw Raw `json:"-"`
}

// EventType implements Data.
func (*RecordFetched) EventType() Type { return TypeRecordFetched }

func (r *RecordFetched) kind() string { return r.Kind }

// ChunkFetched is the samples of a series in a span, as the provider sent them.
type ChunkFetched struct{ RecordFetched }

// EventType implements Data.
func (*ChunkFetched) EventType() Type { return TypeChunkFetched }

// More ways in which a removal was proved.
const (
	RemovedImportUndone = "import_undone"    // the import that brought it was undone
	RemovedByPerson     = "hidden_by_person" // somebody hid it here; above every origin
)

// RecordRemoved says that a record no longer counts: the provider no longer has it, or
// it was taken back here.
type RecordRemoved struct {
	UserID           string    `json:"user_id"`
	Provider         string    `json:"provider"`
	ConnectionID     string    `json:"connection_id,omitempty"`
	SyncID           string    `json:"sync_id,omitempty"`
	ImportID         string    `json:"import_id,omitempty"` // of the import that was undone, or that showed it
	Kind             string    `json:"kind"`
	ExternalID       string    `json:"external_id"`
	Resource         string    `json:"resource,omitempty"`
	ReplacesSequence uint64    `json:"replaces_sequence,omitempty"`
	Origin           Origin    `json:"origin"`
	Proof            string    `json:"proof"`      // not_found, absent_twice, superseded, import_undone, hidden_by_person
	RemovedAt        time.Time `json:"removed_at"` // when it was proved
}

// EventType implements Data.
func (*RecordRemoved) EventType() Type { return TypeRecordRemoved }

func (r *RecordRemoved) kind() string { return r.Kind }

// ChunkRemoved says that a chunk no longer counts.
type ChunkRemoved struct{ RecordRemoved }

// EventType implements Data.
func (*ChunkRemoved) EventType() Type { return TypeChunkRemoved }

// kinded is a payload that names its kind, which then is in the header ce-kind, too.
type kinded interface{ kind() string }

func (r *RecordFetched) check(c *check) {
	c.person(r.UserID, r.Provider)
	c.optionalID("connection_id", r.ConnectionID)
	c.optionalID("sync_id", r.SyncID)
	c.optionalID("import_id", r.ImportID)
	c.kind(r.Kind)
	c.text("external_id", r.ExternalID)
	for _, alias := range r.Aliases {
		c.text("aliases", alias)
	}
	c.text("format", r.Format)
	c.text("content_hash", r.ContentHash)
	c.text("origin", string(r.Origin))
	for _, m := range [...]struct{ name, value string }{
		{"provider_account_id", r.ProviderAccountID}, {"resource", r.Resource}, {"step", r.Step}, {"slot", r.Slot},
		{"door", r.Door}, {"identity_zone", r.IdentityZone}, {"delivery", r.Delivery},
	} {
		c.optionalText(m.name, m.value)
	}
	c.parent("parent", r.Parent)
	c.parent("file", r.File)
	c.date("local_date", r.LocalDate)
	c.sequence("replaces_sequence", r.ReplacesSequence)
	c.sequence("parent_sequence", r.ParentSequence)
	if r.HashVersion < 0 || r.Part < 0 || r.Points < 0 {
		c.fail("hash_version, part or points is negative")
	}
	for _, m := range [...]struct {
		name string
		at   *time.Time
	}{{"provider_modified_at", r.ProviderModifiedAt}, {"listed_at", r.ListedAt}, {"started_at", r.StartedAt}, {"ended_at", r.EndedAt}} {
		if m.at != nil {
			c.at(m.name, *m.at)
		}
	}
	c.offset("start_offset_seconds", r.StartOffsetSeconds)
	c.offset("end_offset_seconds", r.EndOffsetSeconds)
	c.at("fetched_at", r.FetchedAt)
}

func (r *RecordRemoved) check(c *check) {
	c.person(r.UserID, r.Provider)
	c.optionalID("connection_id", r.ConnectionID)
	c.optionalID("sync_id", r.SyncID)
	c.optionalID("import_id", r.ImportID)
	c.kind(r.Kind)
	c.text("external_id", r.ExternalID)
	c.optionalText("resource", r.Resource)
	c.sequence("replaces_sequence", r.ReplacesSequence)
	c.text("origin", string(r.Origin))
	c.text("proof", r.Proof)
	c.at("removed_at", r.RemovedAt)
}
