package fitbit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// loadGrants reads the state file. No name and no file are an empty state.
func loadGrants(file string) (*grants, error) {
	s := &grants{file: file}
	if file == "" {
		return s, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state file %s: %w: make it readable, or remove it to begin anew", file, err)
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read state file %s: %w: remove it to begin anew; everybody has to consent again then", file, err)
	}
	return s, nil
}

// save writes the state file beside itself and renames it, so that a crash
// leaves the old or the new state, never a half of one.
func (s *grants) save() error {
	if s.file == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.file), filepath.Base(s.file)+".*")
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
		err = os.Rename(f.Name(), s.file)
	}
	if err != nil {
		return fmt.Errorf("write state file: %w: make its folder writable and free some space", err)
	}
	return nil
}
