package natsserver

import (
	"fmt"
	"log/slog"
)

// logger hands the server's warnings and errors to slog. Its notices describe
// every start and every stream; they are of no use to the person who runs us.
type logger struct{ log *slog.Logger }

func (logger) Noticef(string, ...any) {}
func (logger) Debugf(string, ...any)  {}
func (logger) Tracef(string, ...any)  {}

func (l logger) Warnf(format string, args ...any) {
	l.log.Warn("embedded NATS", "text", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("embedded NATS", "text", fmt.Sprintf(format, args...))
}

// Fatalf only reports: a library must not end the process. Start notices that
// the server is not ready.
func (l logger) Fatalf(format string, args ...any) {
	l.log.Error("embedded NATS cannot run", "text", fmt.Sprintf(format, args...))
}
