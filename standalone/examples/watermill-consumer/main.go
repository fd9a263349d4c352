// Command watermill-consumer hears Stridelog's events with a Watermill router on
// watermill-nats: NATS_URL=… watermill-consumer -file events.ndjson. It keeps each event
// once, as a line of a file.
//
// Watermill-nats loses events with its defaults. Each setting below that keeps it from
// that says so; all of them are needed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream = "STRIDELOG_CHANGES"
	// margin is how much later than the time that an event may take the server gives it
	// again: else an event that is being handled comes a second time.
	margin = 2 * time.Second
	// again is the pause before an event is tried again that could not be handled. Without
	// one, watermill-nats tries at once, 10,000 times a second.
	again = 2 * time.Second
	// look is how often -once asks whether anything is left.
	look = time.Second
)

// options are what the command line says.
type options struct {
	file, durable, subjects, inboxPrefix string
	handling                             time.Duration
	once                                 bool
}

func main() {
	var o options
	flag.StringVar(&o.file, "file", "events.ndjson", "where the events are kept")
	flag.StringVar(&o.durable, "durable", "watermill-example", "name of the position; one file, one name")
	flag.StringVar(&o.subjects, "subjects", "stridelog.workout.>", "which events: stridelog.workout.*.*.<user_id> is one person")
	flag.DurationVar(&o.handling, "handling", 30*time.Second, "how long one event may take; one that a crash left comes again after that")
	flag.BoolVar(&o.once, "once", false, "end when everything that is there has been read")
	flag.StringVar(&o.inboxPrefix, "inbox-prefix", "_INBOX", "of replies, where a user may hear only their own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "watermill-consumer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	kept, err := open(o.file)
	if err != nil {
		return err
	}
	defer kept.file.Close()
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.Name(o.durable), nats.CustomInboxPrefix(o.inboxPrefix),
		nats.MaxReconnects(-1)) // the default gives up after two minutes, and then nothing is read any more
	if err != nil {
		return fmt.Errorf("connect to NATS_URL: %w", err)
	}
	defer nc.Close()
	consumer, err := position(ctx, nc, o)
	if err != nil {
		return fmt.Errorf("open the position %s on %s: %w", o.durable, stream, err)
	}
	log := watermill.NewSlogLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	subscriber, err := wmnats.NewSubscriberWithNatsConn(nc, subscription(o), log)
	if err != nil {
		return err
	}
	router, err := message.NewRouter(message.RouterConfig{}, log)
	if err != nil {
		return err
	}
	router.AddMiddleware(middleware.Recoverer) // a panic is a failure, and the event comes again
	router.AddConsumerHandler("keep", o.subjects, subscriber, kept.handle)
	if !o.once {
		return router.Run(ctx)
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() {
		defer end()
		ended <- exhausted(ctx, consumer)
	}()
	return errors.Join(router.Run(ctx), <-ended)
}

// exhausted returns nil once every event that there is has been handled and acknowledged.
func exhausted(ctx context.Context, consumer jetstream.PushConsumer) error {
	for {
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("ask how much is left: %w", err)
		}
		if info.NumPending == 0 && info.NumAckPending == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
	}
}

// position is the durable consumer: the one there is, else a new one. The library would
// make one with other limits, and delete it when it closes.
func position(ctx context.Context, nc *nats.Conn, o options) (jetstream.PushConsumer, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	consumer, err := js.PushConsumer(ctx, stream, o.durable)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return consumer, err
	}
	return js.CreatePushConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: o.durable, FilterSubject: o.subjects, AckPolicy: jetstream.AckExplicitPolicy, AckWait: o.handling + margin,
		DeliverSubject: nc.NewInbox(), DeliverGroup: o.durable,
		MaxAckPending: 1, // the library handles one at a time, and the time of those that wait would run out
	})
}

func subscription(o options) wmnats.SubscriberSubscriptionConfig {
	return wmnats.SubscriberSubscriptionConfig{
		Unmarshaler:      cloudEvents{},
		QueueGroupPrefix: o.durable, // the consumer's DeliverGroup
		AckWaitTimeout:   o.handling,
		NakDelay:         wmnats.NewStaticDelay(again),
		JetStream: wmnats.JetStreamConfig{
			DurablePrefix: o.durable,
			SubscribeOptions: []nats.SubOpt{
				nats.Bind(stream, o.durable),
				nats.ManualAck(), // else what is not handled yet is acknowledged when the connection closes
			},
		},
	}
}

// cloudEvents reads an event: its attributes are the headers ce-…, its data the payload.
// It never fails, because the library forgets what it cannot read.
type cloudEvents struct{}

// Unmarshal implements wmnats.Unmarshaler.
func (cloudEvents) Unmarshal(in *nats.Msg) (*message.Message, error) {
	m := message.NewMessage(in.Header.Get("ce-id"), in.Data)
	for name := range in.Header {
		m.Metadata.Set(name, in.Header.Get(name))
	}
	return m, nil
}

// line is one event in the file.
type line struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// events is the file, and the ids of what is in it.
type events struct {
	mu   sync.Mutex
	file *os.File
	size int64 // of the whole lines
	ids  map[string]bool
}

// open reads what is there. A line that a crash cut off is taken away: its event was not
// acknowledged and comes again.
func open(name string) (*events, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	e := &events{file: file, ids: map[string]bool{}}
	for reader := bufio.NewReader(file); ; {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, errors.Join(fmt.Errorf("read %s: %w; delete the file and the position to begin again", name, err), file.Close())
		}
		e.ids[l.ID] = true
		e.size += int64(len(text))
	}
	if err := file.Truncate(e.size); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return e, nil
}

// handle stores an event before it is acknowledged, so that a crash repeats events and
// loses none; one that is there already is left alone.
func (e *events) handle(m *message.Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ids[m.UUID] {
		return nil
	}
	text, err := json.Marshal(line{ID: m.UUID, Type: m.Metadata.Get("ce-type"), Data: json.RawMessage(m.Payload)})
	if err != nil {
		return fmt.Errorf("event %s: %w", m.UUID, err)
	}
	text = append(text, '\n')
	// At the end of the whole lines: what a full disk cut off is written over.
	if _, err := e.file.WriteAt(text, e.size); err != nil {
		return err
	}
	if err := e.file.Sync(); err != nil {
		return err
	}
	e.ids[m.UUID], e.size = true, e.size+int64(len(text))
	fmt.Printf("%d events\n", len(e.ids))
	return nil
}
