// internet plays the internet for a test node, inside a network namespace that
// owns the documentation ranges: a DNS server for every name, TLS and HTTP
// origins on every address, and a record of all that arrives. One JSON object
// per line in DIR: dns.jsonl (queries), conns.jsonl (TCP connections), udp.jsonl
// (datagrams), packets.jsonl (every flow and echo request that came in by the
// link, answered or not).
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "ctl" {
		os.Exit(ctl(os.Args[2], os.Args[3]))
	}
	dir := flag.String("dir", "", "records, zone files, CA and control socket")
	link := flag.String("link", "inet0", "interface whose incoming packets are recorded")
	ports := flag.String("ports", "", "further TCP ports to answer on, comma separated")
	flag.Parse()

	w := &world{dir: *dir}
	w.open = map[int64]*conn{}
	for _, r := range []struct {
		to   **record
		name string
	}{{&w.dns, "dns"}, {&w.conns, "conns"}, {&w.udp, "udp"}, {&w.packets, "packets"}} {
		f, err := newRecord(filepath.Join(*dir, r.name+".jsonl"))
		check(err)
		*r.to = f
	}
	var err error
	w.ca, err = newCA(filepath.Join(*dir, "internet-ca.crt"))
	check(err)
	check(w.reload())
	go w.watchZone()

	tap, err := newTap(*link, w.packets)
	check(err)
	w.tap = tap
	go tap.run()

	check(w.serveDNS())
	check(w.serveUDP(443))
	list := []string{"22", "25", "80", "443", "465", "587", "853", "993", "8080", "8443"}
	if *ports != "" {
		list = append(list, strings.Split(*ports, ",")...)
	}
	for _, p := range list {
		check(w.serveTCP(p))
	}
	check(w.control(filepath.Join(*dir, "control.sock")))
	fmt.Println("ready")
	select {}
}

// world is what all the servers share.
type world struct {
	dir                      string
	dns, conns, udp, packets *record
	ca                       *authority
	zone                     zoneHolder
	tap                      *tap
	connections
}

// control answers one verb per line with one line of JSON. A unix socket is
// reached by its path from any network namespace.
func (w *world) control(path string) error {
	os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			check(err)
			go func() {
				defer c.Close()
				s := bufio.NewScanner(c)
				for s.Scan() {
					b, err := json.Marshal(w.verb(s.Text()))
					check(err)
					c.Write(append(b, '\n'))
				}
			}()
		}
	}()
	return nil
}

func (w *world) verb(verb string) any {
	type answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	}
	switch verb {
	case "reload": // read the zone files now; answer sequences start again
		if err := w.reload(); err != nil {
			return answer{Error: err.Error()}
		}
	case "reset": // forget all records; answer sequences start again
		w.tap.reset()
		for _, r := range []*record{w.dns, w.conns, w.udp, w.packets} {
			if err := r.truncate(); err != nil {
				return answer{Error: err.Error()}
			}
		}
		w.zone.restart()
	case "flush": // packets.jsonl is up to date when this answers
		w.tap.flush()
	case "open":
		return w.list()
	default:
		return answer{Error: fmt.Sprintf("unknown verb %q; allowed: reload, reset, flush, open", verb)}
	}
	return answer{OK: true}
}

func ctl(path, verb string) int {
	c, err := net.DialTimeout("unix", path, 2*time.Second)
	check(err)
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(c, verb)
	line, err := bufio.NewReader(c).ReadString('\n')
	check(err)
	fmt.Print(line)
	if strings.Contains(line, `"error"`) {
		return 1
	}
	return 0
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "internet:", err)
		os.Exit(1)
	}
}
