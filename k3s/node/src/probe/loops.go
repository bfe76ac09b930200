package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// dialLoop ADDR EVERY_MS FOR_S: one line per change of outcome, with counts and
// milliseconds since the process started; then it waits.
func dialLoop(args []string) {
	need(args, 3, "dial ADDR EVERY_MS FOR_S")
	every, err := strconv.Atoi(args[1])
	check(err)
	secs, err := strconv.Atoi(args[2])
	check(err)
	fmt.Printf("started %s\n", start.UTC().Format(time.RFC3339Nano))
	last, n, opened := "", 0, 0
	var lastOpen time.Duration
	for time.Since(start) < time.Duration(secs)*time.Second {
		at := time.Since(start)
		s := outcome(args[0], 500*time.Millisecond)
		if s == "open" {
			opened++
			lastOpen = at
		}
		if s != last {
			fmt.Printf("+%d ms %s\n", at.Milliseconds(), s)
			last = s
		}
		n++
		time.Sleep(ms(every))
	}
	fmt.Printf("done: %d tries, %d opened, last opened at +%d ms\n", n, opened, lastOpen.Milliseconds())
	pause()
}

// gate ADDR TIMEOUT_S: exit 0 once ADDR has not answered 3 connects in a row.
func gate(args []string) {
	need(args, 2, "gate ADDR TIMEOUT_S")
	limit, err := strconv.Atoi(args[1])
	check(err)
	blocked, opened := 0, 0
	for time.Since(start) < time.Duration(limit)*time.Second {
		if s := outcome(args[0], 250*time.Millisecond); s == "open" {
			blocked = 0
			opened++
		} else if blocked++; blocked == 3 {
			fmt.Printf("gate: %s blocked after %d ms (%d connects had opened before)\n", args[0], time.Since(start).Milliseconds(), opened)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("gate: %s still answers after %d s\n", args[0], limit)
	os.Exit(1)
}

// target is what hammering one address came to.
type target struct {
	Addr     string         `json:"addr"`
	Tries    int            `json:"tries"`
	Opened   int            `json:"opened"`
	First    string         `json:"firstOpened,omitempty"`
	Last     string         `json:"lastOpened,omitempty"`
	Outcomes map[string]int `json:"outcomes"`
}

// hammer ADDR[,ADDR...] SECONDS: connects without a pause, four at a time to
// each address. "open" when any of them ever opened.
func hammer(args []string) {
	need(args, 2, "hammer ADDR[,ADDR...] SECONDS")
	secs, err := strconv.ParseFloat(args[1], 64)
	check(err)
	addrs := strings.Split(args[0], ",")
	r := result{Outcome: "refused", Targets: make([]target, len(addrs))}
	var wg sync.WaitGroup
	var mu sync.Mutex
	end := time.Now().Add(time.Duration(secs * float64(time.Second)))
	for i, a := range addrs {
		r.Targets[i] = target{Addr: a, Outcomes: map[string]int{}}
		for range 4 {
			wg.Go(func() {
				for time.Now().Before(end) {
					began := time.Now()
					o := outcome(a, 250*time.Millisecond)
					mu.Lock()
					t := &r.Targets[i]
					t.Tries++
					t.Outcomes[o]++
					if o == "open" {
						r.Outcome = "open"
						t.Opened++
						t.Last = stamp(began)
						if t.First == "" {
							t.First = t.Last
						}
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	r.end()
}

// ignoreTerm ADDR [EVERY_MS]: the main process of a pod that does not want to
// go: ignores every polite signal and says when it got through, and how often
// it tried.
func ignoreTerm(args []string) {
	need(args, 1, "ignore-term ADDR [EVERY_MS]")
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	every := 20
	if len(args) > 1 {
		var err error
		every, err = strconv.Atoi(args[1])
		check(err)
	}
	fmt.Println("started", stamp(time.Now()))
	for n, told := 1, time.Now(); ; n++ {
		at := time.Now()
		if outcome(args[0], 250*time.Millisecond) == "open" {
			fmt.Println("open", stamp(at))
		}
		if time.Since(told) > time.Second {
			fmt.Println("tries", n)
			told = time.Now()
		}
		time.Sleep(ms(every))
	}
}

// portsPerProcess keeps one process below the usual limit of open files.
const portsPerProcess = 4000

// exhaustPorts: takes every local port of the network namespace that the
// kernel would choose from, TCP and UDP, and keeps them until it is ended. It
// starts itself again for shares of the range: no process may hold them all.
func exhaustPorts(args []string) {
	if len(args) == 2 {
		takePorts(args)
		return
	}
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	check(err)
	f := strings.Fields(string(b))
	low, err := strconv.Atoi(f[0])
	check(err)
	high, err := strconv.Atoi(f[1])
	check(err)
	runtime.LockOSThread() // the children are to end with the thread that started them
	var said []io.Reader
	for from := low; from <= high; from += portsPerProcess {
		c := exec.Command("/proc/self/exe", "exhaust-ports", strconv.Itoa(from), strconv.Itoa(min(from+portsPerProcess-1, high)))
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		check(err)
		check(c.Start())
		said = append(said, out)
	}
	tcp, udp := 0, 0
	for _, r := range said {
		var t, u int
		_, err := fmt.Fscan(r, &t, &u)
		check(err)
		tcp, udp = tcp+t, udp+u
	}
	fmt.Printf("{\"outcome\":\"open\",\"tcp\":%d,\"udp\":%d,\"of\":%d}\n", tcp, udp, high-low+1)
	pause()
}

func takePorts(args []string) {
	low, err := strconv.Atoi(args[0])
	check(err)
	high, err := strconv.Atoi(args[1])
	check(err)
	var kept []any // a listener that is collected would be closed
	tcp, udp := 0, 0
	for p := low; p <= high; p++ {
		// one dual-stack socket takes the port for IPv4 and IPv6; a port in use is taken already
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", p)); err == nil {
			kept = append(kept, l)
			tcp++
		}
		if c, err := net.ListenPacket("udp", fmt.Sprintf(":%d", p)); err == nil {
			kept = append(kept, c)
			udp++
		}
	}
	fmt.Println(tcp, udp)
	pause()
	runtime.KeepAlive(kept)
}
