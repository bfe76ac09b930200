// Package hostile makes the stand-in misbehave on purpose: dial somewhere as the very first thing it does, and stay
// when it is told to end. Tests use it to show that no packet of such a process ever arrives. I/O: TCP.
package hostile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Environment variables that switch it on.
const (
	FirstInstruction = "DOUBLE_FIRST_INSTRUCTION" // dial:HOST:PORT
	IgnoreTerm       = "DOUBLE_IGNORE_TERM"       // 1
)

const (
	pause   = 50 * time.Millisecond
	timeout = time.Second
)

// Start begins dialling when the environment asks for it and says whether SIGTERM is to be ignored. It makes its
// first attempt before it returns, so nothing the process does comes before that packet.
func Start(lookup func(string) (string, bool), out io.Writer) (ignoreTerm bool, err error) {
	if value, _ := lookup(IgnoreTerm); value == "1" {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		ignoreTerm = true
	}
	instruction, set := lookup(FirstInstruction)
	if !set || instruction == "" {
		return ignoreTerm, nil
	}
	address, ok := strings.CutPrefix(instruction, "dial:")
	if _, _, err := net.SplitHostPort(address); !ok || err != nil {
		return ignoreTerm, fmt.Errorf("%s=%q: expected dial:HOST:PORT", FirstInstruction, instruction)
	}
	attempt(address, out)
	go func() {
		for {
			time.Sleep(pause)
			attempt(address, out)
		}
	}()
	return ignoreTerm, nil
}

func attempt(address string, out io.Writer) {
	began := time.Now()
	connection, err := net.DialTimeout("tcp", address, timeout)
	outcome := "connected"
	if err == nil {
		_ = connection.Close()
	} else {
		outcome = Outcome(err)
	}
	fmt.Fprintf(out, "dial %s %s at %s after %d ms\n", address, outcome, began.UTC().Format(time.RFC3339Nano), time.Since(began).Milliseconds())
}

// Outcome is one word for why a connection did not come about.
func Outcome(err error) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), os.IsTimeout(err):
		return "timed-out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "not-permitted"
	}
	return "failed: " + err.Error()
}
