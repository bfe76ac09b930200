// Command model-double is a tiny OpenAI-compatible model for tests; see package model. I/O: HTTP, a log on stdout.
//
// Flags, each with an environment variable: -listen MODEL_LISTEN (0.0.0.0:8080), -models MODEL_NAMES (assistant),
// -script MODEL_SCRIPT (a file of rules), -content MODEL_LOG_CONTENT (1: the log holds the words too).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"doubles/internal/model"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "model-double:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", setting("MODEL_LISTEN", "0.0.0.0:8080"), "IPv4 address and port")
	names := flag.String("models", setting("MODEL_NAMES", "assistant"), "model names, by comma")
	script := flag.String("script", setting("MODEL_SCRIPT", ""), "JSON file of rules")
	content := flag.Bool("content", setting("MODEL_LOG_CONTENT", "") == "1", "log the words of each request")
	flag.Parse()
	server := &model.Server{Models: strings.Split(*names, ","), Record: os.Stdout, WithContent: *content}
	if *script != "" {
		raw, err := os.ReadFile(*script)
		if err != nil {
			return err
		}
		if server.Rules, err = model.Script(raw); err != nil {
			return fmt.Errorf("%s: %w", *script, err)
		}
	}
	listener, err := net.Listen("tcp4", *listen)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	serving := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = serving.Shutdown(grace) // the process ends either way
	}()
	if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func setting(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}
