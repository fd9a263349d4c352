// Package deploytest starts what docker-compose.yml describes, without Docker: the
// same NATS configuration, the same SQL, the same binary with the same environment.
package deploytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

const (
	root = "../.."
	// composeTool is the loader behind `docker compose config`, by version: so it
	// reaches no go.mod of ours.
	composeTool = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
	mounted     = "/run/secrets/"
)

// composeService is a service as the loader resolved it.
type composeService struct {
	Image       string             `json:"image"`
	Command     []string           `json:"command"`
	Environment map[string]*string `json:"environment"`
	Ports       []struct {
		HostIP string `json:"host_ip"`
	} `json:"ports"`
	Secrets []struct {
		Source string `json:"source"`
		Target string `json:"target"`
	} `json:"secrets"`
	Volumes []struct {
		Source string `json:"source"`
		Target string `json:"target"`
	} `json:"volumes"`
	Networks map[string]*struct {
		Aliases []string `json:"aliases"`
	} `json:"networks"`
	Profiles  []string `json:"profiles"`
	Restart   string   `json:"restart"`
	MemLimit  string   `json:"mem_limit"`
	PidsLimit int      `json:"pids_limit"`
	Logging   struct {
		Driver  string            `json:"driver"`
		Options map[string]string `json:"options"`
	} `json:"logging"`
	ReadOnly bool     `json:"read_only"`
	CapDrop  []string `json:"cap_drop"`
}

type project struct {
	Services map[string]composeService `json:"services"`
	Secrets  map[string]struct {
		File string `json:"file"`
	} `json:"secrets"`
}

// load resolves a compose file with variables in place, which the tool itself does
// not take from the environment. It fails on what `docker compose config` refuses.
func load(t *testing.T, text string, environment map[string]string) (project, error) {
	t.Helper()
	variable := regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`)
	file := filepath.Join(t.TempDir(), "docker-compose.yml")
	text = variable.ReplaceAllStringFunc(text, func(found string) string {
		part := variable.FindStringSubmatch(found)
		if value := environment[part[1]]; value != "" {
			return value
		}
		return part[2]
	})
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", composeTool, "-format", "json", file)
	cmd.Dir = root
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return project{}, fmt.Errorf("%w: %s", err, said.String())
	}
	var p project
	return p, json.Unmarshal(out, &p)
}

func mustLoad(t *testing.T, environment map[string]string) project {
	t.Helper()
	p, err := load(t, read(t, "docker-compose.yml"), environment)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// demoEnvironment is deploy/demo.env.
func demoEnvironment(t *testing.T) map[string]string {
	t.Helper()
	return environmentFile(t, "deploy/demo.env")
}

func environmentFile(t *testing.T, file string) map[string]string {
	t.Helper()
	environment := map[string]string{}
	for line := range strings.Lines(read(t, file)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			environment[name] = value
		}
	}
	return environment
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestComposeFileIsValid(t *testing.T) {
	mustLoad(t, nil)
	mustLoad(t, demoEnvironment(t))
	_, err := load(t, strings.Replace(read(t, "docker-compose.yml"), "read_only: true", "reads_only: true", 1), nil)
	if err == nil || !strings.Contains(err.Error(), "reads_only") {
		t.Errorf("a misspelt key: %v", err)
	}
}

func TestImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z/]+:\d+\.\d+(\.\d+)?-[a-z0-9]+(@sha256:[0-9a-f]{64})?$`)
	if pinned.MatchString("postgres:latest") || pinned.MatchString("nats:2") {
		t.Fatal("the pattern takes what is not pinned")
	}
	p := mustLoad(t, nil)
	for name, s := range p.Services {
		if s.Image != "stridelog:local" && !pinned.MatchString(s.Image) {
			t.Errorf("%s runs %s; name a version", name, s.Image)
		}
	}
	base := regexp.MustCompile(`(?m)^ARG GO_IMAGE=(\S+)\nFROM \${GO_IMAGE} `).FindStringSubmatch(read(t, "Dockerfile"))
	if base == nil || !pinned.MatchString(base[1]) || passed(t)["GO_IMAGE"] != base[1] {
		t.Errorf("the image is built on %v, by Compose on %s; name one version", base, passed(t)["GO_IMAGE"])
	}
	if got := strings.TrimSuffix(strings.TrimPrefix(p.Services["nats"].Image, "nats:"), "-alpine"); older(t, got, server.VERSION) {
		t.Errorf("NATS %s is older than the %s that the tests run on", got, server.VERSION)
	}
	if !older(t, "2.9.10", "2.15.2") || older(t, "2.15.2", "2.15.2") {
		t.Error("versions are compared as text")
	}
}

func older(t *testing.T, a, b string) bool {
	t.Helper()
	numbers := func(text string) (list []int) {
		for part := range strings.SplitSeq(text, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				t.Fatalf("version %q: %v", text, err)
			}
			list = append(list, n)
		}
		return list
	}
	return slices.Compare(numbers(a), numbers(b)) < 0
}

// Every secret is a file that `keys init` makes, and each service has only those
// that its environment names.
func TestSecretsAreFilesThatKeysInitMakes(t *testing.T) {
	environment := demoEnvironment(t)
	maps.Copy(environment, environmentFile(t, "deploy/cluster.env"))
	environment["GOOGLE_HEALTH_CLIENT_SECRET_FILE"] = mounted + "google_client_secret"
	environment["GOOGLE_HEALTH_NOTIFICATION_SECRET_FILE"] = mounted + "google_notification_secret"
	p, dir := mustLoad(t, environment), filepath.Join(t.TempDir(), "secrets")
	if err := deployment.MakeSecrets(dir, deployment.ComposeHosts()); err != nil {
		t.Fatal(err)
	}
	if err := deployment.MakeSecrets(dir, deployment.ComposeHosts()); err == nil {
		t.Error("secrets were overwritten")
	}
	for name, secret := range p.Secrets {
		if _, err := os.Stat(filepath.Join(dir, filepath.Base(secret.File))); err != nil {
			t.Errorf("secret %s: keys init does not make it: %v", name, err)
		}
		if filepath.Base(filepath.Dir(secret.File)) != "secrets" {
			t.Errorf("secret %s lies in %s, which git does not ignore", name, secret.File)
		}
	}
	for name, s := range p.Services {
		var named []string
		for variable, value := range s.Environment {
			if value != nil && strings.HasPrefix(*value, mounted) {
				named = append(named, strings.TrimPrefix(*value, mounted))
			} else if regexp.MustCompile(`PASSWORD|SECRET|KEY|URL$`).MatchString(variable) && value != nil && strings.Contains(*value, "@") {
				t.Errorf("%s has a secret in %s", name, variable)
			}
		}
		var given []string
		for _, secret := range s.Secrets {
			given = append(given, secret.Source)
		}
		if slices.Sort(named); name == "postgres" || slices.Contains(clusterServers(), name) {
			continue // they are configured by files
		}
		if slices.Sort(given); !slices.Equal(named, given) {
			t.Errorf("%s is given %v and its environment names %v", name, given, named)
		}
	}
}

func TestOnlyThisMachineReachesTheContainersAndTheyCanDoLittle(t *testing.T) {
	for name, s := range mustLoad(t, nil).Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s listens on %q of the host", name, port.HostIP)
			}
		}
		if s.Image == "stridelog:local" && (!s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"})) {
			t.Errorf("%s may write to its image or keeps capabilities", name)
		}
	}
	if !regexp.MustCompile(`(?m)^USER [1-9]\d*:[1-9]\d*$`).MatchString(read(t, "Dockerfile")) {
		t.Error("the image's user is not a number other than 0")
	}
}

// The image's first layer has every module's go.mod, or the build fails there.
func TestTheImageKnowsEveryModule(t *testing.T) {
	modules := regexp.MustCompile(`(?m)^\s+\./(\S+)$`).FindAllStringSubmatch(read(t, "go.work"), -1)
	if len(modules) < 8 {
		t.Fatalf("go.work names %d modules", len(modules))
	}
	for _, m := range modules {
		if !strings.Contains(read(t, "Dockerfile"), "COPY "+m[1]+"/go.mod "+m[1]+"/go.sum "+m[1]+"/") {
			t.Errorf("the Dockerfile does not copy the go.mod of %s", m[1])
		}
	}
}
