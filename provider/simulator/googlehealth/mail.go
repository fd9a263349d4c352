package googlehealth

import (
	"context"
	"net/http"
	"slices"
	"time"
)

const (
	maxItems     = 99 // of one notification
	givenUpAfter = 7 * 24 * time.Hour
	longestRetry = time.Hour
	// lookEvery is how often Run looks for records that arrived by themselves and
	// for notifications that are due again.
	lookEvery = time.Second
)

// mail is what subscribers still have to be told.
type mail struct {
	items   map[string][]item // by subscriber
	letters []*letter
	fault   func(*Notification) *NotificationFault
	wake    chan struct{}
}

// letter is a notification that was not accepted yet.
type letter struct {
	subscriber string
	body       []byte
	attempts   int
	first, due time.Time
}

func newMail() *mail {
	return &mail{items: map[string][]item{}, wake: make(chan struct{}, 1)}
}

func (m *mail) forget(subscriber string) {
	delete(m.items, subscriber)
	m.letters = slices.DeleteFunc(m.letters, func(l *letter) bool { return l.subscriber == subscriber })
}

// collect puts what waits into letters of up to 99 items and takes out those that
// are due.
func (m *mail) collect(now time.Time) []*letter {
	ids := make([]string, 0, len(m.items))
	for id := range m.items {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		for part := range slices.Chunk(m.items[id], maxItems) {
			m.letters = append(m.letters, &letter{subscriber: id, body: bodyOf(part), first: now, due: now})
		}
	}
	clear(m.items)
	var due, later []*letter
	for _, l := range m.letters {
		if l.due.After(now) {
			later = append(later, l)
		} else {
			due = append(due, l)
		}
	}
	m.letters = later
	return due
}

// Deliver sends every notification that is due now, in their order, and says how
// many were accepted and how many have to come again. Whoever wants them by
// themselves uses Run.
func (c *Cloud) Deliver(ctx context.Context) (accepted, waiting int) {
	c.mu.Lock()
	now := c.options.Now()
	c.announceArrivals(now)
	due := c.mail.collect(now)
	fault := c.mail.fault
	c.mu.Unlock()

	var held []*letter
	for i, l := range due {
		trouble := &NotificationFault{}
		if fault != nil {
			if f := fault(&Notification{SubscriberID: l.subscriber, Number: i + 1, Attempt: l.attempts + 1, Body: l.body}); f != nil {
				trouble = f
			}
		}
		if trouble.Late && !slices.Contains(held, l) {
			held = append(held, l)
			continue
		}
		c.deliver(ctx, l, trouble, now)
	}
	for _, l := range held {
		c.deliver(ctx, l, &NotificationFault{}, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	again := 0
	for _, l := range due {
		if slices.Contains(c.mail.letters, l) {
			again++
		}
	}
	return len(due) - again, len(c.mail.letters)
}

// deliver sends a letter once, or as often as the trouble has it, and keeps it
// when it was not accepted.
func (c *Cloud) deliver(ctx context.Context, l *letter, trouble *NotificationFault, now time.Time) {
	c.mu.Lock()
	s := c.subscribers[l.subscriber]
	c.mu.Unlock()
	if s == nil || trouble.Lost {
		return
	}
	status := 0
	for range 1 + trouble.Again {
		status, _ = c.notify(ctx, s, l.body, trouble) // no answer is no 204
	}
	if status == http.StatusNoContent {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	wait := min(c.options.RetryEvery<<min(l.attempts, 20), longestRetry)
	l.attempts++
	l.due = now.Add(wait)
	if l.due.Before(l.first.Add(givenUpAfter)) && c.subscribers[l.subscriber] != nil {
		c.mail.letters = append(c.mail.letters, l)
	}
}

// Run delivers notifications as they come about, until ctx ends. It calls ready
// once.
func (c *Cloud) Run(ctx context.Context, ready func()) error {
	ready()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.mail.wake:
		case <-ticker.C:
		}
		c.Deliver(ctx)
	}
}
