package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
)

const (
	// wantedPayload is what a NATS server should take: a provider's record travels whole.
	wantedPayload = 8 << 20
	// minNATS is the first NATS with atomic batches.
	minNATS = "2.12"
	// sameClock is a difference of clocks that does no harm: budgets, leases and
	// schedules count in seconds.
	sameClock = time.Second
	lowDisk   = 1 << 30
	// MonitorOff is NATS_MONITOR_URL of somebody who has looked for themselves.
	MonitorOff = "off"
)

// Durability says whether a NATS server of one's own keeps what it acknowledges and
// takes records whole. monitorURL is NATS_MONITOR_URL; with "off" nothing is said of
// what the server does not tell its clients.
func Durability(ctx context.Context, nc *nats.Conn, monitorURL string) (lines []Line) {
	if most := nc.MaxPayload(); most < wantedPayload {
		lines = append(lines, Line{StateWarn, fmt.Sprintf("NATS takes messages of %s at most: larger records are left out of the log.", size(most)), "Set max_payload: 8MB in its configuration."})
	} else {
		lines = append(lines, Line{StateOK, "NATS takes messages of " + size(most) + ".", ""})
	}
	return append(lines, syncs(ctx, monitorURL)...)
}

// syncs says whether an acknowledged message is on the disk.
func syncs(ctx context.Context, monitorURL string) []Line {
	const advice = "Set sync_interval: always in the jetstream block of its configuration."
	switch monitorURL {
	case MonitorOff:
		return nil
	case "":
		return []Line{{StateWarn, "NATS does not tell its clients whether it syncs what it acknowledges; if it does not, a power cut loses records that count as stored.",
			advice + " Then set NATS_MONITOR_URL to its monitoring port (http://host:8222), which tells, or to off."}}
	}
	m, err := askMonitor(ctx, monitorURL)
	switch {
	case err != nil:
		return []Line{{StateWarn, fmt.Sprintf("Whether NATS syncs what it acknowledges is not known: %v.", err), "Correct NATS_MONITOR_URL, or set it to off."}}
	case !m.JetStream.Config.SyncAlways:
		return []Line{{StateWarn, fmt.Sprintf("NATS syncs to disk every %v only: a power cut loses records that count as stored.", m.JetStream.Config.SyncInterval), advice}}
	}
	return []Line{{StateOK, "NATS syncs every message before it acknowledges it.", ""}}
}

// checkNATS looks at a NATS server's settings and state.
func (s Stores) checkNATS(ctx context.Context) (lines []Line) {
	say := func(state State, says, do string) { lines = append(lines, Line{state, says, do}) }
	version := s.Bus.Conn().ConnectedServerVersion()
	if older(version, minNATS) {
		say(StateFail, "NATS is version "+version+".", "Install "+minNATS+" or newer: pages are published as atomic batches.")
	} else {
		say(StateOK, "NATS is version "+version+".", "")
	}
	if s.DataDir != "" {
		say(StateOK, "It is embedded: every message is synced before it is acknowledged, and messages may have "+size(s.Bus.Conn().MaxPayload())+".", "")
		lines = append(lines, disk("The folder of NATS", s.DataDir))
	} else {
		lines = append(lines, Durability(ctx, s.Bus.Conn(), s.MonitorURL)...)
		lines = append(lines, s.room(ctx))
	}
	return append(lines, s.streams(ctx)...)
}

// room says how much more a server of one's own may store.
func (s Stores) room(ctx context.Context) Line {
	if s.MonitorURL != "" && s.MonitorURL != MonitorOff {
		if m, err := askMonitor(ctx, s.MonitorURL); err == nil {
			left := m.JetStream.Config.MaxStorage - m.JetStream.Stats.Storage
			state, do := StateOK, ""
			if left < lowDisk {
				state, do = StateWarn, "Free disk space, or raise max_file_store."
			}
			return Line{state, fmt.Sprintf("JetStream holds %s and may store %s more; by default that is three quarters of the disk that was free at its start.", size(m.JetStream.Stats.Storage), size(left)), do}
		}
	}
	info, err := s.Bus.JetStream().AccountInfo(ctx)
	switch {
	case err != nil:
		return Line{StateNote, "NATS does not tell this user how much it holds or may store.", "Set NATS_MONITOR_URL, or look at the server's disk."}
	case info.Limits.MaxStore <= 0:
		return Line{StateNote, fmt.Sprintf("JetStream holds %s; how much disk is left it does not tell its clients.", size(int64(info.Store))), "Set NATS_MONITOR_URL, or look at the server's disk."} //nolint:gosec // bytes of a disk
	}
	return Line{StateOK, fmt.Sprintf("JetStream holds %s of the %s that this account may store; how much disk is left it does not tell its clients.", size(int64(info.Store)), size(info.Limits.MaxStore)), ""} //nolint:gosec // bytes of a disk
}

// streams says how many copies there are of each stream, and what the server's clock
// says.
func (s Stores) streams(ctx context.Context) (lines []Line) {
	var copies []string
	for _, declared := range events.Streams() {
		asked := time.Now()
		stream, err := s.Bus.JetStream().Stream(ctx, declared.Name)
		if err != nil {
			state, do := StateFail, "Look whether NATS answers, and whether its user may ask for the stream."
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				state, do = StateWarn, "A service that starts makes it, or `stridelog streams`."
			}
			lines = append(lines, Line{state, fmt.Sprintf("Stream %s cannot be looked at: %v.", declared.Name, err), do})
			continue
		}
		info := stream.CachedInfo()
		copies = append(copies, fmt.Sprintf("%s %d", declared.Name, max(info.Config.Replicas, 1)))
		if info.Cluster != nil {
			for _, peer := range info.Cluster.Replicas {
				if peer.Offline || !peer.Current {
					lines = append(lines, Line{StateWarn, fmt.Sprintf("The copy of %s on %s is away or behind.", declared.Name, peer.Name), "Start that server, and wait until it has caught up."})
				}
			}
		}
		if declared.Name == events.StreamFacts {
			lines = append(lines, clock("NATS", info.TimeStamp, asked, time.Now()))
		}
	}
	if len(copies) > 0 {
		lines = append(lines, Line{StateNote, "Copies of each stream: " + strings.Join(copies, ", ") + ".", ""})
	}
	return lines
}

// older compares the first two numbers of versions.
func older(version, least string) bool {
	number := func(text string) (n int) {
		parts := strings.SplitN(text, ".", 3)
		for i := range 2 {
			part := 0
			if i < len(parts) {
				part, _ = strconv.Atoi(parts[i])
			}
			n = n*10_000 + part
		}
		return n
	}
	return number(version) < number(least)
}
