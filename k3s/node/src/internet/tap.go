package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// flow is a line of packets.jsonl: written at its first packet and again,
// within a quarter of a second, when its counts have changed. The last line of
// a flow (proto, src, dst) holds. An echo request has a line of its own, with
// the size of its payload.
type flow struct {
	At      string `json:"at"` // first packet
	Last    string `json:"last"`
	Proto   string `json:"proto"` // tcp | udp | icmp | icmp6 | ip-N
	Src     string `json:"src"`
	Dst     string `json:"dst"`
	Packets int    `json:"packets"`
	Bytes   int    `json:"bytes"` // IP payload
	Echo    *int   `json:"echo,omitempty"`
	dirty   bool
	seen    time.Time
}

// tap sees every packet that comes in by the link, whether or not anybody
// listens for it.
type tap struct {
	mu    sync.Mutex
	fd    int
	out   *record
	flows map[string]*flow
}

func newTap(link string, out *record) (*tap, error) {
	i, err := net.InterfaceByName(link)
	if err != nil {
		return nil, err
	}
	all := binary.NativeEndian.Uint16([]byte{0, syscall.ETH_P_ALL})
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, int(all))
	if err != nil {
		return nil, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, 16<<20); err != nil {
		return nil, err
	}
	return &tap{fd: fd, out: out, flows: map[string]*flow{}},
		syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: i.Index})
}

func (t *tap) run() {
	go func() {
		for range time.Tick(250 * time.Millisecond) {
			t.flush()
		}
	}()
	b := make([]byte, 65536)
	for {
		n, from, err := syscall.Recvfrom(t.fd, b, 0)
		if err == syscall.EINTR {
			continue
		}
		check(err)
		if l, ok := from.(*syscall.SockaddrLinklayer); ok && l.Pkttype != syscall.PACKET_OUTGOING {
			t.packet(b[:n])
		}
	}
}

func (t *tap) packet(b []byte) {
	var src, dst netip.Addr
	var proto byte
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		head := int(b[0]&15) * 4
		if len(b) < head {
			return
		}
		src, dst, proto, b = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9], b[head:]
	case len(b) >= 40 && b[0]>>4 == 6:
		src, dst, proto, b = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[6], b[40:]
	default:
		return // ARP and the like
	}
	if dst.IsMulticast() {
		return // the node's own chatter on the link
	}
	f := flow{Proto: fmt.Sprintf("ip-%d", proto), Src: src.String(), Dst: dst.String()}
	switch {
	case (proto == 6 || proto == 17) && len(b) >= 4:
		f.Proto = map[byte]string{6: "tcp", 17: "udp"}[proto]
		f.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)).String()
		f.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:])).String()
	case (proto == 1 || proto == 58) && len(b) >= 8:
		f.Proto = map[byte]string{1: "icmp", 58: "icmp6"}[proto]
		if proto == 58 && b[0] != 128 { // neighbour discovery
			return
		}
		if b[0] == 8 || b[0] == 128 {
			size := len(b) - 8
			f.Echo = &size
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := time.Now()
	f.At, f.Last, f.seen, f.Packets, f.Bytes = stamp(at), stamp(at), at, 1, len(b)
	if f.Echo != nil {
		t.out.add(f)
		return
	}
	key := f.Proto + f.Src + f.Dst
	old := t.flows[key]
	if old == nil {
		t.flows[key] = &f
		t.out.add(f)
		return
	}
	old.Last, old.seen, old.dirty = f.Last, at, true
	old.Packets++
	old.Bytes += len(b)
}

// flush writes what has changed and forgets flows that ended long ago.
func (t *tap) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, f := range t.flows {
		if f.dirty {
			f.dirty = false
			t.out.add(f)
		} else if time.Since(f.seen) > 5*time.Minute {
			delete(t.flows, k)
		}
	}
}

func (t *tap) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.flows)
}
