package command

import (
	"fmt"
	"time"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// showDownload tells a person that PostgreSQL is being downloaded: a line that
// replaces itself on a terminal, a new one every five seconds elsewhere.
func showDownload(p Process) func(launcher.Progress) {
	begun, told := time.Now(), time.Now()
	return func(pr launcher.Progress) {
		line := fmt.Sprintf("Downloading PostgreSQL %s from %s: %.1f of %.1f MB", pr.Version, pr.From, float64(pr.Done)/1e6, float64(pr.Total)/1e6)
		switch took := time.Since(begun); {
		case pr.Done == 0:
			begun = time.Now()
			line = "No PostgreSQL is installed. " + line
		case pr.Done == pr.Total:
			line += fmt.Sprintf(" in %s", took.Round(100*time.Millisecond))
		case !p.Terminal && time.Since(told) < progressEvery:
			return
		default:
			left := time.Duration(float64(took) * float64(pr.Total-pr.Done) / float64(pr.Done))
			line += fmt.Sprintf(", %.1f MB/s, %s left", float64(pr.Done)/1e6/took.Seconds(), left.Round(time.Second))
		}
		if p.Terminal && pr.Done > 0 {
			line = "\r\033[K" + line
		}
		if !p.Terminal || pr.Done == pr.Total {
			line += "\n"
		}
		told = time.Now()
		fmt.Fprint(p.Stderr, line)
	}
}
