package zeroclaw

// The daemon: directories, the lock that keeps a second one out, the listener, reload and the end. I/O.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Daemon is one running stand-in.
type Daemon struct {
	dir      string // the config directory
	environ  []string
	verbose  bool
	stderr   io.Writer
	started  time.Time
	config   atomic.Pointer[Config]
	tokens   atomic.Pointer[tokenSet]
	metrics  metrics
	actions  budget
	memory   sync.Mutex
	webhooks limiter
	attempts limiter
	seen     sync.Map // idempotency keys
	reload   chan struct{}
	stop     context.CancelFunc
}

// Settings of a daemon that come from outside its file.
type Settings struct {
	ConfigDir string   // ConfigDir(environ)
	Environ   []string // os.Environ's form
	Verbose   bool     // without it almost nothing is logged, as with the real one
	Stderr    io.Writer
}

// ConfigDir follows ZEROCLAW_CONFIG_DIR and HOME. (ZEROCLAW_DATA_DIR alone leads the real one to HOME too.)
func ConfigDir(lookup func(string) (string, bool)) string {
	if dir, ok := lookup("ZEROCLAW_CONFIG_DIR"); ok && dir != "" {
		return dir
	}
	home, _ := lookup("HOME")
	return filepath.Join(home, ".zeroclaw")
}

// Run serves until the context ends. Its error is what the process's exit code 1 should be explained with.
func Run(ctx context.Context, settings Settings) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d := &Daemon{dir: settings.ConfigDir, environ: settings.Environ, verbose: settings.Verbose, stderr: settings.Stderr,
		started: time.Now(), reload: make(chan struct{}, 1), stop: stop}
	if err := d.load(); err != nil {
		return err
	}
	for _, dir := range []string{d.data(), filepath.Join(d.data(), "memory"), filepath.Join(d.data(), "state"),
		filepath.Join(d.dir, "state"), filepath.Join(d.dir, "shared", "skills")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("the config directory must be writable: %w", err)
		}
	}
	lock, err := lockFile(filepath.Join(d.data(), "daemon.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := d.seedWorkspaces(); err != nil {
		return err
	}
	fmt.Fprintf(d.stderr, "ZeroClaw %s stand-in for tests: config %s\n", Version, d.configFile())
	for {
		again, err := d.serve(ctx)
		if err != nil || !again {
			return err
		}
		if err := d.load(); err != nil {
			return err
		}
	}
}

func (d *Daemon) configFile() string { return filepath.Join(d.dir, "config.toml") }
func (d *Daemon) data() string       { return filepath.Join(d.dir, "data") }

func (d *Daemon) log(format string, values ...any) {
	if d.verbose {
		fmt.Fprintf(d.stderr, time.Now().UTC().Format(time.RFC3339)+" "+format+"\n", values...)
	}
}

// load reads the file. The real one writes a default file when there is none; the stand-in runs on the same
// defaults (loopback, no model) and writes nothing.
func (d *Daemon) load() error {
	content, err := os.ReadFile(d.configFile())
	if errors.Is(err, os.ErrNotExist) {
		content = []byte("schema_version = 3\n")
		d.log("WARN no %s: running on defaults", d.configFile())
	} else if err != nil {
		return err
	}
	config, err := Load(string(content), d.environ)
	if err != nil {
		return err
	}
	for _, warning := range config.Warnings {
		d.log("WARN %s", warning)
	}
	if len(config.MCP.Servers) > 0 {
		d.log("WARN this stand-in connects to no MCP server")
	}
	d.config.Store(config)
	d.tokens.Store(newTokenSet(config.Gateway.PairedTokens))
	return nil
}

// seedWorkspaces writes the two personality files that are missing, and never over one that is there.
func (d *Daemon) seedWorkspaces() error {
	config := d.config.Load()
	for alias := range config.Agents {
		box, err := d.toolbox(config, alias)
		if err != nil {
			return err
		}
		for name, content := range map[string]string{"SOUL.md": "# Soul\n", "IDENTITY.md": "# Identity\n"} {
			file, err := os.OpenFile(filepath.Join(box.workspace, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if err != nil {
				d.log("%s of %s is left as it is: %v", name, alias, err)
				continue
			}
			_, err = file.WriteString(content)
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// serve listens until the context ends (false) or a reload is asked for (true).
func (d *Daemon) serve(ctx context.Context) (again bool, err error) {
	gateway := d.config.Load().Gateway
	address := net.JoinHostPort(strings.Trim(gateway.Host, "[]"), strconv.Itoa(int(gateway.Port)))
	if bare := strings.Contains(gateway.Host, ":") && !strings.HasPrefix(gateway.Host, "["); bare || net.ParseIP(strings.Trim(gateway.Host, "[]")) == nil {
		d.log("WARN gateway host %q did not parse as a SocketAddr; falling back to 127.0.0.1", gateway.Host)
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(gateway.Port)))
	}
	network := "tcp"
	if strings.HasPrefix(address, "0.0.0.0:") {
		network = "tcp4" // Go would listen on IPv6 too
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return false, err
	}
	server := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	d.log("gateway listening on %s", listener.Addr())
	select {
	case err := <-failed:
		return false, err
	case <-ctx.Done():
	case <-d.reload:
		again = true
		time.Sleep(200 * time.Millisecond) // the answer to the caller leaves first
	}
	// In-flight turns are cut, as by the real one: half a second, then the end.
	grace, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if server.Shutdown(grace) != nil {
		err = server.Close()
	}
	return again, err
}

// lockFile keeps a second daemon off the same data directory.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another daemon holds %s: %w", path, err)
	}
	return file, nil
}
