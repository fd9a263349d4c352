package googlehealth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	operationUpsert = "UPSERT"
	operationDelete = "DELETE"
)

// item is one change that subscribers are told of. It holds no measurements.
type item struct {
	Data itemData `json:"data"`
}

type itemData struct {
	Version   string     `json:"version"`
	Name      *string    `json:"clientProvidedSubscriptionName,omitempty"`
	User      string     `json:"healthUserId"`
	Operation string     `json:"operation"`
	DataType  string     `json:"dataType"`
	RecordID  string     `json:"recordId,omitempty"`
	Intervals []interval `json:"intervals"`
}

type interval struct {
	Physical *span      `json:"physicalTimeInterval,omitempty"`
	Civil    *civilSpan `json:"civilDateTimeInterval,omitempty"`
	ISO      *span      `json:"civilIso8601TimeInterval,omitempty"`
}

type span struct {
	Start string `json:"startTime"`
	End   string `json:"endTime"`
}

type civilSpan struct {
	Start civilDateTime `json:"startDateTime"`
	End   civilDateTime `json:"endDateTime"`
}

type civilDateTime struct {
	Date struct {
		Year  int `json:"year"`
		Month int `json:"month"`
		Day   int `json:"day"`
	} `json:"date"`
	Time struct {
		Hours   int `json:"hours,omitempty"`
		Minutes int `json:"minutes,omitempty"`
	} `json:"time"`
}

// announce puts a change into the mail of every subscriber that may hear of it.
// The caller holds the lock.
func (c *Cloud) announce(a *account, r *Record, operation string) {
	granted := c.consents.of(a.id)
	if granted == nil || !slices.Contains(granted.Scopes, scopeActivity) && !slices.Contains(granted.Scopes, activityWrites) {
		return
	}
	for id, s := range c.subscribers {
		told := slices.ContainsFunc(s.configs, func(config Config) bool { return slices.Contains(config.DataTypes, "exercise") })
		if s.state == "ACTIVE" && told {
			c.mail.items[id] = append(c.mail.items[id], itemOf(a, r, operation))
		}
	}
	select {
	case c.mail.wake <- struct{}{}:
	default: // it wakes up already
	}
}

// announceArrivals tells of the records that came by themselves since the last
// time, and of those that Google worked out since.
func (c *Cloud) announceArrivals(now time.Time) {
	for _, p := range c.options.People {
		a := c.accounts[HealthUserID(p)]
		since := a.announced
		a.announced = now
		between := func(t time.Time) bool { return t.After(since) && !t.After(now) }
		for _, e := range a.visible(now) {
			if !e.told && (between(e.from) || e.first != nil && between(e.settled)) {
				c.announce(a, e.at(now), operationUpsert)
			}
		}
	}
}

// itemOf tells of a change. A deletion names the record and has two of the three
// forms of its time; some changes name civil times alone.
func itemOf(a *account, r *Record, operation string) item {
	const iso = "2006-01-02T15:04:05"
	start, end := civilTime(r.Start), civilTime(r.End())
	when := interval{
		Physical: &span{r.Start.UTC().Format(iso) + "Z", r.End().UTC().Format(iso) + "Z"},
		Civil:    &civilSpan{civil(start), civil(end)},
		ISO:      &span{start.Format(iso), end.Format(iso)},
	}
	name := ""
	d := itemData{Version: "1", Name: &name, User: a.id, Operation: operation, DataType: "exercise"}
	switch {
	case operation == operationDelete:
		d.RecordID, d.Name, when.Civil = r.ExternalID, nil, nil
	case draw(4, "civil alone", r.ExternalID) == 0:
		when.Physical = nil
	}
	d.Intervals = []interval{when}
	return item{d}
}

func civil(t time.Time) (c civilDateTime) {
	c.Date.Year, c.Date.Month, c.Date.Day = t.Year(), int(t.Month()), t.Day()
	c.Time.Hours, c.Time.Minutes = t.Hour(), t.Minute()
	return c
}

// bodyOf is an array of items; every other single one comes by itself.
func bodyOf(items []item) []byte {
	var body any = items
	if len(items) == 1 && hash(items[0].Data.User, fmt.Sprint(items[0].Data.Intervals))%2 == 0 {
		body = items[0]
	}
	text, _ := json.Marshal(body) // strings and numbers: it cannot fail
	return text
}

// Notification is one that is about to be sent, as the fault hook sees it.
type Notification struct {
	SubscriberID string
	Number       int // in this delivery, from 1
	Attempt      int // from 1
	Body         []byte
}

// NotificationFault is what goes wrong with a notification. The zero value
// changes nothing.
type NotificationFault struct {
	Lost  bool // it is never sent, and never again
	Late  bool // it is sent after all that come later
	Again int  // it is sent so many times more
	// Body changes the body after it was signed.
	Body func([]byte) []byte
	// Secret and Signature replace the headers when they are not nil; an empty one
	// leaves the header out.
	Secret, Signature *string
	// ForeignKey signs with a key that is not in the key set, under the id of the
	// one that is.
	ForeignKey bool
}

// SetNotificationFault replaces the hook; nil lets everything go well. It may not
// call the cloud.
func (c *Cloud) SetNotificationFault(hook func(*Notification) *NotificationFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mail.fault = hook
}

// Forge sends a body of the caller's making to a subscriber now, once, and gives
// what the endpoint answers. With the zero fault it is signed as a real one.
func (c *Cloud) Forge(ctx context.Context, subscriberID string, body []byte, f NotificationFault) (status int, err error) {
	c.mu.Lock()
	s := c.subscribers[subscriberID]
	c.mu.Unlock()
	if s == nil {
		return 0, fmt.Errorf("forge a notification: there is no subscriber %s", subscriberID)
	}
	return c.notify(ctx, s, body, &f)
}

// notify signs and sends one notification.
func (c *Cloud) notify(ctx context.Context, s *subscriber, body []byte, f *NotificationFault) (status int, err error) {
	c.mu.Lock()
	signer := c.keys.all[0]
	c.mu.Unlock()
	if f.ForeignKey {
		foreign, err := newKeys()
		if err != nil {
			return 0, err
		}
		signer = &key{signer.id, foreign.all[0].private}
	}
	signature, err := signer.sign(body)
	if err != nil {
		return 0, err
	}
	secret := s.secret
	if f.Secret != nil {
		secret = *f.Secret
	}
	if f.Signature != nil {
		signature = *f.Signature
	}
	if f.Body != nil {
		body = f.Body(slices.Clone(body))
	}
	name := "GOOGLE-HEALTH-API-SIGNATURE"
	if c.options.OldSignatureHeader {
		name = "X-HEALTHAPI-SIGNATURE"
	}
	header := http.Header{}
	header.Set("Authorization", secret)
	header.Set(name, signature)
	return c.post(ctx, s.endpoint, body, header)
}
