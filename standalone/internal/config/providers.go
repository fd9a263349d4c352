package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
)

// localOrigin is where a browser on this machine finds the gateway by default.
const localOrigin = "http://localhost:8000"

// CallbackURL is where the gateway at an origin takes people back from a provider.
func CallbackURL(origin, name string) string { return origin + "/api/v1/oauth/" + name + "/callback" }

// NotificationURL is where the gateway at an origin takes a provider's notifications.
func NotificationURL(origin, name string) string {
	return origin + "/api/v1/providers/" + name + "/notifications"
}

// DefaultOf is what an unset variable of a provider's setting means.
func DefaultOf(name string, s provider.Setting) string {
	if s.Kind == provider.ValueCallback {
		return CallbackURL(localOrigin, name)
	}
	return s.Default
}

// readProviders reads the settings of every provider of the catalogue.
func (c *Config) readProviders(r *env.Reader) {
	c.Providers = map[string]provider.Values{}
	for _, one := range catalog.All() {
		c.Providers[one.Descriptor.Name] = valuesOf(r, one)
	}
}

func valuesOf(r *env.Reader, one provider.Registration) provider.Values {
	name := one.Descriptor.Name
	values := provider.Values{}
	for _, s := range one.Settings {
		if value := valueOf(r, provider.Variable(name, s.Name), DefaultOf(name, s), s); value != "" {
			values[s.Name] = provider.Secret(value)
		}
	}
	checkTogether(r, one, values)
	return values
}

// valueOf is one setting in the form of provider.Values. What is wrong with the variable
// is a fault.
func valueOf(r *env.Reader, variable, standard string, s provider.Setting) string {
	switch s.Kind {
	case provider.ValueSecret:
		value := r.Secret(variable)
		if value != "" && len(value) < s.Shortest {
			r.Fault(variable, fmt.Sprintf("is shorter than %d characters; %s", s.Shortest, s.Refused))
		}
		return value
	case provider.ValueURL, provider.ValueCallback:
		return r.URL(variable, standard)
	case provider.ValueWords:
		return strings.Join(strings.Fields(r.String(variable, standard)), " ")
	case provider.ValueBool:
		return strconv.FormatBool(r.Bool(variable, standard == "true"))
	case provider.ValueCount:
		n, _ := strconv.Atoi(standard)
		if n = r.Int(variable, n); n < 0 {
			r.Fault(variable, "must not be negative; "+s.Refused)
		}
		return strconv.Itoa(n)
	case provider.ValueText:
	}
	return r.String(variable, standard)
}

// checkTogether refuses a part of what enables a provider: nobody means that.
func checkTogether(r *env.Reader, one provider.Registration, values provider.Values) {
	var enabling []string
	for _, s := range one.Settings {
		if s.Enables {
			enabling = append(enabling, provider.Variable(one.Descriptor.Name, s.Name))
		}
	}
	if lacking := len(one.Lacking(values)); lacking == 0 || lacking == len(enabling) {
		return
	}
	all := "all"
	if len(enabling) == 2 {
		all = "both"
	}
	r.Fault(enabling[0], fmt.Sprintf("and %s go together: set %s, or neither to disable %s", strings.Join(enabling[1:], " and "), all, one.Descriptor.DisplayName))
}
