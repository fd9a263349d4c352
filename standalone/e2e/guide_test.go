package e2e

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// TestEveryCommandOfTheEventsGuideRuns runs docs/events.md from top to bottom and
// looks at what each section printed.
func TestEveryCommandOfTheEventsGuideRuns(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	user := w.connect(t, c, w.people[0])
	other := w.connect(t, c, w.people[1])
	mine, theirs := len(w.workouts(t, c, user, w.people[0])), len(w.workouts(t, c, other, w.people[1]))
	w.awaitPosition(t, "STRIDELOG_FACTS", "projector-facts")
	subject := "stridelog.workout.recorded.fitbit." + user.ID

	g := openGuide(t, "docs/events.md", "NATS_URL="+w.natsURL, "URL="+c.BaseURL, "KEY="+installation.AdminKey, "USER_ID="+user.ID)
	g.run(t, "Streams", holds("STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_DEAD_LETTERS", subject, other.ID, fmt.Sprint(mine)))
	g.run(t, "Subjects", func(printed string) error {
		said := w.messages(t, "STRIDELOG_CHANGES", "stridelog.workout.*.*."+user.ID)
		if err := exactly(printed, `(?m)^\{"workout_id":"[^"]+","user_id":"`+user.ID, said); err != nil {
			return err
		}
		if err := exactly(printed, tailedLine("workout", user.ID), 3); err != nil {
			return err
		}
		return exactly(printed, `(?m)^\{.*"id":"[^"]+".*"subject":`, 2)
	})
	g.run(t, "An event", holds(subject, "ce-id: ", "ce-type: stridelog.workout.recorded.v1", `"heart_rate_zones"`,
		`"$id": "https://stridelog.dev/schemas/stridelog.workout.recorded.v1.json"`))
	g.run(t, "A position of your own", func(printed string) error {
		if err := exactly(printed, "Acknowledged message", 5); err != nil {
			return err
		}
		return holds(fmt.Sprintf("Unprocessed Messages: %d", mine+theirs-5))(printed)
	})
	g.run(t, "From the start again", holds("Deliver Policy: Since", "Acknowledged message", `"user_id":"`+user.ID))
	g.run(t, "Count each workout once", holds(
		fmt.Sprintf("events, %d workouts", mine+theirs), fmt.Sprintf("events, %d workouts", mine), " "+user.ID+" ", " km"))
	kept := w.messages(t, "STRIDELOG_CHANGES", "stridelog.workout.>")
	g.run(t, "With Watermill", holds(fmt.Sprintf("\n%d events\n", kept)))
	g.run(t, "Older than thirty days", holds(`"version":`, `"total_count":`+fmt.Sprint(mine), `"raw":{`, `"format":"fitbit.activity_list.v1"`))
	g.run(t, "Records of other kinds", func(printed string) error { return exactly(printed, tailedLine("record", user.ID), 0) })
	sum := sha256.Sum256([]byte(user.ID))
	g.run(t, "When a person is erased", holds("ce-type: stridelog.user.erased.v1", "No subjects found",
		fmt.Sprintf(`"user_sha256":"%x"`, sum), fmt.Sprintf("\n%x  -", sum)))
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

// exactly checks that a text has a pattern so many times.
func exactly(text, pattern string, want int) error {
	if n := len(regexp.MustCompile(pattern).FindAllString(text, -1)); n != want {
		return fmt.Errorf("it has %s %d times, want %d", pattern, n, want)
	}
	return nil
}

// tailedLine matches a line that stridelog tail prints of an entity of one user.
func tailedLine(entity, userID string) string {
	return `(?m)^\d+ \S+Z stridelog\.` + entity + `\.\w+\.\w+\.` + userID + ` \{.*\}$`
}

// messages counts what a stream holds on subjects.
func (w *world) messages(t *testing.T, stream, subjects string) (sum int) {
	t.Helper()
	s, err := w.jetStream(t).Stream(deadline(t), stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(deadline(t), jetstream.WithSubjectFilter(subjects))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range info.State.Subjects {
		sum += int(n) //nolint:gosec // of one test's people
	}
	return sum
}
