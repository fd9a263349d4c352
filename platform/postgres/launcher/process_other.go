//go:build unix && !linux

package launcher

import (
	"os/exec"
	"strconv"
	"syscall"
)

const shmDir = ""

// stopWithParent has no counterpart here: a server that outlives us is stopped
// at the next start.
func stopWithParent(*syscall.SysProcAttr) {}

// commandLine is how a process was started.
func commandLine(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:noctx // ends by itself
	return string(out), err
}

func shmFree() uint64 { return 0 }
