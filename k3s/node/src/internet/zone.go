package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A zone file has one rule a line (# starts a comment):
//
//	NAME TYPE TTL ANSWERS
//
// NAME is a host name, *.NAME (everything below it) or *; the longest match
// wins, whatever its types. TYPE is A, AAAA, CNAME, TXT or RCODE. ANSWERS are
// values separated by commas; with " / " between several of them, the first
// query gets the first, the second the second, and so on; the last one stays.
// RCODE's values are NXDOMAIN, SERVFAIL, REFUSED and TIMEOUT (no answer).
//
// DIR/zone is read before DIR/zone.default, which holds the names that
// everybody has.
type rule struct {
	kind string
	ttl  uint32
	seq  [][]string
}

type zone map[string]map[string]rule // name, type

type zoneHolder struct {
	mu    sync.Mutex
	zone  zone
	asked map[string]int // how often a name and type was asked for
}

func parse(text []byte) (zone, error) {
	z := zone{}
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		bad := func(what string) error { return fmt.Errorf("zone, line %d: %s: %q", n+1, what, line) }
		if len(f) < 4 {
			return nil, bad("wanted NAME TYPE TTL ANSWERS")
		}
		name, kind := strings.ToLower(strings.TrimSuffix(f[0], ".")), strings.ToUpper(f[1])
		ttl, err := strconv.ParseUint(f[2], 10, 31)
		if err != nil {
			return nil, bad("the TTL is no number of seconds")
		}
		r := rule{kind: kind, ttl: uint32(ttl)}
		for _, step := range strings.Split(strings.Join(f[3:], " "), " / ") {
			values := strings.Split(strings.TrimSpace(step), ",")
			for i, v := range values {
				values[i] = strings.TrimSpace(v)
				a, err := netip.ParseAddr(values[i])
				switch {
				case kind == "A" && (err != nil || !a.Is4()), kind == "AAAA" && (err != nil || !a.Is6()):
					return nil, bad("no address for " + kind)
				case kind == "RCODE" && rcodes[values[i]] == nil:
					return nil, bad("RCODE is NXDOMAIN, SERVFAIL, REFUSED or TIMEOUT")
				case !strings.Contains(" A AAAA CNAME TXT RCODE ", " "+kind+" "):
					return nil, bad("the type is A, AAAA, CNAME, TXT or RCODE")
				}
			}
			r.seq = append(r.seq, values)
		}
		if z[name] == nil {
			z[name] = map[string]rule{}
		}
		z[name][kind] = r
	}
	return z, nil
}

// reload reads both zone files; on an error the old zone stays.
func (w *world) reload() error {
	merged := zone{}
	for _, f := range []string{"zone.default", "zone"} {
		b, err := os.ReadFile(filepath.Join(w.dir, f))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		z, err := parse(b)
		if err != nil {
			return err
		}
		for name, rules := range z {
			merged[name] = rules
		}
	}
	w.zone.mu.Lock()
	defer w.zone.mu.Unlock()
	w.zone.zone, w.zone.asked = merged, map[string]int{}
	return nil
}

// watchZone makes an edit of DIR/zone take effect without being told.
func (w *world) watchZone() {
	path := filepath.Join(w.dir, "zone")
	last, _ := os.ReadFile(path)
	for range time.Tick(200 * time.Millisecond) {
		if b, err := os.ReadFile(path); err == nil && !bytes.Equal(b, last) {
			last = b
			if err := w.reload(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

func (h *zoneHolder) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = map[string]int{}
}

// find gives the rules of the longest match for a name, or nil.
func (z zone) find(name string) map[string]rule {
	if r := z[name]; r != nil {
		return r
	}
	for rest := name; ; {
		_, after, more := strings.Cut(rest, ".")
		if !more {
			break
		}
		if r := z["*."+after]; r != nil {
			return r
		}
		rest = after
	}
	if !strings.Contains(name, ".") {
		return nil // a bare word is no name on the internet
	}
	return z["*"]
}

// next gives the values a query gets now and counts it. Without a rule of the
// asked type, a CNAME or an RCODE rule of the name answers. found is false for
// a name that does not exist.
func (h *zoneHolder) next(name, kind string) (r rule, values []string, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rules := h.zone.find(name)
	if rules == nil {
		return r, nil, false
	}
	for _, k := range []string{kind, "CNAME", "RCODE"} {
		r, ok := rules[k]
		if !ok {
			continue
		}
		key := name + " " + k
		i := min(h.asked[key], len(r.seq)-1)
		h.asked[key]++
		return r, r.seq[i], true
	}
	return r, nil, true
}
