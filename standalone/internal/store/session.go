package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

// Session is what a person needs to try a running demo from another terminal. The
// demo leaves it in its data directory while it runs.
type Session struct {
	URL     string `json:"url"` // of the API, without a path
	Key     string `json:"key"`
	UserID  string `json:"user_id"`
	NATSURL string `json:"nats_url"`
	PID     int    `json:"pid"`
	// DataDir is set where it is not the default, so that commands find the stores.
	DataDir string `json:"data_dir,omitempty"`
}

// answerPatience is how long a demo may take to say that it is there.
const answerPatience = 3 * time.Second

func sessionFile(dataDir string) string { return filepath.Join(dataDir, "run", "demo.json") }

// Keep leaves the session in a data directory, for its owner alone, until end is called.
func (s Session) Keep(dataDir string) (end func(), err error) {
	text, err := json.Marshal(s)
	if err == nil {
		err = writeOnce(sessionFile(dataDir), string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("keep what `stridelog env` prints: %w", err)
	}
	return func() { _ = os.Remove(sessionFile(dataDir)) }, nil
}

// ErrNoDemo says that no demo runs, as far as its data directory tells.
var ErrNoDemo = errors.New("no demo is running")

// FindSession finds the demo that runs in the data directory, or below the default one.
// A demo that was killed leaves its session behind: neither its process nor its API is
// there.
func FindSession(ctx context.Context, c config.Config) (Session, error) {
	dirs := dataDirs(c)
	for _, dir := range dirs {
		text, err := os.ReadFile(sessionFile(dir))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return Session{}, fmt.Errorf("find the demo: %w", err)
		}
		var s Session
		if err := json.Unmarshal(text, &s); err != nil {
			return Session{}, fmt.Errorf("read %s: %w", sessionFile(dir), err)
		}
		if ended(s.PID) {
			return Session{}, fmt.Errorf("%w: the one in %s was killed; start it again: stridelog demo", ErrNoDemo, dir)
		}
		if err := s.answers(ctx); err != nil {
			return Session{}, fmt.Errorf("%w that answers: %s says that one listens on %s: %w; wait until it has stopped, or start it again: stridelog demo",
				ErrNoDemo, sessionFile(dir), s.URL, err)
		}
		return s, nil
	}
	return Session{}, fmt.Errorf("%w: start one with `stridelog demo` and wait until it says that it is running (looked in %s)", ErrNoDemo, strings.Join(dirs, " and "))
}

// answers asks the API whether it is there. It sends no key: what listens may be
// something else by now.
func (s Session) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}

// Exports are the variables as a shell reads them: URL=… KEY=… and so on.
func (s Session) Exports() []string {
	list := []string{"URL=" + shellWord(s.URL), "KEY=" + shellWord(s.Key), "USER_ID=" + shellWord(s.UserID), "NATS_URL=" + shellWord(s.NATSURL)}
	if s.DataDir != "" {
		list = append(list, "STRIDELOG_DATA_DIR="+shellWord(s.DataDir))
	}
	return list
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// shellWord quotes a text so that a shell takes it as one word.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
