package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

var rcodes = map[string]*dnsmessage.RCode{"NXDOMAIN": ptr(dnsmessage.RCodeNameError), "SERVFAIL": ptr(dnsmessage.RCodeServerFailure),
	"REFUSED": ptr(dnsmessage.RCodeRefused), "TIMEOUT": ptr(dnsmessage.RCode(0))}

func ptr[T any](v T) *T { return &v }

// query is a line of dns.jsonl. dst tells the resolver everybody is to use
// (203.0.113.53) from an address somebody tried on their own.
type query struct {
	At      string   `json:"at"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Via     string   `json:"via"`
	Src     string   `json:"src"`
	Dst     string   `json:"dst"`
	RCode   string   `json:"rcode"`
	Answers []string `json:"answers"`
}

// serveDNS answers on port 53 of every address, by UDP and TCP.
func (w *world) serveDNS() error {
	err := listenUDP(53, func(b []byte, src, dst netip.AddrPort) []byte {
		return w.answer(b, "udp", src, dst.Addr())
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", ":53")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			check(err)
			go w.dnsOverTCP(w.track(c))
		}
	}()
	return nil
}

func (w *world) dnsOverTCP(c *conn) {
	defer c.Close()
	for {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		a := w.answer(b, "tcp", c.src, c.dst.Addr())
		if a == nil {
			return
		}
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
	}
}

// answer gives the reply to one message, or nil for silence.
func (w *world) answer(b []byte, via string, src netip.AddrPort, dst netip.Addr) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	line := query{At: now(), Name: name, Type: kind, Via: via, Src: src.String(), Dst: dst.String(), RCode: "NOERROR", Answers: []string{}}
	defer func() { w.dns.add(line) }()

	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: h.ID, Response: true, RecursionDesired: h.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{q},
	}
	owner := q.Name
	for range 8 { // a chain of CNAMEs
		r, values, found := w.zone.next(strings.ToLower(strings.TrimSuffix(owner.String(), ".")), kind)
		if !found {
			r, values = rule{kind: "RCODE"}, []string{"NXDOMAIN"}
		}
		if r.kind == "RCODE" && len(values) > 0 {
			line.RCode = values[0]
			if line.RCode == "TIMEOUT" {
				return nil
			}
			reply.RCode = *rcodes[values[0]]
			break
		}
		for _, v := range values {
			res, err := resource(owner, r.kind, r.ttl, v)
			if err != nil {
				line.RCode = err.Error()
				return nil
			}
			reply.Answers = append(reply.Answers, res)
			line.Answers = append(line.Answers, v)
		}
		if r.kind != "CNAME" || kind == "CNAME" || len(values) == 0 {
			break
		}
		if owner, err = dnsmessage.NewName(strings.TrimSuffix(values[0], ".") + "."); err != nil {
			line.RCode = err.Error()
			return nil
		}
	}
	if len(reply.Answers) == 0 { // how long "no" may be remembered
		root := dnsmessage.MustNewName(".")
		reply.Authorities = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: root, Type: dnsmessage.TypeSOA, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.SOAResource{NS: root, MBox: root, Serial: 1, Refresh: 60, Retry: 60, Expire: 60, MinTTL: 1},
		}}
	}
	if withEDNS(&p) {
		var opt dnsmessage.ResourceHeader
		check(opt.SetEDNS0(1232, dnsmessage.RCodeSuccess, false))
		reply.Additionals = []dnsmessage.Resource{{Header: opt, Body: &dnsmessage.OPTResource{}}}
	}
	out, err := reply.Pack()
	if err != nil {
		line.RCode = err.Error()
		return nil
	}
	return out
}

func withEDNS(p *dnsmessage.Parser) bool {
	if p.SkipAllQuestions() != nil || p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return false
	}
	for {
		h, err := p.AdditionalHeader()
		if err != nil {
			return false
		}
		if h.Type == dnsmessage.TypeOPT {
			return true
		}
		if p.SkipAdditional() != nil {
			return false
		}
	}
}

func resource(owner dnsmessage.Name, kind string, ttl uint32, v string) (dnsmessage.Resource, error) {
	r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: ttl}}
	switch kind {
	case "A":
		r.Header.Type, r.Body = dnsmessage.TypeA, &dnsmessage.AResource{A: netip.MustParseAddr(v).As4()}
	case "AAAA":
		r.Header.Type, r.Body = dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(v).As16()}
	case "TXT":
		r.Header.Type, r.Body = dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: []string{v}}
	case "CNAME":
		n, err := dnsmessage.NewName(strings.TrimSuffix(v, ".") + ".")
		r.Header.Type, r.Body = dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: n}
		return r, err
	default:
		return r, fmt.Errorf("no resource of type %s", kind)
	}
	return r, nil
}

// listenUDP answers datagrams to a port of every address, from the address
// they were sent to. The handler gives the reply, or nil.
func listenUDP(port int, handle func(b []byte, src, dst netip.AddrPort) []byte) error {
	for _, network := range []string{"udp4", "udp6"} {
		c, err := net.ListenPacket(network, fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		var read func([]byte) (int, netip.Addr, net.Addr, error)
		var write func([]byte, netip.Addr, net.Addr) error
		if network == "udp4" {
			p := ipv4.NewPacketConn(c)
			if err := p.SetControlMessage(ipv4.FlagDst, true); err != nil {
				return err
			}
			read = func(b []byte) (int, netip.Addr, net.Addr, error) {
				n, cm, from, err := p.ReadFrom(b)
				if err != nil {
					return 0, netip.Addr{}, nil, err
				}
				dst, _ := netip.AddrFromSlice(cm.Dst.To4())
				return n, dst, from, nil
			}
			write = func(b []byte, src netip.Addr, to net.Addr) error {
				_, err := p.WriteTo(b, &ipv4.ControlMessage{Src: src.AsSlice()}, to)
				return err
			}
		} else {
			p := ipv6.NewPacketConn(c)
			if err := p.SetControlMessage(ipv6.FlagDst, true); err != nil {
				return err
			}
			read = func(b []byte) (int, netip.Addr, net.Addr, error) {
				n, cm, from, err := p.ReadFrom(b)
				if err != nil {
					return 0, netip.Addr{}, nil, err
				}
				dst, _ := netip.AddrFromSlice(cm.Dst)
				return n, dst, from, nil
			}
			write = func(b []byte, src netip.Addr, to net.Addr) error {
				_, err := p.WriteTo(b, &ipv6.ControlMessage{Src: src.AsSlice()}, to)
				return err
			}
		}
		go func() {
			b := make([]byte, 65536)
			for {
				n, dst, from, err := read(b)
				if err != nil {
					fmt.Println("udp:", err)
					time.Sleep(10 * time.Millisecond)
					continue
				}
				src := from.(*net.UDPAddr).AddrPort()
				out := handle(b[:n], netip.AddrPortFrom(src.Addr().Unmap(), src.Port()), netip.AddrPortFrom(dst, uint16(port)))
				if out != nil {
					if err := write(out, dst, from); err != nil {
						fmt.Println("udp:", err)
					}
				}
			}
		}()
	}
	return nil
}
