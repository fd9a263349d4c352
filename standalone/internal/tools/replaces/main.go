// Command replaces keeps the relative replace lines of the workspace's go.mod
// files: each module names exactly the sibling modules that its requirements
// reach, so that it builds alone until there is a tagged release. Without
// -write it only checks, and fails when a file is not as it should be.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

const prefix = "github.com/stridelog/stridelog/"

func main() {
	write := flag.Bool("write", false, "correct the files instead of only checking them")
	flag.Parse()
	if err := run(".", *write); err != nil {
		fmt.Fprintln(os.Stderr, "replaces:", err)
		os.Exit(1)
	}
}

func run(root string, write bool) error {
	modules, err := workspace(root)
	if err != nil {
		return err
	}
	var faults []error
	for dir, file := range modules {
		want := siblings(modules, dir)
		if slices.Equal(replaced(file), want) {
			continue
		}
		if !write {
			faults = append(faults, fmt.Errorf("%s/go.mod replaces %v, needs %v: run make generate", dir, replaced(file), want))
			continue
		}
		if err := correct(root, dir, file, want); err != nil {
			return err
		}
	}
	return errors.Join(faults...)
}

// workspace reads go.work and the go.mod of each module it uses, by folder.
func workspace(root string) (map[string]*modfile.File, error) {
	path := filepath.Join(root, "go.work")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read workspace (run this at the repository's root): %w", err)
	}
	work, err := modfile.ParseWork(path, text, nil)
	if err != nil {
		return nil, fmt.Errorf("parse workspace: %w", err)
	}
	modules := make(map[string]*modfile.File)
	for _, use := range work.Use {
		path := filepath.Join(root, use.Path, "go.mod")
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read module: %w", err)
		}
		file, err := modfile.Parse(path, text, nil)
		if err != nil {
			return nil, fmt.Errorf("parse module: %w", err)
		}
		modules[strings.TrimPrefix(use.Path, "./")] = file
	}
	return modules, nil
}

// siblings are the modules of the workspace that a module requires.
func siblings(modules map[string]*modfile.File, dir string) []string {
	var out []string
	for _, r := range modules[dir].Require {
		if name, ok := strings.CutPrefix(r.Mod.Path, prefix); ok {
			if _, known := modules[name]; known {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// replaced are the siblings that a module replaces by the right relative folder.
func replaced(file *modfile.File) []string {
	var out []string
	own, _ := strings.CutPrefix(file.Module.Mod.Path, prefix)
	for _, r := range file.Replace {
		name, ok := strings.CutPrefix(r.Old.Path, prefix)
		if ok && r.New.Path == relative(own, name) {
			out = append(out, name)
		} else {
			out = append(out, "!"+r.Old.Path)
		}
	}
	slices.Sort(out)
	return out
}

func relative(from, to string) string {
	up := strings.Repeat("../", strings.Count(from, "/")+1)
	return up + to
}

func correct(root, dir string, file *modfile.File, want []string) error {
	for _, r := range slices.Clone(file.Replace) {
		if err := file.DropReplace(r.Old.Path, r.Old.Version); err != nil {
			return fmt.Errorf("%s: drop replace of %s: %w", dir, r.Old.Path, err)
		}
	}
	for _, name := range want {
		if err := file.AddReplace(prefix+name, "", relative(dir, name), ""); err != nil {
			return fmt.Errorf("%s: replace %s: %w", dir, name, err)
		}
	}
	file.Cleanup()
	text, err := file.Format()
	if err != nil {
		return fmt.Errorf("%s: format go.mod: %w", dir, err)
	}
	return os.WriteFile(filepath.Join(root, dir, "go.mod"), text, 0o644)
}
