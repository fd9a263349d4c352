// Command go-consumer keeps a table of workouts from Stridelog's events, with a
// NATS client and nothing of ours: NATS_URL=… go-consumer -file workouts.json.
//
// The position is a durable consumer on the server. A batch is stored before it
// is acknowledged, so a crash repeats events and loses none; keeping the highest
// version makes a repetition harmless. One workout that two providers saw is two
// rows, of which one is a duplicate of the other: the sum of a week leaves it out.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream    = "STRIDELOG_CHANGES"
	batchSize = 100
	// A batch takes milliseconds; after a crash its events come again this soon.
	ackWait = 5 * time.Second
	// How long a fetch waits for the first event of a quiet stream.
	patience = time.Second
)

// workout is one row: what the event with the highest version said.
type workout struct {
	UserID            string          `json:"user_id"`
	Version           uint64          `json:"version"`
	NormalizerVersion int             `json:"normalizer_version"`
	Workout           json.RawMessage `json:"workout,omitempty"` // absent once removed
	link
}

// link says which workout to count in place of this one; nil: this one.
type link struct {
	DuplicateOf *string `json:"duplicate_of,omitempty"`
	LinkVersion uint64  `json:"link_version,omitempty"`
}

// newer says whether w replaces old: a later version at the provider, or the
// same one read by a later normalizer.
func (w workout) newer(old workout) bool {
	return cmp.Or(cmp.Compare(w.Version, old.Version), cmp.Compare(w.NormalizerVersion, old.NormalizerVersion)) > 0
}

// options are what the command line says.
type options struct {
	file, durable, subjects string
	once                    bool
	apiPrefix, inboxPrefix  string
}

// table is every workout by id, and the file that it is kept in.
type table struct {
	file string
	rows map[string]workout
}

func main() {
	var o options
	flag.StringVar(&o.file, "file", "workouts.json", "where the table is kept")
	flag.StringVar(&o.durable, "durable", "go-example", "name of the position; one table, one name")
	flag.StringVar(&o.subjects, "subjects", "stridelog.workout.>", "which events: stridelog.workout.*.*.<user_id> is one person")
	flag.BoolVar(&o.once, "once", false, "end when everything that is there has been read, and print how far each person went in each week")
	flag.StringVar(&o.apiPrefix, "api-prefix", jetstream.DefaultAPIPrefix, "of JetStream, where it is another account's")
	flag.StringVar(&o.inboxPrefix, "inbox-prefix", "_INBOX", "of replies, where a user may hear only their own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "go-consumer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	t, err := open(o.file)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.Name(o.durable), nats.CustomInboxPrefix(o.inboxPrefix))
	if err != nil {
		return fmt.Errorf("connect to NATS_URL: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.NewWithAPIPrefix(nc, o.apiPrefix)
	if err != nil {
		return err
	}
	consumer, err := position(ctx, js, o)
	if err != nil {
		return fmt.Errorf("open the position %s on %s: %w", o.durable, stream, err)
	}
	for ctx.Err() == nil {
		n, err := t.takeBatch(consumer)
		if err != nil {
			return err
		}
		if n > 0 {
			fmt.Printf("%d events, %d workouts\n", n, len(t.rows))
			continue
		}
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("ask how much is left: %w", err)
		}
		if o.once && info.NumPending == 0 && info.NumAckPending == 0 {
			return t.weeks()
		}
	}
	return nil
}

// position is the durable consumer: the one there is, else a new one.
func position(ctx context.Context, js jetstream.JetStream, o options) (jetstream.Consumer, error) {
	consumer, err := js.Consumer(ctx, stream, o.durable)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return consumer, err
	}
	return js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: o.durable, FilterSubject: o.subjects, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
	})
}

// takeBatch stores the next events and then acknowledges them; it returns how many.
func (t *table) takeBatch(consumer jetstream.Consumer) (int, error) {
	batch, err := consumer.Fetch(batchSize, jetstream.FetchMaxWait(patience))
	if err != nil {
		return 0, fmt.Errorf("fetch: %w", err)
	}
	var taken []jetstream.Msg
	for m := range batch.Messages() {
		if err := t.apply(m); err != nil {
			return 0, err
		}
		taken = append(taken, m)
	}
	if err := batch.Error(); err != nil {
		return 0, fmt.Errorf("fetch: %w", err)
	}
	if len(taken) == 0 {
		return 0, nil
	}
	if err := t.save(); err != nil {
		return 0, err
	}
	for _, m := range taken {
		if err := m.Ack(); err != nil {
			return 0, fmt.Errorf("acknowledge: %w", err)
		}
	}
	return len(taken), nil
}

func (t *table) apply(m jetstream.Msg) error {
	var event struct {
		WorkoutID string `json:"workout_id"`
		workout
	}
	if err := json.Unmarshal(m.Data(), &event); err != nil {
		return fmt.Errorf("event %s: %w", m.Headers().Get("ce-id"), err)
	}
	row := t.rows[event.WorkoutID]
	said := row.link
	// An event without link_version says nothing about links; stridelog.workout.linked
	// has no version, and says nothing else.
	if event.LinkVersion > 0 && event.LinkVersion >= said.LinkVersion {
		said = event.link
	}
	if event.newer(row) {
		row = event.workout
	}
	row.link = said
	t.rows[event.WorkoutID] = row
	return nil
}

// weeks prints how far each person went in each week.
func (t *table) weeks() error {
	type week struct{ name, user string }
	metres := map[week]float64{}
	for id, row := range t.rows {
		if row.Workout == nil || row.DuplicateOf != nil {
			continue
		}
		var w struct {
			StartTime time.Time `json:"start_time"`
			LocalDate *string   `json:"local_date"` // null where the place is not known
			Distance  *float64  `json:"distance_meters"`
		}
		if err := json.Unmarshal(row.Workout, &w); err != nil {
			return fmt.Errorf("workout %s: %w", id, err)
		}
		if w.Distance == nil {
			continue
		}
		day := w.StartTime
		if w.LocalDate != nil {
			if local, err := time.Parse(time.DateOnly, *w.LocalDate); err == nil {
				day = local
			}
		}
		y, n := day.ISOWeek()
		metres[week{fmt.Sprintf("%d-W%02d", y, n), row.UserID}] += *w.Distance
	}
	order := slices.SortedFunc(maps.Keys(metres), func(a, b week) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.user, b.user)) })
	for _, w := range order {
		fmt.Printf("%s %s %.1f km\n", w.name, w.user, metres[w]/1000)
	}
	return nil
}

func open(file string) (*table, error) {
	t := &table{file: file, rows: map[string]workout{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &t.rows); err != nil {
		return nil, fmt.Errorf("read %s: %w; delete the file and the position to begin again", file, err)
	}
	return t, nil
}

// save replaces the file as a whole: a crash leaves the old one or the new one.
func (t *table) save() error {
	text, err := json.Marshal(t.rows)
	if err != nil {
		return err
	}
	next := t.file + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, t.file)
}
