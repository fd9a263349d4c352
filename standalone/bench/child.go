package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
)

// child is this program once more, as the process whose memory is measured. Its CPU
// time counts as our own. It answers one JSON value for each line that it reads.
type child struct {
	process *exec.Cmd
	orders  io.WriteCloser
	answers *json.Decoder
}

// startChild starts a child by its first argument; order is its second, as JSON.
func (s *stores) startChild(ctx context.Context, name string, order any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	c := &child{process: exec.CommandContext(ctx, self, name, string(text))}
	c.process.Stderr = os.Stderr
	if c.orders, err = c.process.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.answers = json.NewDecoder(stdout)
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	s.importer = c.process.Process.Pid
	return c, nil
}

// ask waits for what the child says next, after it was told to go on.
func (c *child) ask(answer any) error {
	if _, err := io.WriteString(c.orders, "go\n"); err != nil {
		return err
	}
	return c.answers.Decode(answer)
}

// end lets the child end and waits for it.
func (c *child) end() error { return errors.Join(c.orders.Close(), c.process.Wait()) }

// residentMemory is what this process has resident now, in bytes.
func residentMemory() int64 { return statusBytes("VmRSS:") }
