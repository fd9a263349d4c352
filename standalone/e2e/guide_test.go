package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// natsPath is the nats command line that make installs, in the version that the
// Makefile pins.
const natsPath = root + "/bin/nats-v0.5.1"

// guideSection is a section of a document with the commands that stand in it.
type guideSection struct{ title, commands string }

// TestEveryCommandOfTheEventsGuideRuns runs docs/events.md from top to bottom in
// one shell, and looks at what each section printed.
func TestEveryCommandOfTheEventsGuideRuns(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	user := w.connect(t, c, w.people[0])
	other := w.connect(t, c, w.people[1])
	mine, theirs := len(w.workouts(t, c, user, w.people[0])), len(w.workouts(t, c, other, w.people[1]))
	w.awaitPosition(t, "STRIDELOG_FACTS", "projector-facts")
	subject := "stridelog.workout.recorded.fitbit." + user.ID

	checks := map[string]func(printed string) error{
		"Streams": holds("STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_DEAD_LETTERS", subject, other.ID, fmt.Sprint(mine)),
		"Subjects": func(printed string) error {
			return repeated(printed, `"workout_id":"[^"]+","user_id":"`+user.ID, 3)
		},
		"An event": holds(subject, "ce-id: ", "ce-type: stridelog.workout.recorded.v1", `"heart_rate_zones"`),
		"A position of your own": func(printed string) error {
			if err := repeated(printed, "Acknowledged message", 5); err != nil {
				return err
			}
			return holds(fmt.Sprintf("Unprocessed Messages: %d", mine+theirs-5))(printed)
		},
		"From the start again": holds("Deliver Policy: Since", "Acknowledged message", `"user_id":"`+user.ID),
		"Keep the highest version": holds(
			fmt.Sprintf("events, %d workouts", mine+theirs), fmt.Sprintf("events, %d workouts", mine)),
		"Older than thirty days": holds(`"version":`, `"total_count":`+fmt.Sprint(mine), `"raw":{`, `"format":"fitbit.activity_list.v1"`),
		"When a person is erased": holds("ce-type: stridelog.user.erased.v1", "No subjects found",
			fmt.Sprintf(`"user_sha256":"%x"`, sha256.Sum256([]byte(user.ID))), fmt.Sprintf("\n%x  -", sha256.Sum256([]byte(user.ID)))),
	}
	printed := runGuide(t, root+"/docs/events.md", []string{
		"NATS_URL=" + w.natsURL, "URL=" + c.BaseURL, "KEY=" + installation.AdminKey, "USER_ID=" + user.ID,
	})
	for title, text := range printed {
		check, ok := checks[title]
		if !ok {
			t.Errorf("section %q has commands and no check: add one", title)
			continue
		}
		if err := check(text); err != nil {
			t.Errorf("%s: %v; it printed\n%s", title, err, text)
		}
		delete(checks, title)
	}
	for title := range checks {
		t.Errorf("section %q has no commands any more", title)
	}
}

// runGuide runs a document's commands and returns what each section printed.
func runGuide(t *testing.T, document string, env []string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	nats, err := filepath.Abs(natsPath)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(nats); err != nil {
		t.Fatalf("the nats command line is not there: run make test, or make bin/%s: %v", filepath.Base(nats), err)
	}
	if err := os.Symlink(nats, filepath.Join(programs, "nats")); err != nil {
		t.Fatal(err)
	}
	wheels, err := filepath.Abs(root + "/bin/wheels")
	if err != nil {
		t.Fatal(err)
	}
	const mark = "=== section "
	script := "set -euo pipefail\n"
	sections := guideSections(string(text))
	for _, s := range sections {
		script += fmt.Sprintf("echo '%s%s'\n%s", mark, s.title, s.commands)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Dir = root
	shell.Env = append(os.Environ(), env...)
	shell.Env = append(shell.Env,
		"PATH="+programs+":"+os.Getenv("PATH"), "TMPDIR="+t.TempDir(),
		"XDG_CONFIG_HOME="+t.TempDir(),             // no NATS context of whoever runs the test
		"PIP_NO_INDEX=1", "PIP_FIND_LINKS="+wheels, // what make has fetched
	)
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v:\n%s", document, err, out)
	}
	printed := map[string]string{}
	for _, part := range strings.Split(string(out), mark)[1:] {
		title, body, _ := strings.Cut(part, "\n")
		printed[title] = body
	}
	return printed
}

// guideSections are the sections of a Markdown text that have sh blocks.
func guideSections(text string) (list []guideSection) {
	title, inside := "", false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh\n"
		case inside && (len(list) == 0 || list[len(list)-1].title != title):
			list = append(list, guideSection{title, line})
		case inside:
			list[len(list)-1].commands += line
		case strings.HasPrefix(line, "#"):
			title = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return list
}

// holds checks that a text has every part.
func holds(parts ...string) func(string) error {
	return func(text string) error {
		for _, part := range parts {
			if !strings.Contains(text, part) {
				return fmt.Errorf("it lacks %q", part)
			}
		}
		return nil
	}
}

// repeated checks that a text has a pattern so many times at least.
func repeated(text, pattern string, atLeast int) error {
	if n := len(regexp.MustCompile(pattern).FindAllString(text, -1)); n < atLeast {
		return fmt.Errorf("it has %s %d times, want %d", pattern, n, atLeast)
	}
	return nil
}
