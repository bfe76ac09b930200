package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// icmp ADDR BYTES: an echo request with that much payload from a ping socket,
// which needs no privilege where ping_group_range allows it.
func icmp(args []string) { echo(args, syscall.SOCK_DGRAM) }

// icmpRaw ADDR BYTES: the same from a raw socket, which needs NET_RAW.
func icmpRaw(args []string) { echo(args, syscall.SOCK_RAW) }

func echo(args []string, kind int) {
	f := flag.NewFlagSet("icmp", flag.ExitOnError)
	t := timeoutFlag(f)
	args = flags(f, args)
	need(args, 2, "icmp|icmp-raw ADDR BYTES [--timeout MS]")
	to, err := netip.ParseAddr(args[0])
	check(err)
	size, err := strconv.Atoi(args[1])
	check(err)
	family, proto, request := syscall.AF_INET, syscall.IPPROTO_ICMP, byte(8)
	var sa syscall.Sockaddr
	if to.Is6() && !to.Is4In6() {
		family, proto, request = syscall.AF_INET6, syscall.IPPROTO_ICMPV6, 128
		six := &syscall.SockaddrInet6{Addr: to.As16()}
		if i, err := net.InterfaceByName(to.Zone()); err == nil {
			six.ZoneId = uint32(i.Index)
		}
		sa = six
	} else {
		sa = &syscall.SockaddrInet4{Addr: to.Unmap().As4()}
	}
	fd, err := syscall.Socket(family, kind, proto)
	if err != nil {
		r := failed(err)
		r.Stage = "socket"
		r.end()
	}
	limit := syscall.NsecToTimeval(ms(*t).Nanoseconds())
	check(syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit))
	b := make([]byte, 8+size)
	b[0] = request
	binary.BigEndian.PutUint16(b[4:], uint16(os.Getpid()))
	binary.BigEndian.PutUint16(b[6:], 1)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	if err := syscall.Sendto(fd, b, 0, sa); err != nil {
		r := failed(err)
		r.Stage = "send"
		r.end()
	}
	in := make([]byte, 65536)
	n, _, err := syscall.Recvfrom(fd, in, 0)
	if err == syscall.EAGAIN {
		err = syscall.ETIMEDOUT
	}
	r := failed(err)
	r.Stage, r.Bytes = "receive", int64(max(n, 0))
	r.end()
}

func checksum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		if i+1 < len(b) {
			s += uint32(binary.BigEndian.Uint16(b[i:]))
		} else {
			s += uint32(b[i]) << 8
		}
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// neighbour is a machine on the pod's own link and what answered there.
type neighbour struct {
	IP      string            `json:"ip,omitempty"`
	MAC     string            `json:"mac,omitempty"`
	Address string            `json:"address"`
	Ports   map[string]string `json:"ports"`
}

// linkLocal PORT...: every neighbour has an IPv6 link-local address that follows
// from its MAC, which the kernel learns for anybody who sends it a packet.
// Tries the ports there. "open" when any of them opened.
func linkLocal(args []string) {
	f := flag.NewFlagSet("ll", flag.ExitOnError)
	link := f.String("link", "eth0", "interface")
	scan := f.Bool("scan", true, "first send a datagram to every address of the link's IPv4 network")
	address := f.String("address", "", "try this link-local address too")
	t := timeoutFlag(f)
	args = flags(f, args)
	need(args, 1, "ll PORT... [--link eth0] [--scan=false] [--address fe80::...] [--timeout MS]")
	if *scan {
		scanNetwork(*link)
	}
	var all []neighbour
	if *address != "" {
		all = append(all, neighbour{Address: *address})
	}
	b, err := os.ReadFile("/proc/self/net/arp")
	check(err)
	for _, l := range strings.Split(string(b), "\n")[1:] {
		// address, type, flags, MAC, mask, device; flags 0x0: nobody answered
		if f := strings.Fields(l); len(f) == 6 && f[5] == *link && f[2] != "0x0" {
			mac, err := net.ParseMAC(f[3])
			check(err)
			all = append(all, neighbour{IP: f[0], MAC: f[3], Address: fromMAC(mac).String()})
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	r := result{Outcome: "timeout", Detail: fmt.Sprintf("%d neighbours", len(all))}
	for i := range all {
		all[i].Ports = map[string]string{}
		for _, p := range args {
			wg.Go(func() {
				o := outcome(fmt.Sprintf("[%s%%%s]:%s", all[i].Address, *link, p), ms(*t))
				mu.Lock()
				defer mu.Unlock()
				all[i].Ports[p] = o
				if o == "open" || r.Outcome != "open" && o != "timeout" {
					r.Outcome = o
				}
			})
		}
	}
	wg.Wait()
	if len(all) == 0 {
		r.Outcome = "error:no neighbours"
	}
	r.Neighbours = all
	r.end()
}

// fromMAC gives the address that the kernel makes of a MAC (EUI-64).
func fromMAC(m net.HardwareAddr) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

func scanNetwork(link string) {
	i, err := net.InterfaceByName(link)
	check(err)
	addrs, err := i.Addrs()
	check(err)
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		check(err)
		if !p.Addr().Is4() || p.Bits() < 22 {
			continue
		}
		c, err := net.ListenPacket("udp4", ":0")
		check(err)
		for x := p.Masked().Addr().Next(); p.Contains(x); x = x.Next() {
			// an error is no matter: asking for the MAC is what this is for
			c.WriteTo([]byte("x"), &net.UDPAddr{IP: x.AsSlice(), Port: 9})
		}
		c.Close()
	}
	time.Sleep(time.Second)
}
