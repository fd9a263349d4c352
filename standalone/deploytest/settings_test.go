package deploytest

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// exampleSettings are the variables that .env.example shows, with what stands behind
// them, and those that it says are not set there.
func exampleSettings(t *testing.T) (shown map[string]string, elsewhere []string) {
	t.Helper()
	shown = map[string]string{}
	text := read(t, ".env.example")
	for _, found := range regexp.MustCompile(`(?m)^#([A-Z][A-Z_]*)=(.*)$`).FindAllStringSubmatch(text, -1) {
		if _, twice := shown[found[1]]; twice {
			t.Errorf(".env.example has %s twice", found[1])
		}
		shown[found[1]] = found[2]
	}
	head, _, _ := strings.Cut(text, "\n\n")
	for _, part := range regexp.MustCompile(`(?s)# (?:Set by|Of embedded)[^:]*:(.*?)\.\n`).FindAllStringSubmatch(head+"\n", -1) {
		elsewhere = append(elsewhere, regexp.MustCompile(`\w+`).FindAllString(part[1], -1)...)
	}
	return shown, elsewhere
}

// passed are the variables of .env that docker-compose.yml gives on, with their defaults.
func passed(t *testing.T) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, found := range regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`).FindAllStringSubmatch(read(t, "docker-compose.yml"), -1) {
		list[found[1]] = found[2]
	}
	return list
}

// A new setting that is forgotten in .env.example or in docker-compose.yml fails here.
func TestTheExampleOfSettingsHasEveryVariable(t *testing.T) {
	shown, elsewhere := exampleSettings(t)
	given := passed(t)
	for _, name := range config.Names() {
		_, isShown := shown[name]
		_, isGiven := given[name]
		secretFile := strings.HasSuffix(name, "_FILE")
		switch {
		case isShown && slices.Contains(elsewhere, name):
			t.Errorf(".env.example shows %s and says that it is not set there", name)
		case isShown && !isGiven:
			t.Errorf(".env.example shows %s, and docker-compose.yml passes it to no service", name)
		case !isShown && !slices.Contains(elsewhere, name) && !secretFile:
			t.Errorf("%s is neither shown in .env.example nor named there as set elsewhere", name)
		case !isShown && !slices.Contains(elsewhere, name):
			t.Errorf("the secret file %s is neither shown in .env.example nor named there as set elsewhere", name)
		}
	}
	if got, want := slices.Sorted(maps.Keys(shown)), slices.Sorted(maps.Keys(given)); !slices.Equal(got, want) {
		t.Errorf(".env.example shows\n%v\nand docker-compose.yml passes\n%v", got, want)
	}
	for name, value := range given {
		if value != "" && shown[name] != value {
			t.Errorf("%s: .env.example says %q and docker-compose.yml %q", name, shown[name], value)
		}
	}
}

// What the example shows are the program's own defaults, so that a line without its #
// changes nothing.
func TestTheExampleOfSettingsShowsTheDefaults(t *testing.T) {
	shown, _ := exampleSettings(t)
	load := func(lookup func(string) (string, bool)) config.Config {
		c, err := config.Load(lookup, config.Needs{Stores: config.StoresNone})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	dir := t.TempDir()
	own := func(name string) (string, bool) {
		if name == "STRIDELOG_DATA_DIR" {
			return dir, true
		}
		return "", false
	}
	read := load(func(name string) (string, bool) {
		if value, ok := shown[name]; ok && !strings.HasSuffix(name, "_FILE") {
			return value, true
		}
		return own(name)
	})
	plain := load(own)
	plain.LogFormat = "json"                                 // the image says so
	plain.RedirectAllowlist = []string{"http://localhost:*"} // of a trial on one's own machine
	if !reflect.DeepEqual(read, plain) {
		t.Errorf("with .env.example the configuration is\n%+v\nand without\n%+v", read, plain)
	}
}

// What the files of the containers say of a provider is what the catalogue has of it, and
// who calls or hears a provider is given its secrets.
func TestTheFilesOfTheContainersFollowFromTheCatalogue(t *testing.T) {
	for _, part := range deployment.Parts() {
		text := read(t, part.File)
		if want, err := part.Put(text); err != nil || want != text {
			t.Errorf("%s is not as the catalogue has it (%v): run make generate", part.File, err)
		}
		if _, err := part.Put(strings.Replace(text, part.End, "", 1)); err == nil {
			t.Errorf("%s: nobody misses the line %q", part.File, part.End)
		}
	}
	file := mustLoad(t, nil)
	for _, r := range catalog.All() {
		for _, s := range r.Settings {
			services := []string{"oauth", "poller"}
			if s.Notifications {
				services = []string{"gateway"}
			}
			for _, name := range services {
				variable := provider.Variable(r.Descriptor.Name, s.Name)
				if s.Kind == provider.ValueSecret {
					variable += "_FILE"
					if got, _ := json.Marshal(file.Services[name].Secrets); !strings.Contains(string(got), `"`+s.File+`"`) {
						t.Errorf("the service %s has no secret %s", name, s.File)
					}
				}
				if _, passed := file.Services[name].Environment[variable]; !passed {
					t.Errorf("the service %s is not given %s", name, variable)
				}
			}
		}
	}
}

func TestContainersAreBoundedAndStartAgain(t *testing.T) {
	for name, s := range mustLoad(t, nil).Services {
		want := "unless-stopped"
		switch name {
		case "streams": // ends by itself
			want = "on-failure"
		case "operator":
			want = "no"
		}
		if s.Restart != want {
			t.Errorf("%s: restart is %q, want %q", name, s.Restart, want)
		}
		if s.PidsLimit <= 0 || s.MemLimit == "" || s.MemLimit == "0" {
			t.Errorf("%s has no limit of processes (%d) or memory (%q)", name, s.PidsLimit, s.MemLimit)
		}
		if s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
			t.Errorf("%s: its log grows without end: %+v", name, s.Logging)
		}
	}
}

// The image says what it was built from, and the program in it, too.
func TestTheImageNamesItsVersion(t *testing.T) {
	text := read(t, "Dockerfile")
	for _, label := range []string{"title", "description", "source", "documentation", "licenses", "version", "revision", "created"} {
		if !strings.Contains(text, "org.opencontainers.image."+label+"=") {
			t.Errorf("the image has no label %s", label)
		}
	}
	_, last, _ := strings.Cut(text, "FROM scratch")
	if !strings.Contains(last, `ARG VERSION="" COMMIT="" BUILT=""`) {
		t.Error("the last stage does not take the build arguments: its labels are empty")
	}
	for _, part := range []string{"-trimpath", "-s -w", "main.version=${VERSION}", "main.commit=${COMMIT}", "main.built=${BUILT}"} {
		if !strings.Contains(text, part) {
			t.Errorf("the image's build has no %s", part)
		}
	}
}
