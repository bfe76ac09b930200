package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// pause waits for SIGTERM and reaps whatever is left to it.
func pause() {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for s := range c {
		if s != syscall.SIGCHLD {
			os.Exit(0)
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}

// serve NAME PORT...: every TCP connection, IPv4 and IPv6, gets one HTTP reply
// naming the server; a datagram to the same port gets the same line.
func serve(args []string) {
	need(args, 2, "serve NAME PORT...")
	for _, p := range args[1:] {
		l, err := net.Listen("tcp", ":"+p)
		check(err)
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "hello from %s to %s\n", args[0], r.RemoteAddr)
		}))
		u, err := net.ListenPacket("udp", ":"+p)
		check(err)
		go func() {
			b := make([]byte, 2048)
			for {
				_, from, err := u.ReadFrom(b)
				check(err)
				u.WriteTo(fmt.Appendf(nil, "hello from %s to %s\n", args[0], from), from)
			}
		}()
		fmt.Println("listening on", p)
	}
	pause()
}

// id: who this process is, and what confines it.
func id([]string) {
	h, _ := os.Hostname()
	groups, _ := os.Getgroups()
	fmt.Printf("uid=%d gid=%d groups=%v host=%s\n", os.Getuid(), os.Getgid(), groups, h)
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "Seccomp:") || strings.HasPrefix(l, "CapEff") || strings.HasPrefix(l, "CapBnd") || strings.HasPrefix(l, "NoNewPrivs") {
			fmt.Println(l)
		}
	}
	b, _ = os.ReadFile("/proc/self/uid_map")
	fmt.Print("uid_map ", string(b))
}

func cat(args []string) {
	for _, f := range args {
		b, err := os.ReadFile(f)
		check(err)
		fmt.Printf("%s: %s\n", f, strings.TrimRight(string(b), "\n"))
	}
}

func write(args []string) {
	need(args, 2, "write FILE TEXT")
	check(os.WriteFile(args[0], []byte(args[1]), 0o644))
	fmt.Println("wrote", args[0])
}

// install DEST: copy this program there.
func install(args []string) {
	need(args, 1, "install DEST")
	b, err := os.ReadFile("/proc/self/exe")
	check(err)
	check(os.WriteFile(args[0], b, 0o755))
}

func ls(args []string) {
	for _, d := range args {
		es, err := os.ReadDir(d)
		check(err)
		for _, e := range es {
			fmt.Println(filepath.Join(d, e.Name()))
		}
	}
}

func env([]string) { fmt.Println(strings.Join(os.Environ(), "\n")) }
