package statefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/statefile"
)

func TestStateComesBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	var none map[string]int
	if err := statefile.Load(file, &none); err != nil || none != nil {
		t.Errorf("no file gives %v, %v", none, err)
	}
	if err := statefile.Save(file, map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	if err := statefile.Load(file, &got); err != nil || got["a"] != 1 {
		t.Errorf("came back as %v, %v", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestStateThatCannotBeKept(t *testing.T) {
	folder := t.TempDir()
	if err := statefile.Save(filepath.Join(folder, "missing", "state.json"), 1); err == nil {
		t.Error("saved into no folder")
	}
	if err := statefile.Save(filepath.Join(folder, "state.json"), func() {}); err == nil {
		t.Error("saved what has no JSON")
	}
	if err := statefile.Load(folder, new(int)); err == nil {
		t.Error("loaded a folder")
	}
	file := filepath.Join(folder, "broken.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := statefile.Load(file, new(int)); err == nil {
		t.Error("loaded a broken file")
	}
	if statefile.Load("", new(int)) != nil || statefile.Save("", 1) != nil {
		t.Error("no name is an error")
	}
}
