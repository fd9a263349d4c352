package fitbit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// ImportKind is the kind of archive that this package imports: the export of a
// Fitbit account, from fitbit.com or from Google Takeout. Sections named in the
// files that begin with export are those of the project's digest of that format.
const ImportKind = "fitbit-export"

// The format words of an export's records and routes.
const (
	FormatExportJSON = "fitbit.export_json.v1" // an entry of exercise-<n>.json
	FormatExportCSV  = "fitbit.export_csv.v1"  // the header line and a row of UserExercises_<date>.csv
	FormatExportTCX  = "fitbit.export_tcx.v1"  // <logId>.tcx, the route of an activity
	// FormatExportPoints is the header and lines of gps_location_<date>.csv that one
	// source has of an activity, as they stand there.
	FormatExportPoints = "fitbit.export_gps_csv.v1"
)

// NewImporter reads exports within limits; zero limits are the defaults.
func NewImporter(limits archive.Limits) provider.Importer {
	return importer{limits: limits, records: maxRecords, recordFiles: maxRecordFiles}
}

type importer struct {
	limits      archive.Limits
	records     int // how many an export may have at most
	recordFiles int // in how many files
}

// Open implements provider.Importer.
func (i importer) Open(ctx context.Context, paths []string, o provider.ImportOptions) (provider.Export, error) {
	if o.MaxRecords > 0 {
		i.records = min(i.records, o.MaxRecords)
	}
	hasher, err := provider.NewHasher(Volatile())
	if err != nil {
		return nil, err
	}
	again, err := provider.NewHasher(Volatile())
	if err != nil {
		return nil, err
	}
	files, err := archive.Open(ctx, paths, i.limits)
	if err != nil {
		return nil, err
	}
	e := &export{
		files: files, hasher: hasher, again: again, entries: entryIndex{}, offsets: map[uint64]int{}, tracks: map[uint64]*track{}, days: map[int64]*pointDay{}, names: map[string]named{},
		report: provider.ExportReport{Files: []provider.ExportFile{}, Unknown: []string{}, Notes: []string{}},
	}
	if zone, known := provider.ZoneNamed(o.TimeZone); known {
		e.stated = zone
	}
	if err := e.scan(ctx, i); err != nil {
		_ = files.Close() // they were only read
		return nil, err
	}
	return e, nil
}

// export is one opened export. The scan at its opening reads everything, and keeps
// of the entries of the exercise files where they lie and what it takes to choose
// between copies and to join them with rows; Activities reads their bytes. Of TCX files
// it keeps which ones Routes hands over.
type export struct {
	files   *archive.Archive
	hasher  *provider.Hasher
	again   *provider.Hasher // of Finish
	report  provider.ExportReport
	profile profile
	zone    *time.Location   // of the profile; nil when unknown
	stated  *time.Location   // with the import; nil when nothing is stated
	names   map[string]named // of the files, by path
	rows    []row
	entries entryIndex
	pages   []page            // that were not read again yet, in their order
	offsets map[uint64]int    // of TCX files, in seconds, by logId
	tracks  map[uint64]*track // the TCX files that stand, by logId
	tcx     provider.ExportFile
	days    map[int64]*pointDay // of files of positions
	// pointsAt is the report's row of what is cut out of them.
	pointsAt int
	size     int64 // of the files that hold records
	done     int64 // bytes of files that Activities has left behind

	pointBytes int64 // of the files of positions that Routes reads
}

// Provider implements provider.Export.
func (e *export) Provider() string { return Name }

// Size implements provider.Export.
func (e *export) Size() int64 { return e.size + tracksSize(e.tracks) + e.pointBytes }

// Report implements provider.Export.
func (e *export) Report() provider.ExportReport { return e.report }

// Close implements provider.Export.
func (e *export) Close() error { return e.files.Close() }

// byNumber puts files into one order wherever they lie: a page's number is an
// offset into the list of all exercises, oldest first (section 1.3).
func (e *export) byNumber(f archive.File) string {
	n := e.kindOf(f)
	return fmt.Sprintf("%d %020d %s\x00%s", n.kind, n.number, f.Base, f.Path)
}

// kindOf is the function of that name. Every walk asks for every file.
func (e *export) kindOf(f archive.File) named {
	n, known := e.names[f.Path]
	if !known {
		n = kindOf(f)
		e.names[f.Path] = n
	}
	return n
}

// note adds a code to the report, once.
func (e *export) note(code string) {
	if !slices.Contains(e.report.Notes, code) {
		e.report.Notes = append(e.report.Notes, code)
	}
}
