// Command providers keeps what the files of the containers say of each provider: it
// follows from the catalogue. Without -write it only checks, and fails when a file is
// not as it should be.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

func main() {
	write := flag.Bool("write", false, "correct the files instead of only checking them")
	flag.Parse()
	for _, part := range deployment.Parts() {
		if err := keep(part, *write); err != nil {
			fmt.Fprintln(os.Stderr, "providers:", err)
			os.Exit(1)
		}
	}
}

func keep(part deployment.Part, write bool) error {
	text, err := os.ReadFile(part.File)
	if err != nil {
		return fmt.Errorf("read a file of the containers (run this at the repository's root): %w", err)
	}
	want, err := part.Put(string(text))
	switch {
	case err != nil || want == string(text):
		return err
	case !write:
		return fmt.Errorf("%s is not as the catalogue has it: run make generate", part.File)
	}
	return os.WriteFile(part.File, []byte(want), 0o644) //nolint:gosec // everybody may read it
}
