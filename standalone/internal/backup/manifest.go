// Package backup writes the stores of a system into one folder, beside the running
// system, and makes stores again from such a folder.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
)

// Format is the number of the folder's layout that this program writes and reads.
const Format = 1

const (
	manifestName = "manifest.json"
	tablesName   = "tables.dump"
	erasuresName = "erasures.jsonl"
)

// Errors of a folder.
var (
	// ErrUnfinished says that a folder has no manifest: it is no backup, or the backup was
	// interrupted.
	ErrUnfinished = errors.New("this folder is no finished backup: it has no " + manifestName + "; a backup writes it last")
	// ErrAltered says that files are not as the backup wrote them.
	ErrAltered = errors.New("the backup is not as it was written")
	// ErrFormat says that another program wrote the folder.
	ErrFormat = errors.New("the backup is of another Stridelog")
)

// Manifest says what a folder holds. It is written last, so a folder with one is whole.
type Manifest struct {
	Format   int       `json:"format"`
	Program  Program   `json:"program"`
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
	Database Database  `json:"database"`
	Streams  []Stream  `json:"streams"`
	Erasures int       `json:"erasures"` // in the list
	Files    []File    `json:"files"`
}

// Program is what wrote a backup.
type Program struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
}

func (p Program) String() string { return fmt.Sprintf("version %s, commit %s", p.Version, p.Commit) }

// Database says what the dump of the tables is of.
type Database struct {
	PostgresMajor int `json:"postgres_major"`
	// LogEpoch is of the log that the tables were made from, and HighWater how far of it
	// was folded when the dump began; empty and zero for a new system.
	LogEpoch  string `json:"log_epoch"`
	HighWater uint64 `json:"high_water"`
	// Schemas are the versions of the services' schemas.
	Schemas map[string]int `json:"schemas"`
}

// Stream is a stream of the log with what NATS wants to know to restore it.
type Stream struct {
	Name  string `json:"name"`
	Epoch string `json:"epoch"`
	bus.SnapshotState
	Snapshot bus.Snapshot `json:"snapshot"`
}

func (s Stream) file() string { return s.Name + ".snapshot" }

// File is one file of the folder.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Read reads the manifest of a folder and compares every file with it.
func Read(folder string) (m Manifest, err error) {
	text, err := os.ReadFile(filepath.Join(folder, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s: %w", folder, ErrUnfinished)
	}
	if err != nil {
		return m, fmt.Errorf("read the backup's manifest: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%w: %s cannot be read: %w", ErrAltered, manifestName, err)
	}
	if m.Format != Format {
		return m, fmt.Errorf("%w: the folder has format %d, this program knows format %d: restore with the program that made it (%s)", ErrFormat, m.Format, Format, m.Program)
	}
	if sum, err := os.ReadFile(filepath.Join(folder, manifestName+".sha256")); err != nil || string(bytes.TrimSpace(sum)) != checksum(text) {
		return m, fmt.Errorf("%w: %s has not the checksum in %s.sha256", ErrAltered, manifestName, manifestName)
	}
	for _, f := range m.Files {
		have, err := describe(folder, f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return m, fmt.Errorf("%w: %s is missing", ErrAltered, f.Name)
		case err != nil:
			return m, err
		case have.Size != f.Size:
			return m, fmt.Errorf("%w: %s has %d bytes, and had %d", ErrAltered, f.Name, have.Size, f.Size)
		case have.SHA256 != f.SHA256:
			return m, fmt.Errorf("%w: %s has another checksum", ErrAltered, f.Name)
		}
	}
	return m, nil
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// describe reads a file once.
func describe(folder, name string) (f File, err error) {
	if !filepath.IsLocal(name) {
		return f, fmt.Errorf("%w: %q is no file of the folder", ErrAltered, name)
	}
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return f, fmt.Errorf("read the backup: %w", err)
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return f, fmt.Errorf("read the backup: %w", err)
	}
	return File{Name: name, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// write puts the manifest into the folder, as the last thing and as a whole.
func (m Manifest) write(folder string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the backup's manifest: %w", err)
	}
	text = append(text, '\n')
	for _, f := range []struct {
		name string
		text []byte
	}{{manifestName + ".sha256", []byte(checksum(text) + "\n")}, {manifestName, text}} {
		if err := put(filepath.Join(folder, f.name), f.text); err != nil {
			return fmt.Errorf("write the backup's manifest: %w", err)
		}
	}
	return nil
}

// put writes a file as a whole or not at all.
func put(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder last.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
