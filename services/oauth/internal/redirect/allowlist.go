// Package redirect decides where a person may be sent back to after a consent.
package redirect

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Allowlist is a set of origins. The zero value allows nothing.
type Allowlist struct{ origins []origin }

type origin struct {
	scheme, host string // lower case; the host without its port
	port         string // never empty; "*" for any
}

// Parse reads origins: scheme://host or scheme://host:port, where a loopback
// host may have the port *. Every entry that is not one is in the error.
func Parse(entries []string) (Allowlist, error) {
	var list Allowlist
	var faults []error
	for _, entry := range entries {
		o, err := parseEntry(strings.TrimSpace(entry))
		if err != nil {
			faults = append(faults, fmt.Errorf("redirect origin %q: %w", entry, err))
			continue
		}
		list.origins = append(list.origins, o)
	}
	return list, errors.Join(faults...)
}

func parseEntry(entry string) (origin, error) {
	anyPort := strings.HasSuffix(entry, ":*")
	u, err := url.Parse(strings.TrimSuffix(entry, ":*"))
	if err != nil {
		return origin{}, errors.New("it must be of the form https://host or https://host:port")
	}
	o, err := originOf(u)
	if err != nil {
		return origin{}, err
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return origin{}, errors.New("an origin has no path, query or fragment")
	}
	if anyPort {
		if u.Port() != "" || !loopback(o.host) {
			return origin{}, errors.New("only localhost, 127.0.0.1 and [::1] may have the port *")
		}
		o.port = "*"
	}
	return o, nil
}

// Check says whether a redirect URI is acceptable: absolute, http or https, no
// user info, no fragment, and of exactly one of the origins.
func (a Allowlist) Check(uri string) error {
	// A browser reads a backslash as a slash and drops control characters; a
	// URL that two readers read differently is refused outright.
	for _, r := range uri {
		if r <= ' ' || r == '\\' || r >= 0x7f {
			return errors.New("it holds a character that a URL must percent-encode")
		}
	}
	if strings.Contains(uri, "#") {
		return errors.New("it must not have a fragment")
	}
	u, err := url.Parse(uri)
	if err != nil {
		return errors.New("it is not a URL")
	}
	want, err := originOf(u)
	if err != nil {
		return err
	}
	for _, o := range a.origins {
		if o.scheme == want.scheme && o.host == want.host && (o.port == "*" || o.port == want.port) {
			return nil
		}
	}
	return errors.New("its origin is not in STRIDELOG_REDIRECT_ALLOWLIST")
}

func originOf(u *url.URL) (origin, error) {
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	switch {
	case o.scheme != "http" && o.scheme != "https":
		return o, errors.New("it must start with http:// or https://")
	case u.Opaque != "" || o.host == "":
		return o, errors.New("it has no host")
	case u.User != nil:
		return o, errors.New("it must not hold a user name or password")
	case strings.Contains(o.host, "*"):
		return o, errors.New("a host has no wildcard")
	case strings.HasSuffix(u.Host, ":"):
		return o, errors.New("its port is empty")
	}
	if o.port == "" {
		o.port = map[string]string{"http": "80", "https": "443"}[o.scheme]
		return o, nil
	}
	n, err := strconv.ParseUint(o.port, 10, 16)
	if err != nil || n == 0 {
		return o, errors.New("its port is not one")
	}
	o.port = strconv.FormatUint(n, 10)
	return o, nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
