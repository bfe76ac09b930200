// Command zeroclaw-double stands in for the ZeroClaw 0.8.7 daemon in tests: `zeroclaw [--verbose] daemon`. Called as
// `sh` it is the little shell of its own image. See package zeroclaw for what it imitates, package hostile for how
// it can be told to misbehave. I/O: everything a daemon does.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"doubles/internal/hostile"
	"doubles/internal/minish"
	"doubles/internal/zeroclaw"
)

const usage = "usage: zeroclaw [--verbose|-v] daemon    (a stand-in for tests; it has no other command)"

func main() {
	if filepath.Base(os.Args[0]) == "sh" {
		os.Exit(minish.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	// Before anything else, before the arguments and the config file: that is the point of it.
	ignoreTerm, err := hostile.Start(os.LookupEnv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	verbose, daemon := false, false
	for _, argument := range os.Args[1:] {
		switch {
		case argument == "--verbose" || argument == "-v":
			verbose = true
		case argument == "--version":
			fmt.Println("zeroclaw", zeroclaw.Version, "(stand-in for tests)")
			return
		case argument == "daemon" && !daemon:
			daemon = true
		default:
			fmt.Fprintf(os.Stderr, "error: unexpected argument %q\n%s\n", argument, usage)
			os.Exit(2)
		}
	}
	if !daemon {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	ctx := context.Background()
	if !ignoreTerm {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
		defer stop()
	}
	signal.Ignore(syscall.SIGHUP)
	settings := zeroclaw.Settings{ConfigDir: zeroclaw.ConfigDir(os.LookupEnv), Environ: os.Environ(), Verbose: verbose, Stderr: os.Stderr}
	if err := zeroclaw.Run(ctx, settings); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
