// Package deployment makes what docker-compose.yml needs and no repository holds:
// the passwords of every service at NATS and Postgres, and the keys.
package deployment

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// Hosts are host:port of the stores, as the services reach them.
type Hosts struct{ Postgres, NATS string }

// ComposeHosts are those of docker-compose.yml.
func ComposeHosts() Hosts { return Hosts{Postgres: "postgres:5432", NATS: "nats:4222"} }

const (
	database = "stridelog"
	// Operator runs the commands, Analyst only reads: facts and workouts at NATS, and the
	// views for analysts at Postgres, as the role AnalystRole.
	Operator = "operator"
	Analyst  = "analyst"
	// AnalystRole is the analyst's role at Postgres: deploy/postgres/init/2-analyst.sql.
	AnalystRole = "stridelog_analyst"
)

// NATSPasswords is the file that deploy/nats/nats.conf includes.
const NATSPasswords = "nats_passwords.conf"

// NATSRoute is the file that deploy/nats/cluster.conf includes: what the servers of a
// cluster say to each other, so it is not hashed.
const NATSRoute = "nats_route.conf"

// MakeSecrets writes a file for every secret into dir, which must be empty or not
// exist: nothing is ever overwritten. The folder is closed to other users. The
// files in it are not, because a container sees a file alone and reads it as a user
// of its own.
func MakeSecrets(dir string, hosts Hosts) error {
	files, err := secrets(hosts)
	if err != nil {
		return fmt.Errorf("make secrets: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make secrets: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("make secrets: %w", err)
	}
	if len(there) > 0 {
		return fmt.Errorf("make secrets: %s is not empty; secrets are never overwritten: name another folder", dir)
	}
	for name, text := range files {
		if err := write(filepath.Join(dir, name), text); err != nil {
			return fmt.Errorf("make secrets: %w", err)
		}
	}
	return nil
}

func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	return errors.Join(err, f.Sync(), f.Chmod(0o644), f.Close())
}

// secrets are the files' texts by their names.
func secrets(hosts Hosts) (map[string]string, error) {
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"sealing_key": sealing, "admin_key": "sl_" + rand.Text(), "postgres_superuser": rand.Text(),
	}
	// Those of a client are of a simulated cloud, until those of a real app are put there.
	for _, r := range catalog.All() {
		for _, s := range r.Settings {
			if s.File != "" {
				files[s.File] = s.Begins + rand.Text()
			}
		}
	}
	var hashed strings.Builder
	for _, user := range append(system.Services(), Operator, Analyst) {
		password := rand.Text()
		// The password is 130 random bits, so the cheapest hash is as good as any.
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&hashed, "%s_PASSWORD: %q\n", strings.ToUpper(user), hash)
		files["nats_url_"+user] = (&url.URL{Scheme: "nats", User: url.UserPassword(user, password), Host: hosts.NATS}).String()
		role := user
		if user == Analyst {
			role = AnalystRole
		}
		password = rand.Text()
		files["postgres_"+user] = password
		files["database_url_"+user] = (&url.URL{
			Scheme: "postgres", User: url.UserPassword(role, password), Host: hosts.Postgres, Path: database, RawQuery: "sslmode=disable",
		}).String()
	}
	files[NATSRoute] = routes(rand.Text())
	files[NATSPasswords] = strings.TrimSuffix(hashed.String(), "\n")
	return files, nil
}

// routes are how the three servers of a cluster find each other.
func routes(password string) string {
	var list []string
	for _, host := range []string{"nats-1", "nats-2", "nats-3"} {
		u := url.URL{Scheme: "nats-route", User: url.UserPassword("route", password), Host: host + ":6222"}
		list = append(list, fmt.Sprintf("%q", u.String()))
	}
	return fmt.Sprintf("ROUTE_PASSWORD: %q\nROUTES: [%s]", password, strings.Join(list, ", "))
}
