package doctor

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
)

// Stores are the NATS and the PostgreSQL of one system.
type Stores struct {
	DB  *pgxpool.Pool
	Bus *bus.Bus
	// DataDir is where they are embedded; empty: they are somebody's own servers.
	DataDir string
	// MonitorURL is NATS's monitoring port; empty: not known.
	MonitorURL string
	// Pair says whether the two belong together.
	Pair error
}

// Check looks at both stores, changes nothing, and says what it cannot tell. It gives
// the lines about NATS and those about PostgreSQL.
func (s Stores) Check(ctx context.Context) (nats, postgres []Line) {
	nats = s.checkNATS(ctx)
	postgres = s.checkPostgres(ctx)
	if s.Pair != nil {
		postgres = append(postgres, Line{StateFail, "This database and this NATS do not belong together: " + s.Pair.Error() + ".", ""})
	} else {
		postgres = append(postgres, Line{StateOK, "This database and this NATS belong together.", ""})
	}
	return nats, postgres
}

// minPostgres is the oldest PostgreSQL, as server_version_num.
const minPostgres = 150000

func (s Stores) checkPostgres(ctx context.Context) (lines []Line) {
	say := func(state State, says, do string) { lines = append(lines, Line{state, says, do}) }
	var version, fsync, commit string
	var number, standbys int
	var bytes int64
	var standby bool
	var now time.Time
	asked := time.Now()
	err := s.DB.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int, current_setting('fsync'),
		current_setting('synchronous_commit'), pg_database_size(current_database()), pg_is_in_recovery(), clock_timestamp(),
		(SELECT count(*) FROM pg_stat_replication)`).Scan(&version, &number, &fsync, &commit, &bytes, &standby, &now, &standbys)
	answered := time.Now()
	if err != nil {
		return []Line{{StateFail, fmt.Sprintf("PostgreSQL does not tell how it stands: %v.", err), "Look whether it runs, and at DATABASE_URL."}}
	}
	if number < minPostgres {
		say(StateFail, "PostgreSQL is version "+version+".", "Install 15 or newer.")
	} else {
		say(StateOK, "PostgreSQL is version "+version+".", "")
	}
	if standby {
		say(StateFail, "It is a standby and takes no writes.", "Set DATABASE_URL to the primary.")
	}
	switch {
	case fsync != "on":
		say(StateFail, "fsync is off: after a power cut the database is broken.", "Set fsync = on.")
	case commit == "off":
		say(StateWarn, "synchronous_commit is off: a power cut loses what was committed just before, tokens too.", "Set synchronous_commit = on.")
	default:
		say(StateOK, "It syncs what it commits (fsync on, synchronous_commit "+commit+").", "")
	}
	if s.DataDir != "" {
		lines = append(lines, disk("The folder of PostgreSQL", s.DataDir))
	} else {
		say(StateNote, "The database has "+size(bytes)+"; how much disk is left PostgreSQL does not tell.", "Look at the server's disk.")
	}
	say(StateNote, fmt.Sprintf("Standbys that follow it: %d.", standbys), "")
	return append(lines, clock("PostgreSQL", now, asked, answered))
}

// clock compares a server's clock with this one's. The server's was read between two
// instants of this one.
func clock(name string, server, asked, answered time.Time) Line {
	if server.IsZero() {
		return Line{StateNote, name + " does not tell its time.", ""}
	}
	var off time.Duration
	switch {
	case server.Before(asked):
		off = server.Sub(asked)
	case server.After(answered):
		off = server.Sub(answered)
	}
	if off.Abs() > sameClock {
		return Line{StateWarn, fmt.Sprintf("The clock of %s differs from this machine's by %v.", name, off.Round(time.Millisecond)), "Have both follow the same time server (NTP)."}
	}
	return Line{StateOK, "The clock of " + name + " is this machine's, within a second.", ""}
}

// disk says how much is left where a folder lies.
func disk(what, folder string) Line {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return Line{StateNote, fmt.Sprintf("%s: how much disk is left is not known: %v.", what, err), ""}
	}
	left := int64(fs.Bavail) * int64(fs.Bsize) //nolint:gosec,unconvert // the types differ between systems
	line := Line{StateOK, fmt.Sprintf("%s has %s of disk left.", what, size(left)), ""}
	if left < lowDisk {
		line.State, line.Do = StateWarn, "Free disk space: a full disk stops all writing."
	}
	return line
}

// size is a number of bytes for people.
func size(bytes int64) string {
	unit := []string{"B", "kB", "MB", "GB", "TB"}
	n, i := float64(bytes), 0
	for n >= 1000 && i < len(unit)-1 {
		n, i = n/1000, i+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + " " + unit[i]
}
