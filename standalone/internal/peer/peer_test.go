package peer_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/peer"
)

const root = "../../.."

func TestThePageIsThatOfTheTables(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/from-open-wearables.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != peer.Page() {
		t.Error("docs/from-open-wearables.md is not what the tables say: run make generate")
	}
}

// Every test that is named as showing something is there.
func TestTheTestsThatFaultsNameExist(t *testing.T) {
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return filepath.SkipDir
		case d.IsDir() && d.Name() == "bin":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			there[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(there) < 500 || there["TestThatIsNotThere"] {
		t.Fatalf("%d tests were found", len(there))
	}
	for _, f := range peer.Faults() {
		if len(f.Tests) == 0 {
			t.Errorf("nothing shows: %s", f.Here)
		}
		for _, name := range f.Tests {
			if !there[name] {
				t.Errorf("there is no %s, which shows: %s", name, f.Here)
			}
		}
	}
}

// What is the same has the same status, and what differs says how.
func TestTheTablesAreWhole(t *testing.T) {
	for _, r := range peer.Requests() {
		if (r.Outcome == peer.Same && r.There != r.Here) || (r.Outcome == peer.Differs && r.Says == "") || (r.Outcome != peer.Same && r.Outcome != peer.Differs) {
			t.Errorf("%s %s is %q, and says %q", r.Method, r.Path, r.Outcome, r.Says)
		}
		if len(r.Reads) == 0 {
			t.Errorf("of %s %s nothing is read", r.Method, r.Path)
		}
	}
	once := map[string]bool{}
	for _, g := range peer.Groups() {
		if g.Name == "" || g.Instead == "" {
			t.Errorf("%+v lacks words", g)
		}
		for _, operation := range g.Paths {
			if once[operation] {
				t.Errorf("%s stands twice", operation)
			}
			once[operation] = true
		}
	}
	if sum := peer.Count(); sum.Same+sum.Differs+sum.Absent != peer.Operations {
		t.Errorf("%+v are not %d operations", sum, peer.Operations)
	}
}

func TestTheReadmeHasTheNumbers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	sum := peer.Count()
	if want := fmt.Sprintf("Of its %d operations %d have a route here", peer.Operations, sum.Same+sum.Differs); !strings.Contains(string(text), want) {
		t.Errorf("README.md does not say: %s", want)
	}
}
