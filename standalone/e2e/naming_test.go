package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stridelog/stridelog/provider/catalog"
)

// allowance is where a provider may be named outside its folder and its fake, and why.
type allowance struct{ where, reason string } // a file, or a folder with a slash at its end

// Groups of allowances, as the count shows them.
const (
	inCode          = "code of the product"
	inTools         = "benchmarks and tools"
	inConfiguration = "configuration of containers"
	inContract      = "contract and its examples"
	inDocuments     = "documents"
)

// allowances are all places that may name a provider. A new one needs a reason; one
// that names none any more is taken out.
func allowances() map[string][]allowance {
	return map[string][]allowance{
		inCode: {
			{"provider/catalog/catalog.go", "the list of providers, a line each"},
			{"provider/simulator/clouds/clouds.go", "the list of fake clouds, a line each"},
			{"provider/vocabulary/vocabulary.go", "the list of workout types is one provider's, frozen at a date"},
			{"services/oauth/internal/store/migrations/002_linked_accounts.sql", "an example in a migration that was applied"},
		},
		inTools: {
			{"standalone/bench/", "measures connectors beside bare programs, which speak a provider's format"},
			{"standalone/internal/tools/keepstores/", "makes the stores that tests of upgrades begin with"},
			{"standalone/internal/peer/", "the text of docs/from-open-wearables.md"},
			{"Makefile", "runs the fault matrix of each"},
		},
		inConfiguration: {
			{".env.example", "shows the settings of each; generated"},
			{"docker-compose.yml", "passes the settings of each; generated but for two lists of secrets"},
			{"deploy/demo.env", "points one at its fake cloud"},
		},
		inContract: {
			{"events/", "examples of names and formats; samples are frozen"},
			{"services/gateway/internal/api/", "examples of answers"},
		},
		inDocuments: {
			{"README.md", "says what can be connected"},
			{"CHANGELOG.md", "says what changed"},
			{"docs/", "are about them"},
		},
	}
}

// providerWords matches what providers are called: names with any separator, and the
// other names that clients may write.
func providerWords() *regexp.Regexp {
	var words []string
	for _, d := range catalog.Descriptors() {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			words = append(words, strings.ReplaceAll(regexp.QuoteMeta(name), "_", "[_ -]?"))
		}
	}
	return regexp.MustCompile("(?i)" + strings.Join(words, "|"))
}

// others are words of libraries that look like a provider's.
var others = regexp.MustCompile(`google\.golang\.org|github\.com/google/|google/uuid|google/pprof|google/go-tpm|(?i)google[ -]chrome`) //nolint:gochecknoglobals // a pattern

// namingFiles are the files that name a provider outside its folder and its fake, with
// how many lines of each do. Tests, what serves tests alone, and test data are left out.
func namingFiles(files fs.FS) (map[string]int, error) {
	words, found := providerWords(), map[string]int{}
	var own []string
	for _, d := range catalog.Descriptors() {
		folder := strings.ReplaceAll(d.Name, "_", "")
		own = append(own, "provider/"+folder, "provider/simulator/"+folder)
	}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := path.Base(name)
			if slices.Contains(own, name) || slices.Contains([]string{".git", "bin", "testdata", "node_modules", "secrets"}, base) || strings.HasSuffix(base, "test") {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".sum") || strings.HasSuffix(name, ".mod") || !entry.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for line := range bytes.Lines(text) {
			if words.Match(others.ReplaceAll(line, nil)) {
				found[name]++
			}
		}
		return nil
	})
	return found, err
}

// A provider is known by its registration. Whoever names one elsewhere must change with
// the next one, so each such place has a reason, and their number is a quality of the
// product.
func TestAProviderIsNamedInFewPlaces(t *testing.T) {
	found, err := namingFiles(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	reasoned := map[string]bool{}
	for _, group := range []string{inCode, inTools, inConfiguration, inContract, inDocuments} {
		names, lines := 0, 0
		for _, a := range allowances()[group] {
			used := false
			for name, n := range found {
				if name == a.where || strings.HasSuffix(a.where, "/") && strings.HasPrefix(name, a.where) {
					names, lines, used, reasoned[name] = names+1, lines+n, true, true
				}
			}
			if !used {
				t.Errorf("%s names no provider: take it out of the list (%s)", a.where, a.reason)
			}
		}
		t.Logf("%-28s %3d files, %4d lines", group, names, lines)
	}
	for name, n := range found {
		if !reasoned[name] {
			t.Errorf("%s names a provider in %d lines; let it follow from the registration, or give the reason here", name, n)
		}
	}
}

// The count finds what is planted in each kind of file, and nothing where it must not look.
func TestTheCountOfNamesFindsWhatIsPlanted(t *testing.T) {
	planted, passed := fstest.MapFS{}, fstest.MapFS{}
	for i, d := range catalog.Descriptors() {
		spaced := strings.ToUpper(strings.ReplaceAll(d.Name, "_", " "))
		for _, name := range []string{"services/poller/some%d.go", "services/oauth/some%d.sql", "deploy/some%d.yml", "docs/some%d.md", "some%d.env"} {
			planted[fmt.Sprintf(name, i)] = &fstest.MapFile{Data: []byte("one line\nand " + spaced + " in another\n")}
		}
		folder := strings.ReplaceAll(d.Name, "_", "")
		for _, name := range []string{"provider/%s/auth.go", "provider/simulator/%s/server.go", "services/poller/%s_test.go", "services/poller/testdata/%s.json", "services/poller/internal/pollertest/%s.go"} {
			passed[fmt.Sprintf(name, folder)] = &fstest.MapFile{Data: []byte(d.Name)}
		}
	}
	passed["go.sum"] = &fstest.MapFile{Data: []byte("github.com/google/uuid")}
	passed["services/poller/uuid.go"] = &fstest.MapFile{Data: []byte(`import "github.com/google/uuid"`)}
	found, err := namingFiles(planted)
	if err != nil || len(found) != len(planted) {
		t.Errorf("of %d planted files %d are found: %v, %v", len(planted), len(found), found, err)
	}
	for name, n := range found {
		if n != 1 {
			t.Errorf("%s has %d lines with a name, not 1", name, n)
		}
	}
	if found, err = namingFiles(passed); err != nil || len(found) != 0 {
		t.Errorf("files that may name a provider are counted: %v, %v", found, err)
	}
}
