package fitbit

import (
	"bytes"
	"crypto/sha256"
	"io"
	"regexp"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// tcxHead is how much of a TCX file is looked at: its first time and its first
// point stand at the top.
const tcxHead = 64 << 10

var (
	// tcxTime is the first time of an activity or a track point.
	tcxTime = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?(?:Id|Time)>\s*([0-9T:.+-]{19,40})\s*<`)
	// tcxPoint is what an empty stub has none of.
	tcxPoint = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?Trackpoint[\s/>]`)
)

// track is the TCX file that stands for where one activity went.
type track struct {
	bytes int64
	sum   [sha256.Size]byte
	given bool // handed over
}

// readTCX looks at a track: at the offset of its times, and whether it is the one to
// be handed over. All of it is read, so that what makes an archive unusable shows
// before anything was imported.
func (s *scanner) readTCX(f archive.File, id uint64) {
	s.tcx.Name, s.tcx.Kind = "*.tcx", provider.KindRoutes
	s.tcx.Records++
	if s.tcx.Skipped == nil {
		s.tcx.Skipped = map[string]int{}
	}
	found, skip := s.lookAt(f, id)
	if skip == "" {
		skip = s.choose(id, found)
	}
	if skip != "" {
		s.tcx.Skipped[skip]++
	}
}

// lookAt reads a track through. Skip is why it is left out, if it is.
func (s *scanner) lookAt(f archive.File, id uint64) (found track, skip string) {
	in, err := f.Open()
	if err != nil {
		return track{}, provider.SkipBroken
	}
	defer func() { _ = in.Close() }()
	sum := sha256.New()
	all := io.TeeReader(io.LimitReader(in, events.MaxRoute+1), sum)
	head, err := io.ReadAll(io.LimitReader(all, tcxHead))
	s.readOffset(head, id) // what was read of a damaged file is enough
	if err != nil {
		return track{}, provider.SkipBroken
	}
	rest, err := io.Copy(io.Discard, all)
	found = track{bytes: int64(len(head)) + rest, sum: [sha256.Size]byte(sum.Sum(nil))}
	switch {
	case err != nil:
		return found, provider.SkipBroken
	case found.bytes > events.MaxRoute:
		return found, provider.SkipTooLarge
	case rest == 0 && !tcxPoint.Match(head):
		return found, provider.SkipEmpty // one of seventeen has no track (section 4)
	}
	return found, ""
}

// choose keeps one track of an activity: the longest, then the one with the highest
// sum, so that their order cannot matter. The other one is left out.
func (s *scanner) choose(id uint64, found track) (skip string) {
	known, twice := s.tracks[id]
	if !twice {
		s.tracks[id] = &found
		return ""
	}
	if found.bytes > known.bytes || found.bytes == known.bytes && bytes.Compare(found.sum[:], known.sum[:]) > 0 {
		s.tracks[id] = &found
	}
	return provider.SkipDuplicate
}

// readOffset takes the offset off a track: its times carry that of the place
// (section 4), and for a workout without a row nothing else does.
func (s *scanner) readOffset(head []byte, id uint64) {
	found := tcxTime.FindSubmatch(head)
	if found == nil {
		return // a file without a track
	}
	at, err := time.Parse(time.RFC3339Nano, string(found[1]))
	if err != nil {
		return
	}
	if _, seconds := at.Zone(); (time.Duration(seconds) * time.Second).Abs() <= maxOffset {
		s.offset(id, seconds)
	}
}

// offset keeps an offset; where two files of one id disagree, none.
func (s *scanner) offset(id uint64, seconds int) {
	const none = int(maxOffset/time.Second) + 1
	if known, ok := s.offsets[id]; ok && known != seconds {
		seconds = none
	}
	s.offsets[id] = seconds
}

func tracksSize(all map[uint64]*track) (size int64) {
	for _, t := range all {
		size += t.bytes
	}
	return size
}
