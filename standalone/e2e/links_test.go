package e2e

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	// dropped is what an anchor leaves out of its heading.
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	inline  = regexp.MustCompile("`[^`\n]+`")
	// pathInCode is a file or folder between backquotes, and not an address, a subject or a
	// route of the API.
	pathInCode = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*/?$`)
)

// Every link of a document to a file of the repository or to a heading leads somewhere.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	for text, want := range map[string]string{
		"[x](no.md)":                          "no.md",
		"[x](docs/events.md#no-such-section)": "no-such-section",
		"[x](#nowhere)":                       "nowhere",
		"[x](docs/events.md#streams)":         "",
		"[x](https://example.org/no.md)":      "",
		"# A b, c\n[x](#a-b-c)":               "",
	} {
		if got := strings.Join(brokenLinks(t, "planted.md", text), "\n"); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("planted %q: found %q, want %q", text, got, want)
		}
	}
	for _, document := range allDocuments(t) {
		for _, fault := range brokenLinks(t, document, readDocument(t, document)) {
			t.Error(fault)
		}
	}
}

func brokenLinks(t *testing.T, document, text string) (faults []string) {
	t.Helper()
	for _, m := range linkTarget.FindAllStringSubmatch(withoutBlocks(text), -1) {
		file, anchor, _ := strings.Cut(m[1], "#")
		if strings.Contains(m[1], ":") || strings.HasPrefix(file, "/") {
			continue // of another site, or of a running system
		}
		there := text
		if file != "" {
			file = path.Join(path.Dir(document), file)
			if !exists(file) {
				faults = append(faults, fmt.Sprintf("%s links to %s, which is not there", document, file))
				continue
			}
			if anchor != "" {
				there = readDocument(t, file)
			}
		}
		if anchor != "" && !slices.Contains(anchors(there), anchor) {
			faults = append(faults, fmt.Sprintf("%s links to %s, which has no heading for #%s", document, m[1], anchor))
		}
	}
	return faults
}

// withoutBlocks is a text without its fenced blocks.
func withoutBlocks(text string) string {
	parts := strings.Split("\n"+text, "\n```")
	var out strings.Builder
	for i := 0; i < len(parts); i += 2 {
		out.WriteString(parts[i] + "\n")
	}
	return out.String()
}

// anchors are those that a Markdown page has for its headings.
func anchors(text string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(withoutBlocks(text), -1) {
		list = append(list, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return list
}

// Every file and folder that the page of the architecture names between backquotes exists.
func TestTheArchitectureNamesFilesThatExist(t *testing.T) {
	const page = "docs/architecture.md"
	if got := missingPaths("`events/no.go` `oauth/internal/seal` `platform/bus/erase.go` and `eraseplan.go`, `gone.go` `a.b.c` `x/y`"); !slices.Equal(got, []string{"events/no.go", "gone.go", "x/y"}) {
		t.Fatalf("of planted paths these are found missing: %v", got)
	}
	for _, name := range missingPaths(withoutBlocks(readDocument(t, page))) {
		t.Errorf("%s names %s, which is not there", page, name)
	}
}

// missingPaths are the paths between backquotes that do not exist. A path begins at the
// root or in services; a file alone is in the folder of the path before it.
func missingPaths(text string) (missing []string) {
	folder := ""
	for _, code := range inline.FindAllString(text, -1) {
		name := strings.Trim(code, "`")
		isFile := slices.Contains([]string{".go", ".sql", ".md", ".yaml", ".yml", ".conf"}, path.Ext(name))
		if !pathInCode.MatchString(name) || !isFile && !strings.Contains(name, "/") {
			continue
		}
		found := ""
		for _, under := range []string{"", "services", folder} {
			if full := path.Join(under, name); exists(full) && found == "" {
				found = full
			}
		}
		switch {
		case found == "":
			missing = append(missing, name)
		case isFile:
			folder = path.Dir(found)
		default:
			folder = found
		}
	}
	return missing
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}
