package fitbit

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// tcxRoom is the least memory that is made ready for a track: that of an hour and more.
const tcxRoom = 1 << 20

// Routes implements provider.Export: the TCX files that the scan has chosen, then
// what is cut out of files of positions.
func (e *export) Routes(ctx context.Context, yield func(provider.ImportedRoute) error) error {
	if err := e.readTracks(ctx, yield); err != nil {
		return err
	}
	return e.cutRoutes(ctx, e.size+tracksSize(e.tracks), yield)
}

// readTracks hands over TCX files, one in memory at a time. An export without any is
// not read once more.
func (e *export) readTracks(ctx context.Context, yield func(provider.ImportedRoute) error) error {
	if len(e.tracks) == 0 {
		return nil
	}
	read := e.size
	var room []byte
	err := e.files.Walk(ctx, e.byNumber, func(f archive.File) error {
		name := e.kindOf(f)
		t := e.tracks[name.number]
		if name.kind != kindTCX || t == nil || t.given {
			return nil
		}
		// One of unusual size leaves no more behind it than others need.
		if need, has := max(t.bytes+1, tcxRoom), int64(len(room)); has < need || has > 4*need {
			room = make([]byte, need)
		}
		if !t.load(f, room) { // another file of the same activity, or it was changed
			return nil
		}
		t.given = true
		read += t.bytes
		return yield(provider.ImportedRoute{
			ExternalID: strconv.FormatUint(name.number, 10), Format: FormatExportTCX, File: e.tcx.Name, Raw: room[:t.bytes], Read: read,
		})
	})
	if err != nil {
		return err
	}
	for _, t := range e.tracks {
		if !t.given { // somebody writes to the files
			e.tcx.Skipped[provider.SkipBroken]++ // the report's row has the same map
		}
	}
	return nil
}

// load reads the file, if it is the one that the scan has chosen. There is room for
// a byte more than it has, by which a longer one is told.
func (t *track) load(f archive.File, room []byte) bool {
	in, err := f.Open()
	if err != nil {
		return false
	}
	defer func() { _ = in.Close() }()
	n, err := io.ReadFull(in, room[:t.bytes+1])
	return errors.Is(err, io.ErrUnexpectedEOF) && int64(n) == t.bytes && sha256.Sum256(room[:n]) == t.sum
}
