// Package statefile keeps what a fake cloud must remember over a restart in one
// JSON file.
package statefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a file into state. No name and no file leave it as it is.
func Load(file string, state any) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state file %s: %w: make it readable, or remove it to begin anew", file, err)
	}
	if err := json.Unmarshal(text, state); err != nil {
		return fmt.Errorf("read state file %s: %w: remove it to begin anew; everybody has to consent again then", file, err)
	}
	return nil
}

// Save writes the file beside itself and renames it, so that a crash leaves the
// old or the new state, never a half of one. No name saves nothing.
func Save(file string, state any) error {
	if file == "" {
		return nil
	}
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write state file: %w: make its folder writable", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write state file: %w: make its folder writable and free some space", err)
	}
	return nil
}
