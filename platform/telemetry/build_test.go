package telemetry

import (
	"runtime/debug"
	"testing"
)

func TestBuildArgumentsComeBeforeStampsAndStampsBeforeNothing(t *testing.T) {
	stamps := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.0.0-20261130"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-30T22:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	none := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}}
	for name, test := range map[string]struct {
		given Build
		info  *debug.BuildInfo
		want  Build
	}{
		"stamps alone":          {Build{}, stamps, Build{"v0.0.0-20261130", "abc", "2026-11-30T22:00:00Z", "go1.26.8", true}},
		"arguments alone":       {Build{Version: "1.2.3", Commit: "def", Time: "today"}, none, Build{"1.2.3", "def", "today", "go1.26.8", false}},
		"a version and stamps":  {Build{Version: "1.2.3"}, stamps, Build{"1.2.3", "abc", "2026-11-30T22:00:00Z", "go1.26.8", true}},
		"another commit's time": {Build{Commit: "def"}, stamps, Build{"v0.0.0-20261130", "def", "", "go1.26.8", false}},
		"nothing":               {Build{}, none, Build{Go: "go1.26.8"}},
	} {
		got := test.given
		if got.fill(test.info); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	if b := ReadBuild("", "", ""); b.Version == "" || b.Commit == "" || b.Time == "" || b.Go == "" {
		t.Errorf("what nobody said is empty: %+v", b)
	}
}
