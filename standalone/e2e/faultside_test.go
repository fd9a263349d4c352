package e2e

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fault"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// faultSide is a provider as a fault matrix needs it: its simulated cloud, and what
// tells its requests and its records from those of other providers.
type faultSide interface {
	SetFault(hook func(*fault.Call) *fault.Fault)
	Truth(account string) []simulator.Truth
	Upload(account string, t simulator.Truth) (externalID string, err error)
	Edit(account, externalID string, change func(*simulator.Truth)) error
	Delete(account, externalID string) error
	SetQuota(account string, requests int, window time.Duration) error
	Overruns(account string) int

	provider() string
	account(p *simulator.Person) string
	consent(ctx context.Context, c *client.Client, userID, account string) error
	endpoint(call *fault.Call) faultEndpoint
	firstPage(list *fault.Call) bool
	// asked says whether a list request is one of a cell's manual sync.
	asked(list *fault.Call) bool
	expired() *fault.Fault
	// differ compares a row of the user's with what the account has now.
	differ(userID, account string) func(row json.RawMessage, truth simulator.Truth) []string
	// editField edits one of so many fields of a record.
	editField(account, externalID string, field int) error
	fields() int
}

// faultEndpoint is what faults strike; other endpoints are none.
type faultEndpoint int

const (
	endpointList faultEndpoint = iota + 1
	endpointGet
	endpointToken
)

// fitbitSide is Fitbit.
type fitbitSide struct{ *fitbit.Cloud }

func (fitbitSide) provider() string                   { return "fitbit" }
func (fitbitSide) account(p *simulator.Person) string { return p.AccountID() }
func (fitbitSide) expired() *fault.Fault              { return fitbit.Expired() }

func (fitbitSide) consent(ctx context.Context, c *client.Client, userID, account string) error {
	return consent(ctx, c, userID, account)
}

func (fitbitSide) endpoint(call *fault.Call) faultEndpoint {
	switch call.Endpoint {
	case fitbit.EndpointActivities:
		return endpointList
	case fitbit.EndpointToken:
		return endpointToken
	default:
		return 0
	}
}

// firstPage goes by the date, too: a reading goes on by date where it can. Scans
// begin after today, and a manual sync, which ends two days ago, begins with today.
func (fitbitSide) firstPage(list *fault.Call) bool {
	before, ok := beforeDate(list)
	return ok && list.URL.Query().Get("offset") == "0" && !before.Before(time.Now().UTC().Truncate(day))
}

func (fitbitSide) asked(list *fault.Call) bool {
	before, ok := beforeDate(list)
	return ok && before.Before(time.Now().UTC().Truncate(day).AddDate(0, 0, 1))
}

func beforeDate(list *fault.Call) (before time.Time, ok bool) {
	before, err := time.Parse(time.DateOnly, list.URL.Query().Get("beforeDate"))
	return before, err == nil
}

func (fitbitSide) differ(userID, _ string) func(json.RawMessage, simulator.Truth) []string {
	return func(row json.RawMessage, truth simulator.Truth) []string { return differences(row, userID, truth) }
}

func (s fitbitSide) editField(account, externalID string, field int) error {
	return s.Edit(account, externalID, fitbitEdits()[field])
}

func (fitbitSide) fields() int { return len(fitbitEdits()) }

// fitbitEdits change one field each, so that every field is edited by somebody.
func fitbitEdits() []func(*simulator.Truth) {
	return append(measureEdits(),
		func(t *simulator.Truth) {
			t.Zones = []simulator.Zone{
				{Word: "out_of_zone", Label: "Out of Range", MinBPM: 30, MaxBPM: 100, Minutes: 1}, {Word: "fat_burn", Label: "Fat Burn", MinBPM: 100, MaxBPM: 140, Minutes: 2},
				{Word: "cardio", Label: "Cardio", MinBPM: 140, MaxBPM: 170, Minutes: 3}, {Word: "peak", Label: "Peak", MinBPM: 170, MaxBPM: 220, Minutes: 4},
			}
		},
		func(t *simulator.Truth) { t.Recording = simulator.RecordedManually },
		func(t *simulator.Truth) {
			t.Device = &simulator.Device{ID: "1234567", Name: "Another One", Type: simulator.DeviceTracker}
		},
	)
}
