//go:build unix

package launcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a PostgreSQL program that we started.
type process struct {
	cmd    *exec.Cmd
	output *output
	done   chan struct{}
	err    error // how it ended; read after done
}

// launch starts a program. Its environment is reduced: an unknown locale would
// make initdb fail, and PG* variables would change what it does. A process group
// of its own keeps Ctrl-C away from it, so that it outlives our own clean-up.
func launch(account *account, dir string, log *slog.Logger, path string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), output: &output{log: log}, done: make(chan struct{})} //nolint:noctx // stopped by signal, see stop
	p.cmd.Dir = dir
	p.cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: account.credential()}
	stopWithParent(p.cmd.SysProcAttr)
	started := make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the thread that started
		// the child ends, not the process. So this goroutine keeps its thread
		// until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		p.output.flush()
		close(p.done)
	}()
	switch err := <-started; {
	case errors.Is(err, syscall.EPERM) && account != nil:
		return nil, fmt.Errorf("start %s as user %s, because PostgreSQL does not run as root: this container or sandbox forbids it: "+
			"run as an ordinary user, or set DATABASE_URL: %w", path, account.name, err)
	case err != nil:
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// wait waits for the program's own end; when ctx ends first it is stopped.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		p.signal(syscall.SIGINT)
		<-p.done
		return ctx.Err()
	}
	if p.err != nil {
		return fmt.Errorf("%w: %s", p.err, p.output.tail())
	}
	return nil
}

// stop is a fast shutdown, then an immediate one.
func (p *process) stop(ctx context.Context) error {
	steps := []struct {
		signal syscall.Signal
		wait   context.Context
	}{{syscall.SIGINT, ctx}, {syscall.SIGQUIT, context.WithoutCancel(ctx)}}
	for _, step := range steps {
		p.signal(step.signal)
		limit, cancel := context.WithTimeout(step.wait, stopFast)
		select {
		case <-p.done:
		case <-limit.Done():
		}
		cancel()
		if p.ended() {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end: look at it, then kill it", p.cmd.Process.Pid)
}

func (p *process) signal(s syscall.Signal) {
	if !p.ended() {
		_ = p.cmd.Process.Signal(s) // it may end just now
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// output takes a program's messages line by line: into the log, and the last
// ones for an error. Statements and row values are not in them; see serverArgs.
type output struct {
	log *slog.Logger

	mu   sync.Mutex
	part []byte
	last []string
}

const lastLines = 12

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.part = append(o.part, b...)
	for {
		i := bytes.IndexByte(o.part, '\n')
		if i < 0 {
			return len(b), nil
		}
		o.line(string(o.part[:i]))
		o.part = o.part[i+1:]
	}
}

func (o *output) line(s string) {
	if s = strings.TrimSpace(s); s == "" {
		return
	}
	if o.last = append(o.last, s); len(o.last) > lastLines {
		o.last = o.last[1:]
	}
	o.log.Debug("postgres: " + s)
}

func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line(string(o.part))
	o.part = nil
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.last, " | ")
}

// pause waits a little between two looks; false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
