package env_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/platform/env"
)

func reader(vars map[string]string) *env.Reader {
	return env.New(func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
}

func TestReadsEveryKind(t *testing.T) {
	r := reader(map[string]string{
		"TEXT": " a b ", "EMPTY": "", "SPAN": "1d12h", "COUNT": "-3", "YES": "On", "NO": "0",
		"BASE": "https://api.example.test/x/", "LIST": "a, b,,c ,", "KEY": "k",
	})
	check := func(name string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	check("TEXT", r.String("TEXT", "def"), "a b")
	check("EMPTY", r.String("EMPTY", "def"), "def")
	check("unset", r.String("UNSET", "def"), "def")
	check("required", r.Required("TEXT"), "a b")
	check("SPAN", r.Duration("SPAN", 0), 36*time.Hour)
	check("unset span", r.Duration("UNSET", time.Minute), time.Minute)
	check("COUNT", r.Int("COUNT", 1), -3)
	check("unset count", r.Int("UNSET", 1), 1)
	check("YES", r.Bool("YES", false), true)
	check("NO", r.Bool("NO", true), false)
	check("unset bool", r.Bool("UNSET", true), true)
	check("BASE", r.URL("BASE", ""), "https://api.example.test/x")
	check("unset URL", r.URL("UNSET", "http://d"), "http://d")
	check("LIST", r.List("LIST", nil), []string{"a", "b", "c"})
	check("unset list", r.List("UNSET", []string{"z"}), []string{"z"})
	check("KEY", r.Secret("KEY"), "k")
	check("unset secret", r.Secret("UNSET"), "")
	if err := r.Err(); err != nil {
		t.Errorf("good settings are faults: %v", err)
	}
}

func TestCollectsEveryFault(t *testing.T) {
	r := reader(map[string]string{"SPAN": "1 week", "COUNT": "many", "FLAG": "perhaps", "BASE": "ftp://user:hush@host"})
	r.Required("NEEDED")
	r.Duration("SPAN", 0)
	r.Int("COUNT", 0)
	r.Bool("FLAG", false)
	r.URL("BASE", "")
	r.Fault("OWN", "is not to my taste")
	var e *env.Error
	if err := r.Err(); !errors.As(err, &e) {
		t.Fatalf("error is %v", err)
	}
	var names []string
	for _, f := range e.Faults {
		name, _, _ := strings.Cut(f, ":")
		names = append(names, name)
	}
	if want := []string{"NEEDED", "SPAN", "COUNT", "FLAG", "BASE", "OWN"}; !slices.Equal(names, want) {
		t.Errorf("faults are of %v, want %v", names, want)
	}
	if lines := strings.Count(e.Error(), "\n"); lines != 6 {
		t.Errorf("%d lines after the heading, want one a fault: %s", lines, e)
	}
	if strings.Contains(e.Error(), "hush") {
		t.Errorf("the report shows a password: %s", e)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, empty := write("good", " hush\n"), write("empty", "\n")
	r := reader(map[string]string{"KEY_FILE": good})
	if got := r.Secret("KEY"); got != "hush" || r.Err() != nil {
		t.Errorf("secret is %q (%v), want hush", got, r.Err())
	}
	for name, vars := range map[string]map[string]string{
		"both":    {"KEY": "hush", "KEY_FILE": good},
		"missing": {"KEY_FILE": filepath.Join(dir, "none")},
		"empty":   {"KEY_FILE": empty},
		"folder":  {"KEY_FILE": dir},
	} {
		r := reader(vars)
		got := r.Secret("KEY")
		err := r.Err()
		if got != "" || err == nil || !strings.Contains(err.Error(), "KEY") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: secret is %q, error %v", name, got, err)
		}
	}
}

func TestParseDurationRefuses(t *testing.T) {
	for _, s := range []string{"", "5", "d", "1w", "1h1d", "1d1d", "-1h", "1.5h", " 1h", "1h ", "1 h", "٣d", "999999999999d", "106751d24h", "9223372037s"} {
		if d, err := env.ParseDuration(s); err == nil {
			t.Errorf("%q was taken as %v", s, d)
		}
	}
}

func TestParseDurationReadsBackWhatItIsGiven(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var text string
		var want time.Duration
		units := []struct {
			name string
			span time.Duration
			most int
		}{{"d", 24 * time.Hour, 100000}, {"h", time.Hour, 1000}, {"m", time.Minute, 1000}, {"s", time.Second, 1000}}
		for _, u := range units {
			if rapid.Bool().Draw(rt, "has "+u.name) {
				n := rapid.IntRange(0, u.most).Draw(rt, u.name)
				text += fmt.Sprintf("%d%s", n, u.name)
				want += time.Duration(n) * u.span
			}
		}
		if text == "" {
			text = "0"
		}
		if got, err := env.ParseDuration(text); err != nil || got != want {
			rt.Fatalf("%q is %v (%v), want %v", text, got, err, want)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"0", "30s", "1d12h", "106751d", "9999999999999999999s", "1d1", "h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := env.ParseDuration(s); err == nil && d < 0 {
			t.Errorf("%q is negative: %v", s, d)
		}
	})
}
