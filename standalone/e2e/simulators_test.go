package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator/visitor"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// exported are the variables that a simulator prints for a shell.
var exported = regexp.MustCompile(`(?m)^  export (\w+)=(?:'([^'\n]*)'|(\S+))$`)

// Each simulated cloud prints all that a system needs: one that has nothing but its
// stores and those variables connects a person, reads their records and, at Google
// Health, has itself told of changes.
func TestASimulatorPrintsAllThatASystemNeeds(t *testing.T) {
	people, err := simulator.Roster(1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, cloud := range map[string]struct{ prefix, account, ends string }{
		"fitbit":        {"FITBIT", people[1].AccountID(), `_REDIRECT_URI=\S+\n\n`},
		"google_health": {"GOOGLE_HEALTH", googlehealth.HealthUserID(people[1]), `--endpoint \S+\n\n`},
	} {
		t.Run(name, func(t *testing.T) {
			addr := porttest.Address(t)
			redirect := cloud.prefix + "_REDIRECT_URI=http://" + addr + "/api/v1/oauth/" + name + "/callback"
			fake := startProcess(t, []string{"HTTP_ADDR=" + porttest.Address(t), redirect}, "simulator", name)
			printed := fake.await(t, `(?s)A fake \w.* answers on http.*`+cloud.ends)[0]
			t.Logf("$ stridelog simulator %s\n%s", name, printed)

			env := []string{
				"STRIDELOG_DATA_DIR=" + dataDir(t), "HTTP_ADDR=" + addr, "STRIDELOG_ADMIN_KEY=" + installation.AdminKey,
			}
			for _, m := range exported.FindAllStringSubmatch(printed, -1) {
				env = append(env, m[1]+"="+m[2]+m[3])
			}
			system := startProcess(t, env, "serve", "--embedded")
			system.await(t, "Stridelog serves on")

			path, err := binary()
			if err != nil {
				t.Fatal(err)
			}
			c := clientAt(addr)
			w := commandRunner{t, path, []string{"URL=" + c.BaseURL, "KEY=" + c.Key}}
			w.run(0, []string{"users", "create", "--external-user-id", "ada"})
			address := strings.TrimSpace(w.run(0, []string{"connections", "authorize", "ada", name}))
			callback, err := visitor.Decide(t.Context(), c.HTTP, address, visitor.Decision{AccountID: cloud.account})
			if err != nil {
				t.Fatal(err)
			}
			if back, err := c.Return(t.Context(), callback); err != nil || back.Query().Get("error") != "" {
				t.Fatalf("the consent ended at %v: %v", back, err)
			}
			w.run(0, []string{"sync", "start", "ada", name, "--days", "60"}, "at "+name+": success")
			if list := w.run(0, []string{"sync", "list", "ada"}); !regexp.MustCompile(`[1-9]\d* seen`).MatchString(list) {
				t.Error("no record was seen")
			}

			_, then, found := strings.Cut(printed, "have the cloud tell it of changes")
			if name == "fitbit" {
				if found {
					t.Error("the simulated Fitbit cloud tells of no changes")
				}
				return
			}
			command := regexp.MustCompile(`(?m)^  (GOOGLE_ACCESS_TOKEN=.*)$`).FindStringSubmatch(then)
			if command == nil {
				t.Fatal("it does not print how to subscribe")
			}
			subscribe := exec.CommandContext(deadline(t), "bash", "-c", strings.Replace(command[1], " stridelog ", " "+path+" ", 1))
			subscribe.Env = env
			if out, err := subscribe.CombinedOutput(); err != nil || !strings.Contains(string(out), "the subscriber stridelog is ACTIVE") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
