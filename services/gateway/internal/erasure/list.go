package erasure

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// overlap is how far a list looks back for erasures that other processes accepted.
const overlap = time.Hour

// entry is a line of the list: what has to be known to erase the person again.
type entry struct {
	ErasureID  uuid.UUID `json:"erasure_id"`
	UserSHA256 string    `json:"user_sha256"`
	Requested  time.Time `json:"requested_at"`
}

// list is the file of all erasures, one JSON object a line. It lies outside of the
// stores, so that a restore of an older backup does not forget whom was erased since.
// An empty path is no list.
type list struct {
	path string

	mu    sync.Mutex
	since time.Time // up to where the table was read
	known map[uuid.UUID]bool
}

// read reads the file. One that does not exist has no lines. A last line that was not
// written to its end is left out: its erasure is in the table.
func (l *list) read() (entries []entry, err error) {
	if l.path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of erasures: %w", err)
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(whole) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || len(e.UserSHA256) != 64 {
			return nil, fmt.Errorf("read the list of erasures %s: line %d is none of ours; restore the file, or move it away if you know that nobody was erased", l.path, len(entries)+1)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// add writes the erasures of the table that the file does not have yet.
func (l *list) add(ctx context.Context, db *pgxpool.Pool) error {
	if l.path == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		entries, err := l.read()
		if err != nil {
			return err
		}
		l.known = map[uuid.UUID]bool{}
		for _, e := range entries {
			l.known[e.ErasureID] = true
		}
	}
	now := time.Now()
	rows, err := db.Query(ctx, `SELECT id, user_hash, requested_at FROM gateway.erasures WHERE requested_at >= $1 ORDER BY requested_at`, l.since)
	if err != nil {
		return fmt.Errorf("write the list of erasures: %w", err)
	}
	var fresh []entry
	var e entry
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&e.ErasureID, &hash, &e.Requested}, func() error {
		if !l.known[e.ErasureID] {
			fresh = append(fresh, entry{e.ErasureID, hex.EncodeToString(hash), e.Requested.UTC()})
		}
		return nil
	})
	if err == nil {
		err = l.append(fresh)
	}
	if err != nil {
		return fmt.Errorf("write the list of erasures: %w", err)
	}
	for _, e := range fresh {
		l.known[e.ErasureID] = true
	}
	l.since = now.Add(-overlap)
	return nil
}

// append writes lines to the file's end, and they are on disk when it returns.
func (l *list) append(entries []entry) (err error) {
	if len(entries) == 0 {
		return nil
	}
	var text bytes.Buffer
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := endLine(f); err != nil {
		return err
	}
	if _, err := f.Write(text.Bytes()); err != nil {
		return err
	}
	return f.Sync()
}

// endLine cuts off what a crash left of a line.
func endLine(f *os.File) error {
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	if whole := bytes.LastIndexByte(text, '\n') + 1; whole < len(text) {
		return f.Truncate(int64(whole))
	}
	return nil
}
