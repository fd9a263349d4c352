package natsserver_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/waittest"
)

const (
	smallDisk = "STRIDELOG_TEST_SMALL_DISK" // names where the child mounts its file system
	noDisk    = "none"                      // it limits its files instead
)

// disk is where a server keeps its streams, and how its space ends and comes back.
type disk struct {
	dir        string
	fill, free func(t *testing.T)
}

// limited is a folder whose files may not grow: the kernel refuses writes of this
// process beyond the first byte of a file. It works for every user everywhere.
func limited(t *testing.T) disk {
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(t *testing.T, l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { set(t, before) })
	return disk{
		dir:  t.TempDir(),
		fill: func(t *testing.T) { set(t, syscall.Rlimit{Cur: 1, Max: before.Max}) },
		free: func(t *testing.T) { set(t, before) },
	}
}

// mounted is a file system of 100 MB, in the mount namespace of this process alone.
func mounted(t *testing.T, dir string) disk {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=100m"); err != nil {
		t.Fatalf("mount a small file system: %v", err)
	}
	ballast := filepath.Join(dir, "ballast")
	return disk{
		dir: dir,
		fill: func(t *testing.T) {
			f, err := os.Create(ballast)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, piece := range [][]byte{make([]byte, 1<<16), make([]byte, 1)} {
				for err == nil {
					_, err = f.Write(piece)
				}
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("fill the disk: %v", err)
				}
				err = nil
			}
		},
		free: func(t *testing.T) {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// A full disk that has space again: what the server says at each moment, and that it
// goes on by itself with all that it has acknowledged.
//
// The disk is a small file system where the kernel lets this user mount one in
// namespaces of a child: as root, and as anybody on Debian. Some containers forbid it;
// so the same is tried with a limit on the size of files, which needs no permission.
func TestAFullDiskThatHasSpaceAgain(t *testing.T) {
	switch dir := os.Getenv(smallDisk); dir {
	case "":
	case noDisk:
		fullAndFree(t, limited(t))
		return
	default:
		fullAndFree(t, mounted(t, dir))
		return
	}
	if out, err := child(t, noDisk, 0); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("with files that may not grow: %v\n%s", err, out)
	}
	for _, flags := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, syscall.CLONE_NEWNS} {
		out, err := child(t, t.TempDir(), flags)
		var exit *exec.ExitError
		switch {
		case err == nil && strings.Contains(string(out), "--- PASS: TestAFullDiskThatHasSpaceAgain"):
			return
		case err == nil || errors.As(err, &exit) && !strings.Contains(string(out), "mount a small file system"):
			t.Fatalf("on a small file system: %v\n%s", err, out)
		}
		t.Logf("no small file system with the namespaces %#x: %v", flags, err)
	}
}

// child runs a test in a process of its own: neither a mount nor a limit may concern
// this one, whose files go test reads.
func child(t *testing.T, disk string, flags uintptr) ([]byte, error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), smallDisk+"="+disk)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return cmd.CombinedOutput()
}

func fullAndFree(t *testing.T, d disk) {
	s := start(t, natsserver.Options{StoreDir: filepath.Join(d.dir, "nats")})
	b := bustest.Connect(t, s.URL(), "writer")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	var acked []bus.Ack
	n := 0
	publish := func() error {
		n++
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)
		ack, err := b.Publish(t.Context(), events.Event{
			ID: id, Source: "stridelog/test", Time: at, Provider: events.NoProvider, UserID: id, Data: &events.UserErased{ErasureID: id, ErasedAt: at},
		})
		if err == nil {
			acked = append(acked, ack)
		}
		return err
	}
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	if says, err := s.TakesWrites(t.Context()); err != nil || says != "ok" || len(b.Refusals()) != 0 {
		t.Fatalf("before: %q, %v, %v", says, err, b.Refusals())
	}
	d.fill(t)
	waittest.Until(t, "an event is refused", func() bool { return publish() != nil }) // the last page of a file has room for some
	if r := b.Refusals(); len(r) != 1 || r[0].Stream != events.StreamFacts {
		t.Errorf("the bus knows of %v", r)
	}
	waittest.Until(t, "the server says that it takes no writes", func() bool {
		says, err := s.TakesWrites(t.Context())
		return err != nil && strings.Contains(says, "free disk space")
	})
	d.free(t)
	waittest.Until(t, "the server starts again by itself", func() bool {
		_, err := s.TakesWrites(t.Context())
		return err == nil
	})
	waittest.Until(t, "an event is taken", func() bool { return publish() == nil })
	if r := b.Refusals(); len(r) != 0 {
		t.Errorf("the bus still knows of %v", r)
	}
	for _, ack := range acked {
		if _, err := b.Get(t.Context(), events.StreamFacts, ack.Sequence); err != nil {
			t.Errorf("event %d was acknowledged and is gone: %v", ack.Sequence, err)
		}
	}
	if _, err := os.Stat(filepath.Join(d.dir, "nats", "space-probe")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the probe for space is left: %v", err)
	}
}

// A server that is stopped while it takes no writes does stop.
func TestAServerStopsWhileItTakesNoWrites(t *testing.T) {
	if os.Getenv(smallDisk) == "" {
		if out, err := child(t, noDisk, 0); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	d := limited(t)
	s := start(t, natsserver.Options{StoreDir: d.dir})
	b := bustest.Connect(t, s.URL(), "writer")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.fill(t)
	if _, err := b.JetStream().Publish(t.Context(), "stridelog.user.erased._.x", []byte("{}")); err == nil {
		t.Fatal("a full disk took a message")
	}
	waittest.Until(t, "the server says that it takes no writes", func() bool {
		_, err := s.TakesWrites(t.Context())
		return err != nil
	})
	s.Stop()
	s.WaitForShutdown()
}
