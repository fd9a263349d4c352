package imports

import (
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stridelog/stridelog/provider/archive"
)

// longestName is how many bytes of a file's name any file system takes, with room.
const longestName = 200

// storedName is what an upload is called here: its number. Only where the name tells what
// a single file of an export is does that go along.
func storedName(number int, given string) string {
	name := baseName(given)
	n := strconv.Itoa(number)
	switch {
	case !archive.IsSingle(name):
		return n
	case len(name) > longestName, !utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return n + strings.ToLower(filepath.Ext(name))
	default:
		return filepath.Join(n, name)
	}
}

// baseName is a file name without anything that leads elsewhere.
func baseName(name string) string {
	if name = filepath.Base(filepath.Clean("/" + name)); name == "/" || name == "." {
		return "upload"
	}
	return name
}
