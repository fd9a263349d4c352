package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// natsPath is the nats command line that make installs, in the version that the
// Makefile pins.
const natsPath = root + "/bin/nats-v0.5.1"

// block is a fenced block of a document.
type block struct {
	section, language, text string
	line                    int    // of its fence
	notRun                  string // why no test runs it
	inCI                    bool   // .ci/run runs it
}

var (
	notRunMark = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
	inCIMark   = regexp.MustCompile(`^<!-- runs in \.ci/run -->$`)
	// namedFile is a test or a folder with tests that a reason points at.
	namedFile = regexp.MustCompile(`\b(?:services|standalone|platform|provider)/[\w./-]*\w`)
	// commandLine is a line that begins as commands of the documents do.
	commandLine = regexp.MustCompile(`(?m)^(?:[$#] )?(?:[A-Z_]+=\S+ )*(?:sudo |exec )?(?:\S*/stridelog|stridelog|make|curl|nats|docker|go|git|psql|pg_dump|pg_restore|createdb|python3?|pip|npm|brew|apt|apt-get|duckdb|kubectl|systemctl|openssl|gcloud|promtool|jq|cp|mv|rm|tar|cat|until|while|for) .*$`)
	// making are calls of make in a block or in words.
	making = regexp.MustCompile("(?:^|[\n`]|[A-Z]=\\S* |&& )make ([a-z][\\w./-]*)")
)

// blocks are the fenced blocks of a Markdown text. A comment on the line before a
// fence says why no test runs its commands, or that CI does.
func blocks(text string) (list []block) {
	section, before, inside := "", "", false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```") && inside:
			inside = false
		case strings.HasPrefix(line, "```"):
			b := block{section: section, language: line[3:], line: i + 1, inCI: inCIMark.MatchString(before)}
			if m := notRunMark.FindStringSubmatch(before); m != nil {
				b.notRun = m[1]
			}
			list, inside = append(list, b), true
		case inside:
			list[len(list)-1].text += line + "\n"
		case strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
		before = line
	}
	return list
}

// guide is a document whose commands run section by section.
type guide struct {
	document string
	env      []string
	left     map[string]string // commands by section that did not run yet
}

// openGuide reads a document below the root. A section with commands that did not
// run by the end fails the test.
func openGuide(t *testing.T, document string, env ...string) *guide {
	t.Helper()
	g := &guide{document: document, left: map[string]string{}}
	for _, b := range blocks(readDocument(t, document)) {
		if b.language == "sh" && b.notRun == "" && !b.inCI {
			g.left[b.section] += b.text
		}
	}
	g.env = append(os.Environ(), env...)
	wheels, err := filepath.Abs(root + "/bin/wheels")
	if err != nil {
		t.Fatal(err)
	}
	g.env = append(g.env, "PATH="+programs(t)+":"+os.Getenv("PATH"), "TMPDIR="+t.TempDir(),
		"XDG_CONFIG_HOME="+t.TempDir(),             // no NATS context of whoever runs the test
		"PIP_NO_INDEX=1", "PIP_FIND_LINKS="+wheels) // what make has fetched
	t.Cleanup(func() {
		if !t.Failed() {
			for title := range g.left {
				t.Errorf("%s: the commands of %q did not run: add a step with a check", document, title)
			}
		}
	})
	return g
}

// programs is a folder with the commands that documents call by their names.
func programs(t *testing.T) string {
	t.Helper()
	nats, err := filepath.Abs(natsPath)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(nats); err != nil {
		t.Fatalf("the nats command line is not there: run make test, or make bin/%s: %v", filepath.Base(nats), err)
	}
	stridelog, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, target := range map[string]string{"nats": nats, "stridelog": stridelog} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// take gives a section's commands to a caller who runs them.
func (g *guide) take(t *testing.T, title string) string {
	t.Helper()
	commands, ok := g.left[title]
	if !ok {
		t.Fatalf("%s: section %q has no commands, or ran before", g.document, title)
	}
	delete(g.left, title)
	return commands
}

// run runs a section's commands in a shell of its own, checks what they printed,
// and returns it.
func (g *guide) run(t *testing.T, title string, check func(printed string) error) string {
	t.Helper()
	commands := g.take(t, title)
	shell := exec.CommandContext(deadline(t), "bash", "-c", "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"+commands)
	shell.Dir, shell.Env = root, g.env
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	out, err := shell.CombinedOutput()
	if err == nil {
		err = check(string(out))
	}
	if err != nil {
		t.Fatalf("%s, %s: %v; it printed\n%s", g.document, title, err, out)
	}
	return string(out)
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// guides are the documents whose commands tests of this package run.
func guides() []string {
	return []string{"README.md", firstUser, "docs/events.md", "docs/operations.md", "docs/sql.md"}
}

// countedSub is a command that prints some of what it has fetched ahead, too.
var countedSub = regexp.MustCompile(`nats (sub|subscribe) .*--count`)

// leftOut says which blocks of a document nobody runs, without a reason for it.
func leftOut(document, text, ci string) (faults []string) {
	say := func(line int, fault string) {
		faults = append(faults, fmt.Sprintf("%s:%d: %s", document, line, fault))
	}
	marks := 0
	for _, b := range blocks(text) {
		if countedSub.MatchString(b.text) {
			say(b.line, "nats sub prints more than --count says: use --terminate-at-end, nats stream get or stridelog tail")
		}
		for _, name := range namedFile.FindAllString(b.notRun, -1) {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				say(b.line, "the reason names "+name+", which is not there")
			}
		}
		switch {
		case slices.Contains([]string{"", "text"}, b.language):
			if command := commandLine.FindString(b.text); command != "" {
				say(b.line, "commands stand in blocks of the language sh: "+strings.TrimSpace(command))
			}
		case slices.Contains([]string{"go", "sql", "json", "yaml"}, b.language):
		case b.language != "sh":
			say(b.line, "commands stand in blocks of the language sh, not "+b.language)
		case b.notRun != "":
			marks++
		case b.inCI:
			marks++
			for line := range strings.Lines(b.text) {
				command, _, _ := strings.Cut(line, "#")
				if !strings.Contains("\n"+ci, "\n"+strings.TrimSpace(command)+"\n") {
					say(b.line, ".ci/run does not run "+strings.TrimSpace(command))
				}
			}
		case !slices.Contains(guides(), document):
			say(b.line, "no test runs these commands: add the document to guides, or say why not: <!-- not run: … -->")
		}
	}
	for i, line := range strings.Split(text, "\n") {
		if indented := strings.TrimLeft(line, " \t>"); strings.HasPrefix(indented, "```") && indented != line {
			say(i+1, "a block within a list or a quotation is not looked at: begin it at the line's start")
		}
		if strings.HasPrefix(strings.TrimLeft(line, " \t>"), "~~~") {
			say(i+1, "a block between ~~~ is not looked at: use ```")
		}
	}
	if said := len(regexp.MustCompile(`(?m)^<!-- (not run|runs in)`).FindAllString(text, -1)); said != marks {
		say(1, fmt.Sprintf("%d comments say that commands are not run here, %d stand right before a block of sh with their reason", said, marks))
	}
	return faults
}

func TestNoCommandOfADocumentIsLeftOut(t *testing.T) {
	const ci = "set -e\nmake lint\n"
	for text, fault := range map[string]string{
		"```sh\nmake\n```\n":                                                   "no test runs",
		"```bash\nmake\n```\n":                                                 "language sh",
		"<!-- not run: -->\n```sh\nmake\n```\n":                                "no test runs",
		"<!-- not run: it installs -->\n\n```sh\nmake\n```\n":                  "no test runs",
		"<!-- runs in .ci/run -->\n```sh\nmake lint\nmake soak\n```\n":         "make soak",
		"<!-- not run: it installs -->\nwords\n":                               "1 comments",
		"```sh\nnats sub --all --count 1 x\n```\n":                             "prints more than --count",
		"1. so\n\n   ```sh\n   make\n   ```\n":                                 "line's start",
		"<!-- not run: it installs -->\n```sh\nmake\n```\n":                    "",
		"<!-- runs in .ci/run -->\n```sh\nmake lint   # quick\n```\n":          "",
		"```text\nmade\n```\n```sql\nSELECT 1;\n```\n```\na --> b\n```":        "",
		"```text\nmake quick\n```\n":                                           "language sh: make quick",
		"```\n$ bin/stridelog verify\n```\n":                                   "language sh: $ bin/stridelog verify",
		"```text\nA=1 nats sub x\n```\n":                                       "language sh: A=1 nats",
		"~~~sh\nmake\n~~~\n":                                                   "use ```",
		"<!-- not run: standalone/e2e/no_test.go does -->\n```sh\nmake\n```\n": "not there",
	} {
		if got := strings.Join(leftOut("planted.md", text, ci), "\n"); (got == "") != (fault == "") || !strings.Contains(got, fault) {
			t.Errorf("planted %q: found %q, want %q", text, got, fault)
		}
	}
	documents := allDocuments(t)
	for _, document := range guides() {
		if !slices.Contains(documents, document) {
			t.Fatalf("%s is not among %v", document, documents)
		}
		if !opened(t, document) {
			t.Errorf("%s is one of the guides, and no test opens it", document)
		}
	}
	for _, document := range documents {
		for _, fault := range leftOut(document, readDocument(t, document), readDocument(t, ".ci/run")) {
			t.Error(fault)
		}
	}
}

// allDocuments are the Markdown files of the repository.
func allDocuments(t *testing.T) (documents []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == "bin" || name == "node_modules" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			documents = append(documents, strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// opened says whether a test of this package runs the document's commands.
func opened(t *testing.T, document string) bool {
	t.Helper()
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(tests, func(name string) bool {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), fmt.Sprintf("openGuide(t, %q", document))
	})
}

// Every target that a document names is one of the Makefile's.
func TestDocumentsNameTargetsThatExist(t *testing.T) {
	where := map[string]string{}
	for _, document := range allDocuments(t) {
		text := readDocument(t, document)
		for _, b := range blocks(text) {
			if b.language == "sh" {
				collectTargets(where, document, b.text)
			}
		}
		for _, inline := range regexp.MustCompile("`[^`\n]+`").FindAllString(text, -1) {
			collectTargets(where, document, inline)
		}
	}
	if where["quick"] == "" || where["demo"] == "" {
		t.Fatalf("the search does not find what is there: %v", where)
	}
	missing := func(target string) (string, bool) {
		try := exec.CommandContext(deadline(t), "make", "-n", target)
		try.Dir = root
		said, err := try.CombinedOutput()
		return string(said), err != nil
	}
	if _, is := missing("no-such-target"); !is {
		t.Fatal("a target that is missing is not found")
	}
	for target, document := range where {
		if said, is := missing(target); is {
			t.Errorf("%s names make %s: %s", document, target, said)
		}
	}
}

func collectTargets(where map[string]string, document, text string) {
	for _, m := range making.FindAllStringSubmatch(text, -1) {
		where[m[1]] = document
	}
}
