// Package config reads the environment. Every fault is collected and reported
// at once, so that an operator can correct them all.
package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/poller"
)

// Stores says where a command's NATS and Postgres come from.
type Stores int

// The ways a command gets its stores.
const (
	// StoresRequired: DATABASE_URL and NATS_URL must be set.
	StoresRequired Stores = iota
	// StoresEmbedded: the URLs, or started by the command itself where none is set.
	StoresEmbedded
	// StoresOwn: started by the command itself, whatever URLs are set.
	StoresOwn
	// StoresFound: the URLs, or those of the embedded stores that run in the data directory.
	StoresFound
	// StoresNATS: NATS_URL, or that of the embedded stores; the command reads no database.
	StoresNATS
	// StoresNone: the command needs none.
	StoresNone
)

// Poll holds the poller's times.
type Poll struct {
	InitialDays   int
	Rescan        []poller.Scan
	Deep          poller.Scan // zero: no deep scan
	Lease, Jitter time.Duration
	// RemovalConfirm is how far apart two passes must miss a record before it
	// counts as removed.
	RemovalConfirm time.Duration
	// AbsenceConfirm is how long the absence of too many records at once must last
	// before it is believed.
	AbsenceConfirm time.Duration
}

// Config is the whole configuration of a process.
type Config struct {
	DatabaseURL, NATSURL string
	// NATSMonitorURL is the monitoring port of a NATS server of one's own, which tells what
	// its clients are not told; "off" leaves it; empty: not known.
	NATSMonitorURL string
	HTTPAddr       string
	// OperationsAddr is where a single service without an API answers /readyz and
	// /metrics; empty is nowhere.
	OperationsAddr string
	DataDir        string
	// DataDirChosen is false when DataDir is the default.
	DataDirChosen     bool
	PGBin             string
	NPMRegistry       string // where the demo downloads PostgreSQL from; empty: npm's own
	AdminKey          string
	SealingKey        string
	RedirectAllowlist []string
	// Tracing says that OpenTelemetry's own variables ask for traces.
	Tracing bool
	// Providers are the settings of every provider by name.
	Providers map[string]provider.Values
	Poll      Poll
	// Replicas is on how many NATS servers each stream is kept: 1, 3 or 5.
	Replicas int
	// ImportMaxBytes is the most bytes that an uploaded archive may have.
	ImportMaxBytes int64
	// ImportMaxRecords is how many activities an uploaded archive may hold.
	ImportMaxRecords int
	// ImportPlaces is how many uploaded archives are brought in at the same time.
	ImportPlaces int
	// RequestsPerMinute is what an API key may send that has no limit of its own; 0: no limit.
	RequestsPerMinute int
	// ErasuresFile is where the gateway keeps the list of erasures; empty: nowhere.
	ErasuresFile string
	// RetireConfirm is how far a second HTTP 410 must be from the first until a
	// provider counts as switched off.
	RetireConfirm time.Duration
	// DegradeAfter is how long a provider must not have answered well until its
	// connections are degraded; zero is the services' default. No variable sets it.
	DegradeAfter time.Duration
	LogLevel     string
	LogFormat    string
}

const (
	defaultRescan = "2d@15m,7d@6h,30d@7d"
	defaultDeep   = "400d@30d"
	noDeep        = "off"
	noMonitor     = "off"
	// defaultMaxRecords is 25 times the longest history known, of 4,000 exercises, and
	// what one place brings in within some minutes: a made-up archive must not hold it
	// for hours.
	defaultMaxRecords = 100_000

	// DemoDir is the folder below the default data directory that the demo uses, so
	// that simulated people never mix with real ones.
	DemoDir = "demo"
)

// Needs says what a command cannot do without.
type Needs struct {
	Stores Stores
	// SealingKey is needed by whoever keeps tokens; embedded stores make one.
	SealingKey bool
}

// Load reads the environment through lookup (os.LookupEnv). The error lists
// every fault, one a line.
func Load(lookup func(string) (string, bool), needs Needs) (Config, error) {
	r := env.New(lookup)
	c := Config{
		HTTPAddr:          r.String("HTTP_ADDR", ":8000"),
		OperationsAddr:    r.String("OPERATIONS_ADDR", ""),
		PGBin:             r.String("STRIDELOG_PG_BIN", ""),
		NPMRegistry:       r.URL("npm_config_registry", r.URL("NPM_CONFIG_REGISTRY", "")),
		AdminKey:          r.Secret("STRIDELOG_ADMIN_KEY"),
		SealingKey:        r.Secret("STRIDELOG_SEALING_KEY"),
		RedirectAllowlist: r.List("STRIDELOG_REDIRECT_ALLOWLIST", nil),
		LogLevel:          r.String("LOG_LEVEL", "info"),
		LogFormat:         r.String("LOG_FORMAT", "text"),
	}
	c.readStores(r, needs)
	if c.NATSMonitorURL = r.String("NATS_MONITOR_URL", ""); c.NATSMonitorURL != "" && c.NATSMonitorURL != noMonitor {
		c.NATSMonitorURL = r.URL("NATS_MONITOR_URL", "")
	}
	c.readProviders(r)
	c.readPoll(r)
	c.Tracing = telemetry.TracingWanted(r)
	c.ErasuresFile = r.String("STRIDELOG_ERASURES_FILE", "")
	if c.ImportMaxBytes = r.Bytes("IMPORT_MAX_BYTES", gateway.DefaultMaxUpload); c.ImportMaxBytes < 1 {
		r.Fault("IMPORT_MAX_BYTES", "must be at least 1")
	}
	if c.ImportMaxRecords = r.Int("IMPORT_MAX_RECORDS", defaultMaxRecords); c.ImportMaxRecords < 1 {
		r.Fault("IMPORT_MAX_RECORDS", "must be at least 1")
	}
	if c.ImportPlaces = r.Int("IMPORT_PLACES", 4); c.ImportPlaces < 1 || c.ImportPlaces > 64 {
		r.Fault("IMPORT_PLACES", "must be 1 to 64")
	}
	if c.RequestsPerMinute = r.Int("API_REQUESTS_PER_MINUTE", 0); c.RequestsPerMinute < 0 {
		r.Fault("API_REQUESTS_PER_MINUTE", "must be 0, for no limit, or more")
	}
	c.RetireConfirm = r.Duration("RETIRE_CONFIRM", time.Hour)
	if c.RetireConfirm <= 0 {
		r.Fault("RETIRE_CONFIRM", "must be more than 0, as in 1h")
	}
	if c.Replicas = r.Int("STRIDELOG_REPLICAS", 1); c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5 {
		r.Fault("STRIDELOG_REPLICAS", "must be 1, 3 or 5: how many servers of a NATS cluster keep each stream")
	}
	c.checkAddresses(r)
	starts := needs.Stores == StoresEmbedded || needs.Stores == StoresOwn
	if starts && len(c.RedirectAllowlist) == 0 {
		c.RedirectAllowlist = []string{"http://localhost:*", "http://127.0.0.1:*"}
	}
	if needs.SealingKey && !starts && c.SealingKey == "" {
		r.Fault("STRIDELOG_SEALING_KEY", "is required: tokens are sealed with it; make one with `stridelog keys new-sealing-key`")
	}
	if c.SealingKey != "" && (needs.SealingKey || starts) {
		if err := oauth.CheckSealingKey(c.SealingKey); err != nil {
			r.Fault("STRIDELOG_SEALING_KEY", err.Error())
		}
	}
	if c.AdminKey != "" && len(c.AdminKey) < 16 {
		r.Fault("STRIDELOG_ADMIN_KEY", "is shorter than 16 characters")
	}
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		r.Fault("LOG_LEVEL", "must be debug, info, warn or error")
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		r.Fault("LOG_FORMAT", "must be text or json")
	}
	return c, r.Err()
}

// checkAddresses reports what would only fail once something listens, connects or
// redirects. Store URLs can hold passwords and are not shown.
func (c *Config) checkAddresses(r *env.Reader) {
	for name, addr := range map[string]string{"HTTP_ADDR": c.HTTPAddr, "OPERATIONS_ADDR": c.OperationsAddr} {
		_, port, err := net.SplitHostPort(addr)
		if _, perr := strconv.ParseUint(port, 10, 16); addr != "" && (err != nil || perr != nil) {
			r.Fault(name, fmt.Sprintf("%q is not host:port or :port, as in 127.0.0.1:8000", addr))
		}
	}
	for _, entry := range c.RedirectAllowlist {
		if err := oauth.CheckRedirectOrigin(entry); err != nil {
			r.Fault("STRIDELOG_REDIRECT_ALLOWLIST", err.Error())
		}
	}
	if c.DatabaseURL != "" {
		if _, err := pgxpool.ParseConfig(c.DatabaseURL); err != nil {
			r.Fault("DATABASE_URL", "is not postgres://user:password@host:5432/database; percent-encode characters such as @ : / # % in the password")
		}
	}
	if c.NATSURL == "" {
		return
	}
	for one := range strings.SplitSeq(c.NATSURL, ",") {
		if one = strings.TrimSpace(one); !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		if u, err := url.Parse(one); err != nil || u.Host == "" {
			r.Fault("NATS_URL", "is not nats://host:port, or several with commas between")
			return
		}
	}
}

func (c *Config) readStores(r *env.Reader, needs Needs) {
	switch needs.Stores {
	case StoresRequired:
		c.DatabaseURL, c.NATSURL = required(r, "DATABASE_URL"), required(r, "NATS_URL")
	case StoresEmbedded:
		c.DatabaseURL, c.NATSURL = r.Secret("DATABASE_URL"), r.Secret("NATS_URL")
		c.checkPair(r)
	case StoresFound, StoresNATS: // whoever finds them checks them
		c.DatabaseURL, c.NATSURL = r.Secret("DATABASE_URL"), r.Secret("NATS_URL")
	case StoresOwn, StoresNone:
	}
	c.DataDir = r.String("STRIDELOG_DATA_DIR", "")
	c.DataDirChosen = c.DataDir != ""
	if c.DataDir == "" {
		dir, err := defaultDataDir()
		if err != nil {
			r.Fault("STRIDELOG_DATA_DIR", "is unset and there is no default: "+err.Error())
			return
		}
		c.DataDir = dir
	}
	abs, err := filepath.Abs(c.DataDir)
	if err != nil {
		r.Fault("STRIDELOG_DATA_DIR", err.Error())
		return
	}
	c.DataDir = abs
}

// PairFault is the error of one store in the environment without the other; nil where
// both are set, or neither.
func (c *Config) PairFault() error {
	r := env.New(nil)
	c.checkPair(r)
	return r.Err()
}

// checkPair refuses one store of the environment beside one of a data directory: they
// would be those of two systems.
func (c *Config) checkPair(r *env.Reader) {
	const advice = "is set and %s is not: the other store would be that of a data directory, perhaps of another system; set both, or neither"
	switch {
	case c.DatabaseURL != "" && c.NATSURL == "":
		r.Fault("DATABASE_URL", fmt.Sprintf(advice, "NATS_URL"))
	case c.DatabaseURL == "" && c.NATSURL != "":
		r.Fault("NATS_URL", fmt.Sprintf(advice, "DATABASE_URL"))
	}
}

// required reads an address that can hold a password, and so can be a file, too.
func required(r *env.Reader, name string) string {
	text := r.Secret(name)
	if text == "" {
		r.Fault(name, "is required and not set")
	}
	return text
}

func (c *Config) readPoll(r *env.Reader) {
	c.Poll = Poll{
		InitialDays: r.Int("POLL_INITIAL_DAYS", 30),
		Lease:       r.Duration("POLL_LEASE", 30*time.Second),
		Jitter:      r.Duration("POLL_JITTER", 30*time.Second),

		RemovalConfirm: r.Duration("REMOVAL_CONFIRM", time.Hour),
		AbsenceConfirm: r.Duration("ABSENCE_CONFIRM", 24*time.Hour),
	}
	if c.Poll.RemovalConfirm <= 0 {
		r.Fault("REMOVAL_CONFIRM", "must be more than 0, as in 1h")
	}
	if c.Poll.AbsenceConfirm <= 0 {
		r.Fault("ABSENCE_CONFIRM", "must be more than 0, as in 24h")
	}
	if c.Poll.InitialDays < 1 || c.Poll.InitialDays > 3650 {
		r.Fault("POLL_INITIAL_DAYS", "must be 1 to 3650")
	}
	if c.Poll.Lease <= 0 {
		r.Fault("POLL_LEASE", "must be more than 0, as in 1m")
	}
	scans, err := parseRescan(r.String("POLL_RESCAN", defaultRescan))
	if err != nil {
		r.Fault("POLL_RESCAN", err.Error())
	}
	c.Poll.Rescan = scans
	if text := r.String("POLL_DEEP_RESCAN", defaultDeep); text != noDeep {
		if c.Poll.Deep, err = parseScan(text); err != nil {
			r.Fault("POLL_DEEP_RESCAN", err.Error()+", or off")
		}
	}
}

// parseRescan reads "2d@15m,7d@6h": re-read the last two days every 15 minutes
// and the last seven every six hours.
func parseRescan(text string) ([]poller.Scan, error) {
	var scans []poller.Scan
	for _, part := range strings.Split(text, ",") {
		scan, err := parseScan(part)
		if err != nil {
			return nil, err
		}
		scans = append(scans, scan)
	}
	return scans, nil
}

// parseScan reads "2d@15m".
func parseScan(text string) (poller.Scan, error) {
	span, every, ok := strings.Cut(strings.TrimSpace(text), "@")
	if !ok {
		return poller.Scan{}, fmt.Errorf("%q is not SPAN@EVERY, as in 2d@15m", text)
	}
	s, err := env.ParseDuration(span)
	if err != nil {
		return poller.Scan{}, fmt.Errorf("span of %q: %w", text, err)
	}
	e, err := env.ParseDuration(every)
	if err != nil {
		return poller.Scan{}, fmt.Errorf("interval of %q: %w", text, err)
	}
	if s <= 0 || e <= 0 {
		return poller.Scan{}, fmt.Errorf("%q: span and interval must be more than 0", text)
	}
	return poller.Scan{Span: s, Every: e}, nil
}

// defaultDataDir is the user's data directory + /stridelog. For root it is
// under /var/lib, because embedded Postgres gives root up and could not reach
// into root's home.
func defaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/stridelog", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "stridelog"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "share", "stridelog"), nil
}
