package deployment

import (
	"fmt"
	"strings"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// Part is a text that is written between two marked lines of a file, Begin and End.
type Part struct{ File, Begin, End, Text string }

// Parts are what the files of the containers say of each provider. They follow from the
// catalogue; make generate writes them.
func Parts() []Part {
	return []Part{
		{".env.example", "# Providers. Secrets are files in deploy/secrets.", "# End of providers.", example()},
		{"docker-compose.yml", "# Settings of providers: make generate writes them.", "# End of the settings of providers.", passed()},
		{"docker-compose.yml", "  # Secrets of providers: make generate writes them.", "  # End of the secrets of providers.", secretFiles()},
	}
}

// Put writes the part into the file's text. Where the file lacks a marked line, it is an error.
func (p Part) Put(text string) (string, error) {
	before, rest, found := strings.Cut(text, p.Begin+"\n")
	_, after, ended := strings.Cut(rest, p.End+"\n")
	if !found || !ended {
		return "", fmt.Errorf("%s lacks the line %q or, after it, %q", p.File, p.Begin, p.End)
	}
	return before + p.Begin + "\n" + p.Text + p.End + "\n" + after, nil
}

// example shows every setting as a comment with what an unset one means.
func example() string {
	var b strings.Builder
	for _, r := range catalog.All() {
		fmt.Fprintf(&b, "\n# %s.\n", r.Descriptor.DisplayName)
		for _, s := range r.Settings {
			value := config.DefaultOf(r.Descriptor.Name, s)
			if s.Kind == provider.ValueSecret {
				value = "/run/secrets/" + s.File
			}
			fmt.Fprintf(&b, "#%s=%s\n", passedName(r, s), value)
		}
	}
	return b.String() + "\n"
}

// passedName is the variable that a container is given: of a secret, that of its file.
func passedName(r provider.Registration, s provider.Setting) string {
	name := provider.Variable(r.Descriptor.Name, s.Name)
	if s.Kind == provider.ValueSecret {
		return name + "_FILE"
	}
	return name
}

// passed are the settings for the services that call providers, and those about
// notifications for the gateway.
func passed() string {
	var b strings.Builder
	var callers, notified []string
	for _, r := range catalog.All() {
		name := r.Descriptor.Name
		callers = append(callers, "*"+name)
		fmt.Fprintf(&b, "x-%s: &%s\n%s\n", name, name, settings(r, false))
		if s := settings(r, true); s != "" {
			notified = append(notified, "*"+name+"_notifications")
			fmt.Fprintf(&b, "x-%s-notifications: &%s_notifications\n%s\n", name, name, s)
		}
	}
	fmt.Fprintf(&b, "x-providers: &providers\n  <<: [%s]\n\n", strings.Join(callers, ", "))
	fmt.Fprintf(&b, "x-notifications: &notifications\n  <<: [%s]\n\n", strings.Join(notified, ", "))
	return b.String()
}

func settings(r provider.Registration, notifications bool) string {
	var b strings.Builder
	for _, s := range r.Settings {
		if s.Notifications != notifications {
			continue
		}
		if s.Kind == provider.ValueSecret {
			purpose := "together with the other settings that enable it"
			if notifications {
				purpose = "to take notifications"
			}
			fmt.Fprintf(&b, "  # Set it to /run/secrets/%s %s.\n", s.File, purpose)
		}
		name := passedName(r, s)
		value := "${" + name + ":-}"
		if s.Kind == provider.ValueBool || s.Kind == provider.ValueCount {
			value = `"` + value + `"` // else YAML has no text
		}
		fmt.Fprintf(&b, "  %s: %s\n", name, value)
	}
	return b.String()
}

func secretFiles() string {
	var b strings.Builder
	for _, r := range catalog.All() {
		for _, s := range r.Settings {
			if s.File != "" {
				fmt.Fprintf(&b, "  %s: { file: ./deploy/secrets/%s }\n", s.File, s.File)
			}
		}
	}
	return b.String()
}
