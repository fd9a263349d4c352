package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fault"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	faultDays   = 14 // of history, all of it inside the initial sync
	faultSeed   = 41
	scanEvery   = 3 * time.Second
	cellsAtOnce = 16
	lookEvery   = 700 * time.Millisecond
	// cellPatience only ends what hangs: two busy cores under -race are slow.
	cellPatience = 15 * time.Minute
	// answerPatience is how long the system waits for an answer of the cloud. Busy
	// cores must not exceed it: a refresh whose answer is given up costs a consent.
	answerPatience = 12 * time.Second
)

// The operations that a fault strikes in: the columns of the matrix.
const (
	opInitial   = "initial sync"
	opScheduled = "scheduled scan"
	opManual    = "manual sync"
	opRefresh   = "refresh"
)

func operations() []string { return []string{opInitial, opScheduled, opManual, opRefresh} }

// TestFaultMatrix strikes every operation with every fault, each in the life of a
// user of its own, all in one system. At the end the tables equal the truth, the
// log has one fact a version, no budget was overrun, and whoever is healthy is active.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	rows := faultRows()
	newFaultWorld(t, len(rows)*len(operations()), nil).runCells(t, rows, func(int, int) bool { return true })
}

// runCells runs a cell for every row and operation that are chosen by their
// numbers, as subtests, and prints the table of how they ended.
func (w *faultWorld) runCells(t *testing.T, rows []faultRow, chosen func(row, op int) bool) {
	results := make([][]string, len(rows))
	var cells sync.WaitGroup
	slots := make(chan struct{}, cellsAtOnce)
	for i, row := range rows {
		results[i] = make([]string, len(operations()))
		for j, op := range operations() {
			if !chosen(i, j) {
				results[i][j] = "not struck"
				continue
			}
			c := newCell(w, row, op, w.people[i*len(operations())+j])
			cells.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				t.Run(row.name+"/"+op, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), cellPatience)
					defer cancel()
					outcome, err := c.run(ctx)
					if err != nil {
						t.Error(err)
						outcome = "FAILED"
					}
					results[i][j] = outcome
				})
			})
		}
	}
	cells.Wait()
	var table strings.Builder
	fmt.Fprintf(&table, "\n| fault | %s |\n|---%s|\n", strings.Join(operations(), " | "), strings.Repeat("|---", len(operations())))
	for i, row := range rows {
		fmt.Fprintf(&table, "| %s | %s |\n", row.name, strings.Join(results[i], " | "))
	}
	t.Log(table.String())
}

// faultWorld is one system and one cloud that the cells share.
type faultWorld struct {
	*world
	side faultSide
	in   *installation.Installation
	log  *factLog

	mu      sync.Mutex
	scripts map[string]func(*fault.Call) *fault.Fault // by account
	scans   map[string]int                            // first pages by account
}

// newFaultWorld runs a system that scans every few seconds. change may alter its
// configuration; nil leaves it.
func newFaultWorld(t *testing.T, size int, change func(*config.Config)) *faultWorld {
	t.Helper()
	w := &faultWorld{world: newStores(t)}
	w.populate(t, size, fitbit.Options{MaxPage: 5})
	w.side = fitbitSide{w.cloud}
	w.run(t, nil, change)
	return w
}

// run starts the system once there is a cloud.
func (w *faultWorld) run(t *testing.T, others map[string]provider.Values, change func(*config.Config)) {
	t.Helper()
	w.scripts, w.scans = map[string]func(*fault.Call) *fault.Fault{}, map[string]int{}
	w.side.SetFault(w.fault)
	w.in = w.startWith(t, installation.Options{
		Log:            slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), // faults warn all the time
		Providers:      others,
		ProviderClient: &http.Client{Timeout: answerPatience},
		Rescan:         []poller.Scan{{Span: 5 * day, Every: scanEvery}, {Span: faultDays * day, Every: 3 * scanEvery}},
		Change: func(c *config.Config) {
			c.Poll.InitialDays, c.Poll.Jitter = faultDays+1, 100*time.Millisecond
			c.Poll.RemovalConfirm = time.Second
			if change != nil {
				change(c)
			}
		},
	})
	w.log = followFacts(t, w.world)
}

const day = 24 * time.Hour

// populate makes a Fitbit cloud with so many people.
func (w *world) populate(t *testing.T, size int, o fitbit.Options) {
	t.Helper()
	w.addPeople(t, size, func(*simulator.Person) bool { return true })
	w.openCloud(t, o)
}

// addPeople finds so many people who have a history worth reading.
func (w *world) addPeople(t *testing.T, size int, suits func(*simulator.Person) bool) {
	t.Helper()
	seen := map[string]bool{}
	for i := 0; len(w.people) < size; i++ {
		person, err := simulator.NewPerson(faultSeed, fmt.Sprintf("person %d", i), "Europe/Berlin", simulator.Options{Now: time.Now(), Days: faultDays - 1})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(person.History(time.Now())); !seen[person.AccountID()] && n >= 9 && suits(person) {
			seen[person.AccountID()] = true
			w.people = append(w.people, person)
		}
	}
}

// fault is the cloud's fault hook.
func (w *faultWorld) fault(call *fault.Call) *fault.Fault {
	w.mu.Lock()
	script := w.scripts[call.AccountID]
	if w.side.endpoint(call) == endpointList && w.side.firstPage(call) {
		w.scans[call.AccountID]++
	}
	w.mu.Unlock()
	if script == nil {
		return nil
	}
	return script(call)
}

func (w *faultWorld) arm(account string, script func(*fault.Call) *fault.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scripts[account] = script
}

func (w *faultWorld) scansOf(account string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scans[account]
}
