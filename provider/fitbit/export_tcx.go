package fitbit

import (
	"io"
	"regexp"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// tcxHead is how much of a TCX file is read: its first time stands at the top.
const tcxHead = 64 << 10

// tcxTime is the first time of an activity or a track point.
var tcxTime = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?(?:Id|Time)>\s*([0-9T:.+-]{19,40})\s*<`)

// readTCX takes the offset off a track: its times carry that of the place (section
// 4), and for a workout without a row nothing else does. The track is not kept.
func (s *scanner) readTCX(f archive.File, id uint64) {
	s.tcx.Name, s.tcx.Kind = "*.tcx", "tcx"
	s.tcx.Records++
	if s.tcx.Skipped == nil {
		s.tcx.Skipped = map[string]int{}
	}
	s.tcx.Skipped[provider.SkipUnused]++
	in, err := f.Open()
	if err != nil {
		return
	}
	defer func() { _ = in.Close() }()
	head, _ := io.ReadAll(io.LimitReader(in, tcxHead)) // what was read of a damaged file is enough
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
