package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	everybody = "*" // every user, as a subject's token
	tailPause = 500 * time.Millisecond
)

// tailing is what the command line of tail asks for.
type tailing struct {
	stream, kind, subject, user string
	from, last, count           uint64 // zero: not asked for
	all, json, follow           bool
}

// runTail prints events as they come. What it prints is people's data.
func runTail(ctx context.Context, p Process, c config.Config, args []string) error {
	t, err := tailCall(p, args)
	if err != nil {
		return err
	}
	return withNATS(ctx, p, c, "tail", func(b *bus.Bus) error { return t.run(ctx, p, b) })
}

// tailCall reads the command line.
func tailCall(p Process, args []string) (t tailing, err error) {
	flags := newFlags(p, "tail")
	flags.StringVar(&t.kind, "kind", "", "what the events are about: activity, record, chunk, connection, user (facts), workout, sync or dead_letter")
	flags.StringVar(&t.subject, "subject", "", "subjects to print, with NATS' wildcards: 'stridelog.workout.removed.>'")
	flags.StringVar(&t.stream, "stream", "", "whole stream to print: facts (default), changes, syncs or dead-letters")
	flags.StringVar(&t.user, "user", everybody, "id of one user")
	flags.Uint64Var(&t.from, "from", 0, "first sequence to print; without it, --all or --last, what comes from now on")
	flags.BoolVar(&t.all, "all", false, "replay from the beginning")
	flags.Uint64Var(&t.last, "last", 0, "print the last so many first")
	flags.Uint64Var(&t.count, "count", 0, "end after so many events; 0 never ends")
	flags.BoolVar(&t.json, "json", false, "print each event as a CloudEvent in JSON, one a line")
	flags.BoolVar(&t.follow, "follow", true, "wait for more; --follow=false ends with what is there")
	switch err := parse(flags, args); {
	case err != nil:
		return t, err
	case flags.NArg() > 0:
		return t, fmt.Errorf("%w: stridelog tail does not know %q; see stridelog tail -h", errUsage, flags.Arg(0))
	}
	if t.user != everybody {
		id, err := uuid.Parse(t.user)
		if err != nil {
			return t, fmt.Errorf("%w: --user must be the id of a user", errUsage)
		}
		t.user = id.String() // as it stands in subjects
	}
	if given(t.from > 0, t.all, t.last > 0) > 1 {
		return t, fmt.Errorf("%w: --from, --all and --last each say where to begin; give one", errUsage)
	}
	return t.choose()
}

// choose turns what was asked for into one stream and the subjects in it.
func (t tailing) choose() (tailing, error) {
	switch {
	case given(t.kind != "", t.subject != "", t.stream != "") > 1:
		return t, fmt.Errorf("%w: --kind, --subject and --stream each say which events; give one", errUsage)
	case t.subject != "" && t.user != everybody:
		return t, fmt.Errorf("%w: with --subject the user is its last part, as in 'stridelog.workout.*.*.ID'", errUsage)
	case t.kind != "":
		t.subject = events.EntitySubjects(t.kind, t.user)
	case t.subject == "":
		return t.chooseStream()
	}
	s, err := events.StreamOf(t.subject)
	if err != nil {
		return t, fmt.Errorf("%w: %w", errUsage, err)
	}
	t.stream = s.Name
	return t, nil
}

// chooseStream takes a stream by its name, also without STRIDELOG_ and in small letters.
func (t tailing) chooseStream() (tailing, error) {
	wanted := strings.ToUpper(strings.ReplaceAll(t.stream, "-", "_"))
	if wanted == "" {
		wanted = events.StreamFacts
	}
	t.subject = events.UserSubjects(t.user)
	var known []string
	for _, s := range events.Streams() {
		short := strings.TrimPrefix(s.Name, "STRIDELOG_")
		if wanted == s.Name || wanted == short {
			t.stream = s.Name
			return t, nil
		}
		known = append(known, strings.ToLower(strings.ReplaceAll(short, "_", "-")))
	}
	return t, fmt.Errorf("%w: there is no stream %q; the streams are %s", errUsage, t.stream, strings.Join(known, ", "))
}

func given(choices ...bool) (n int) {
	for _, c := range choices {
		if c {
			n++
		}
	}
	return n
}

// begin is the first sequence to print.
func (t tailing) begin(ctx context.Context, b *bus.Bus) (uint64, error) {
	switch {
	case t.from > 0:
		return t.from, nil
	case t.all:
		return 1, nil
	case t.last > 0:
		return b.From(ctx, t.stream, t.subject, t.last)
	}
	last, err := b.LastSequence(ctx, t.stream, t.subject)
	return last + 1, err
}

// errEnough ends a reading after the events that were asked for.
var errEnough = errors.New("as many events as were asked for")

func (t tailing) run(ctx context.Context, p Process, b *bus.Bus) error {
	next, err := t.begin(ctx, b)
	if err != nil {
		return err
	}
	poll := time.NewTicker(tailPause)
	defer poll.Stop()
	printed := uint64(0)
	for {
		last, err := b.Read(ctx, t.stream, []string{t.subject}, next, func(d bus.Delivery) error {
			if err := t.print(p, d); err != nil {
				return err
			}
			if printed++; printed == t.count {
				return errEnough
			}
			return nil
		})
		switch {
		case errors.Is(err, errEnough), err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !t.follow:
			return nil
		}
		next = max(next, last+1)
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

// print writes an event as one line.
func (t tailing) print(p Process, d bus.Delivery) error {
	if !t.json {
		_, err := fmt.Fprintf(p.Stdout, "%d %s %s %s\n", d.Sequence, d.Time.UTC().Format(time.RFC3339), d.Message.Subject, oneLine(d.Message.Data))
		return err
	}
	line, err := events.Stored{Message: d.Message, Stream: t.stream, Sequence: d.Sequence}.Structured()
	if err == nil {
		_, err = p.Stdout.Write(append(line, '\n'))
	}
	return err
}

// oneLine is a payload without line breaks: records are as their provider sent them, who
// may have indented them. --json gives those back byte for byte.
func oneLine(data []byte) []byte {
	if !bytes.ContainsAny(data, "\r\n") {
		return data
	}
	var line bytes.Buffer
	if json.Compact(&line, data) == nil {
		return line.Bytes()
	}
	return bytes.Join(bytes.FieldsFunc(data, func(r rune) bool { return r == '\r' || r == '\n' }), []byte{' '})
}
