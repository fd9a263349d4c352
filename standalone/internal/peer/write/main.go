// Command write writes the page about Open Wearables to a file.
package main

import (
	"fmt"
	"os"

	"github.com/stridelog/stridelog/standalone/internal/peer"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(peer.Page()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
