// Package hook lets tests stop work where a crash would hurt most.
package hook

import "fmt"

// Crash is a hook's error: nothing may be tidied up after it, as after kill -9.
type Crash struct{ err error }

func (c Crash) Error() string { return fmt.Sprintf("stopped by a hook: %v", c.err) }

// Unwrap implements errors.Unwrap.
func (c Crash) Unwrap() error { return c.err }

// Call calls a hook, if there is one. Its error comes back as a Crash.
func Call(hook func() error) error {
	if hook == nil {
		return nil
	}
	if err := hook(); err != nil {
		return Crash{err}
	}
	return nil
}
