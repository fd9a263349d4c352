package launcher

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

const shmDir = "/dev/shm"

// stopWithParent makes the kernel stop PostgreSQL cleanly when we end, even by
// kill -9.
func stopWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGINT }

// commandLine is how a process was started. Unlike its working directory, any
// user may read it, also in a container without ptrace.
func commandLine(pid int) (string, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return strings.ReplaceAll(string(b), "\x00", " "), err
}

// shmFree is how many bytes shared memory can still take from us.
func shmFree() uint64 {
	const writable = 2 // W_OK of access(2); some containers keep it closed
	if syscall.Access(shmDir, writable) != nil {
		return 0
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(shmDir, &st); err != nil {
		return 0
	}
	return st.Bavail * uint64(st.Bsize)
}
