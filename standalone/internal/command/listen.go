package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/stridelog/stridelog/platform/env"
)

// anotherPort is what the error for a taken port suggests, where it is free.
const anotherPort = 8123

// checkListen says that an address cannot be listened on, before anything starts that
// would have to stop again. An empty one is not used. call is the command to suggest.
func checkListen(ctx context.Context, variable, addr, call string) error {
	host, port, err := net.SplitHostPort(addr)
	if addr == "" || err != nil || port == "0" {
		return nil
	}
	err = tryListen(ctx, addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() && ip.To4() != nil {
		// People say localhost, which many programs look up as ::1 first.
		if other := tryListen(ctx, net.JoinHostPort("::1", port)); errors.Is(other, syscall.EADDRINUSE) {
			err = other
		}
	}
	if err == nil {
		return nil
	}
	why := err.Error()
	if errors.Is(err, syscall.EADDRINUSE) {
		why = "another program listens there"
	}
	r := env.New(nil)
	r.Fault(variable, fmt.Sprintf("cannot listen on %s: %s. Choose another address, as in\n    %s=%s %s", addr, why, variable, freeBeside(ctx, host), call))
	return r.Err()
}

func tryListen(ctx context.Context, addr string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// freeBeside is an address of the same host with a port that is free right now.
func freeBeside(ctx context.Context, host string) string {
	addr := net.JoinHostPort(host, strconv.Itoa(anotherPort))
	if tryListen(ctx, addr) == nil {
		return addr
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return addr
	}
	defer func() { _ = l.Close() }()
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
	}
	return addr
}
