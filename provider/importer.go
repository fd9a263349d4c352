package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
)

// Importer reads one kind of export archive.
type Importer interface {
	// Open finds an export's files in archives, in parts of one archive, in
	// unpacked folders or in single files, and looks through them once. What
	// makes the archive as a whole unusable is an *ArchiveError with words for
	// its owner; then nothing was handed over. The caller closes the export.
	Open(ctx context.Context, paths []string, o ImportOptions) (Export, error)
}

// ImportOptions are what is stated with the import of an archive.
type ImportOptions struct {
	// TimeZone is the IANA name of the zone that the person lived in; empty when
	// nothing is said. It counts where neither a record nor the profile tells an
	// offset. ZoneNamed has checked it.
	TimeZone string
	// MaxRecords is how many records the export may hold, copies too; zero is what the
	// importer bounds.
	MaxRecords int
}

// Importers are all importers by kind, which names the provider: "NAME-export".
type Importers map[string]Importer

// Export is one opened export. It is not for concurrent use.
type Export interface {
	// Provider is the name of the provider whose records these are.
	Provider() string
	// Size is the uncompressed bytes of the files that hold records or routes, for progress.
	Size() int64
	// Activities hands over every record, file after file, once. An error of
	// yield ends it and comes back. A record or a file that cannot be read is in
	// the report, never an error; the rest goes on.
	Activities(ctx context.Context, yield func(ImportedActivity) error) error
	// Routes hands over where activities went, file after file, once and after
	// Activities: at most one for each activity, and of any that the files' names
	// tell. What cannot be read is in the report, as with Activities.
	Routes(ctx context.Context, yield func(ImportedRoute) error) error
	// Alone gives the companion in a record's context as the record that it is by
	// itself, with its own offset in the context; false when it is none. Any goroutine
	// may call it.
	Alone(companion string) (Companion, bool)
	// Contexts are what the export's files say beside its records: of the person, and
	// of activities that it need not hold.
	Contexts() []ImportedContext
	// Finish sets what follows from a record and its context: StartedAt, OffsetSource
	// and ContentHash. One goroutine may call it while Activities runs.
	Finish(a *ImportedActivity)
	// Report is complete after Activities and Routes.
	Report() ExportReport
	Close() error
}

// ImportedActivity is one record of an export.
type ImportedActivity struct {
	Record
	// ContentHash is Hasher.Import over the record with its context, HashVersion the
	// number of the rule it follows.
	ContentHash string
	HashVersion int
	File        string        // base name inside the archive
	Duration    time.Duration // zero when it cannot be read
	Read        int64         // bytes of Size read so far
	// Reading is what the export's reader found out of the record, so that nobody reads
	// it twice; nil when it did not look.
	Reading *Reading `json:"-"`
	// ForeignID says that ExternalID is not of the provider API's id space. A known
	// record that pairs with it (Pairs) is of the same activity; then this one is its
	// companion and no activity of its own.
	ForeignID bool
}

// Reading is what a record says of itself, as far as records are compared by it.
type Reading struct {
	Edition  Edition
	Sighting *Sighting // nil when the record does not say when the activity was
	// Companion is the companion in the record's context as the record that it is by
	// itself; nil when there is none or it is no record.
	Companion *Companion
}

// Companion is a record that goes along with another, as the record that it is by
// itself.
type Companion struct {
	ImportedActivity // without Raw
	// Text is its bytes. They are put together when they are asked for: of a table they
	// are mostly the names of its columns, which many rows share.
	Text func() string
	// Deleted says that the export marks it as deleted by the person, so that it can be
	// a companion and nothing else.
	Deleted bool
}

// ImportedContext is what a file of an export says beside its records.
type ImportedContext struct {
	ExternalID string // of the activity, in the provider API's id space; empty when it is about the person
	Context    events.ActivityContext
}

// ImportedRoute is where one activity of an export went.
type ImportedRoute struct {
	ExternalID string // of the activity, as Activities gave it
	Format     string
	File       string // the name of the report's row that counts it
	Raw        []byte // the file, byte for byte; the next route takes its place
	// Points is how many positions a route has that was cut out of a file of
	// positions; zero for a file that is a route by itself, which says more.
	Points int
	Read   int64 // bytes of Size read so far
}

// ExportReport says what an export holds. Names in it are base names: the top
// folder of an archive can be the name of its owner.
type ExportReport struct {
	Files   []ExportFile `json:"files"`
	Unknown []string     `json:"unknown"` // base names nobody knows, at most MaxUnknown
	Ignored int          `json:"ignored"` // files of families without activities, and explanations
	Notes   []string     `json:"notes"`   // stable codes, Note…
}

// MaxUnknown bounds the unknown files that a report names.
const MaxUnknown = 1000

// The notes of a report.
const (
	NotePartMissing    = "part_missing"    // an export of this provider, but without a file that holds activities
	NoteProfileMissing = "profile_missing" // no file says the person's time zone
	NoteProfilesDiffer = "profiles_differ" // two files of profiles disagree; what they disagree about is not used
	NoteZoneUnknown    = "zone_unknown"    // the profile's time zone is not in the time zone database
	NoteMoreUnknown    = "more_unknown"    // more than MaxUnknown files are unknown
)

// KindRoutes is the kind of the row that counts files of routes, which is one for
// all of them. They are no records of activities.
const KindRoutes = "tcx"

// KindPoints is the kind of the row that counts the routes which were cut out of files
// of positions. They are no records of activities either.
const KindPoints = "gps_csv"

// IsRoutes says whether a row of a report of this kind counts routes.
func IsRoutes(kind string) bool { return kind == KindRoutes || kind == KindPoints }

// ExportFile says what became of one file. It handed over Records less those in
// Skipped.
type ExportFile struct {
	Name    string         `json:"name"` // base name
	Kind    string         `json:"kind"`
	Records int            `json:"records"`
	Skipped map[string]int `json:"skipped,omitempty"` // reason code, Skip…, to count
	Problem string         `json:"problem,omitempty"` // why it could not be read, or not to its end
}

// Why a record or a route of a file was not handed over or not brought in.
const (
	SkipBroken     = "broken"      // not a whole record; a route that cannot be read to its end
	SkipTooLarge   = "too_large"   // more bytes than a record or a route may have
	SkipDuplicate  = "duplicate"   // the export holds it elsewhere, as new or newer; of a route, as long or longer
	SkipCompanion  = "companion"   // it went along with the same activity's record from another file
	SkipDeleted    = "deleted"     // the export marks it as deleted by the person
	SkipEmpty      = "empty"       // a route without a single point
	SkipFewPoints  = "few_points"  // positions of an activity that are too few for a route
	SkipCrowded    = "crowded"     // positions of more activities at a time than a person can have
	SkipNoActivity = "no_activity" // a route of an activity that is not known, or removed
)

// ArchiveError says what makes an archive unusable, without names of files or of
// people.
type ArchiveError struct {
	Code   string // Archive…
	Part   int    // of the given paths, from 1; 0 when it is about all of them
	Detail string // a limit, or what the file is instead; may be empty
}

// The codes of an ArchiveError.
const (
	ArchiveMissing        = "archive_missing"
	ArchiveUnreadable     = "archive_unreadable"
	ArchiveNotOne         = "not_an_archive"
	ArchiveUnsupported    = "archive_unsupported"
	ArchiveTruncated      = "archive_truncated"
	ArchiveDamaged        = "archive_damaged"
	ArchiveEncrypted      = "archive_encrypted"
	ArchiveUnsafeName     = "archive_unsafe_name"
	ArchiveLink           = "archive_link"
	ArchiveTooManyFiles   = "archive_too_many_files"
	ArchiveTooLarge       = "archive_too_large"
	ArchiveBomb           = "archive_bomb"
	ArchiveNested         = "archive_nested"
	ArchiveForeign        = "not_an_export"
	ArchiveTooManyRecords = "archive_too_many_records"
)

// Error says in words for the archive's owner what is wrong and what to do.
func (e *ArchiveError) Error() string {
	text := archiveWords(e.Code)
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	if e.Part > 0 {
		text = fmt.Sprintf("archive %d: %s", e.Part, text)
	}
	return text
}

// ArchiveCodes lists every code, for those who document or translate them.
func ArchiveCodes() []string {
	return []string{
		ArchiveMissing, ArchiveUnreadable, ArchiveNotOne, ArchiveUnsupported, ArchiveTruncated, ArchiveDamaged, ArchiveEncrypted,
		ArchiveUnsafeName, ArchiveLink, ArchiveTooManyFiles, ArchiveTooLarge, ArchiveBomb, ArchiveNested, ArchiveForeign, ArchiveTooManyRecords,
	}
}

func archiveWords(code string) string {
	switch code {
	case ArchiveMissing:
		return "there is no such file or folder; check the path"
	case ArchiveUnreadable:
		return "the file cannot be read; check that it is still there and that you may read it"
	case ArchiveNotOne:
		return "this is not an archive; choose the .zip or .tgz file as it was downloaded, or the unpacked folder"
	case ArchiveUnsupported:
		return "this kind of archive cannot be read; unpack it and choose the folder, or pack it again as .zip"
	case ArchiveTruncated:
		return "the archive ends in the middle; the download was probably cut off, so download it again"
	case ArchiveDamaged:
		return "the archive is damaged; download it again"
	case ArchiveEncrypted:
		return "the archive is protected by a password; unpack it and choose the folder"
	case ArchiveUnsafeName:
		return "the archive names files outside of itself, which no export does; nothing was imported"
	case ArchiveLink:
		return "the archive or folder holds links or special files, which no export does; nothing was imported"
	case ArchiveTooManyFiles:
		return "the archive holds too many files; export only the wearable's data and try again"
	case ArchiveTooLarge:
		return "the archive is too large; export only the wearable's data, or in smaller parts"
	case ArchiveBomb:
		return "the archive unpacks to far more than an export can; nothing was imported"
	case ArchiveNested:
		return "the archive holds other archives and no export; unpack it and choose the archives inside"
	case ArchiveForeign:
		return "none of the files belongs to such an export; choose the export's own archive, all of it if it came in parts"
	case ArchiveTooManyRecords:
		return "the export holds more activities than a person can have; nothing was imported"
	default:
		return "the archive cannot be used"
	}
}
