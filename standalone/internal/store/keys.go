package store

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stridelog/stridelog/services/oauth"
)

// makeDirs lays out the data directory. Keys lie beside, not inside, the
// folders of the database and the log, so that a copy of either opens nothing.
func makeDirs(dataDir string) error {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o755 // Postgres runs as another user and must be able to pass
	}
	if err := os.MkdirAll(dataDir, mode); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	for _, name := range []string{"keys", "run", "nats"} {
		if err := os.MkdirAll(filepath.Join(dataDir, name), 0o700); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
	}
	return nil
}

// SealingKey is the data directory's key for tokens, made at the first call.
func SealingKey(dataDir string) (string, error) {
	return keyFile(dataDir, "sealing.json", oauth.NewSealingKey)
}

// SealingKeyFile is where the data directory's key for tokens lies.
func SealingKeyFile(dataDir string) string { return filepath.Join(dataDir, "keys", "sealing.json") }

// KeepSealingKey puts a key aside that is about to be replaced, and says where.
func KeepSealingKey(dataDir, key string) (string, error) {
	path := filepath.Join(dataDir, "keys", "sealing-until-"+time.Now().UTC().Format("20060102T150405Z")+".json")
	if err := WriteKey(path, key); err != nil {
		return "", fmt.Errorf("keep the sealing key that is replaced: %w", err)
	}
	return path, nil
}

// WriteKey writes a key's file as a whole or not at all, readable by its owner alone.
func WriteKey(path, key string) error { return writeOnce(path, key) }

// AdminKey is the data directory's admin API key, made at the first call.
func AdminKey(dataDir string) (string, error) {
	return keyFile(dataDir, "admin.key", func() (string, error) {
		key, err := randomKey()
		return "sl_" + key, err
	})
}

func keyFile(dataDir, name string, make func() (string, error)) (string, error) {
	path := filepath.Join(dataDir, "keys", name)
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read key %s: %w", name, err)
	}
	key, err := make()
	if err != nil {
		return "", fmt.Errorf("make key %s: %w", name, err)
	}
	if err := writeOnce(path, key); err != nil {
		return "", fmt.Errorf("keep key %s: %w", name, err)
	}
	return key, nil
}

// writeOnce puts the whole key there or nothing, and syncs it: a half-written
// sealing key would lose every token.
func writeOnce(path, key string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.WriteString(key + "\n"); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func randomKey() (string, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
