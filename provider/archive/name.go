package archive

import (
	"path"
	"strings"

	"github.com/stridelog/stridelog/provider"
)

// maxName bounds a name inside an archive, in bytes: what file systems take.
const maxName = 4096

// safeName is a name inside an archive with slashes. Some programs for Windows
// write backslashes. Nothing is ever written under these names; one that points
// outside is refused because no export has one, so the archive is not what it
// claims to be.
func safeName(name string) (string, error) {
	name = strings.ReplaceAll(name, `\`, "/")
	unsafe := name == "" || len(name) > maxName || strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) ||
		len(name) > 1 && name[1] == ':'
	for element := range strings.SplitSeq(name, "/") {
		unsafe = unsafe || element == ".."
	}
	if unsafe {
		return "", &provider.ArchiveError{Code: provider.ArchiveUnsafeName}
	}
	return path.Clean(name), nil
}

// isMark says whether a file is one that file managers leave in folders and
// archives.
func isMark(name string) bool {
	for element := range strings.SplitSeq(name, "/") {
		if element == "__MACOSX" {
			return true
		}
	}
	base := path.Base(name)
	switch strings.ToLower(base) {
	case ".ds_store", "thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(base, "._")
}

// IsArchiveName says whether a file seems to be an archive itself.
func IsArchiveName(base string) bool {
	base = strings.ToLower(base)
	for _, suffix := range []string{".zip", ".tgz", ".tar.gz", ".tar", ".7z", ".rar"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return false
}
