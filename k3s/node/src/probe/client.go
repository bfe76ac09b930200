package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"
)

var start = time.Now()

// result is the line a client command prints. Fields that say nothing are left out.
type result struct {
	Outcome string   `json:"outcome"`
	Detail  string   `json:"detail,omitempty"`
	MS      int64    `json:"ms"`
	At      string   `json:"at"`
	Stage   string   `json:"stage,omitempty"`  // connect: how far it came: proxy, connect, tls, http
	Status  int      `json:"status,omitempty"` // the proxy's answer
	HTTP    int      `json:"http,omitempty"`   // the origin's answer
	Issuer  string   `json:"issuer,omitempty"` // of the certificate that reached this client
	SANs    []string `json:"sans,omitempty"`
	Trusted *bool    `json:"trusted,omitempty"` // by --ca, for the name asked for
	Body    string   `json:"body,omitempty"`    // its first bytes
	Bytes   int64    `json:"bytes,omitempty"`
	HeldMS  int64    `json:"heldMs,omitempty"`
	Answers []string `json:"answers,omitempty"`
	RCode   string   `json:"rcode,omitempty"`

	Neighbours []neighbour `json:"neighbours,omitempty"`
	Targets    []target    `json:"targets,omitempty"`
}

// end prints the result and ends the program.
func (r result) end() {
	r.MS, r.At = time.Since(start).Milliseconds(), stamp(time.Now())
	b, err := json.Marshal(r)
	check(err)
	fmt.Println(string(b))
	if r.Outcome != "open" {
		os.Exit(1)
	}
	os.Exit(0)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// because gives the outcome of an error.
func because(err error) string {
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case err == nil:
		return "open"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &errno): // before the next: no free UDP port is EAGAIN, which Go calls a timeout
		if n := errnoNames[errno]; n != "" {
			return "error:" + n
		}
		return fmt.Sprintf("error:%d", int(errno))
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "error:" + err.Error()
}

var errnoNames = map[syscall.Errno]string{syscall.EACCES: "EACCES", syscall.EPERM: "EPERM", syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL",
	syscall.ENOBUFS: "ENOBUFS", syscall.EMFILE: "EMFILE", syscall.ENFILE: "ENFILE", syscall.EINVAL: "EINVAL", syscall.EAGAIN: "EAGAIN",
	syscall.EAFNOSUPPORT: "EAFNOSUPPORT", syscall.EPROTONOSUPPORT: "EPROTONOSUPPORT", syscall.ENODEV: "ENODEV", syscall.EMSGSIZE: "EMSGSIZE"}

func failed(err error) result {
	r := result{Outcome: because(err)}
	if err != nil {
		r.Detail = err.Error()
	}
	return r
}

// flags parses options that may stand before, between or after the arguments.
func flags(f *flag.FlagSet, args []string) []string {
	var rest []string
	for len(args) > 0 {
		check(f.Parse(args))
		if args = f.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest
}

func timeoutFlag(f *flag.FlagSet) *int { return f.Int("timeout", 2000, "milliseconds") }

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// tcp ADDR: does a connection open?
func tcp(args []string) {
	f := flag.NewFlagSet("tcp", flag.ExitOnError)
	t := timeoutFlag(f)
	args = flags(f, args)
	need(args, 1, "tcp ADDR [--timeout MS]")
	_, err := net.DialTimeout("tcp", args[0], ms(*t))
	failed(err).end()
}

// udp ADDR PAYLOADHEX: is a datagram answered?
func udp(args []string) {
	f := flag.NewFlagSet("udp", flag.ExitOnError)
	t := timeoutFlag(f)
	args = flags(f, args)
	need(args, 2, "udp ADDR PAYLOADHEX [--timeout MS]")
	payload, err := hex.DecodeString(args[1])
	check(err)
	b, err := exchange(args[0], payload, ms(*t))
	r := failed(err)
	r.Bytes, r.Body = int64(len(b)), text(b)
	r.end()
}

func exchange(addr string, payload []byte, limit time.Duration) ([]byte, error) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	if _, err := c.Write(payload); err != nil {
		return nil, err
	}
	b := make([]byte, 65536)
	n, err := c.Read(b)
	return b[:n], err
}

// text shows the start of some bytes, as hexadecimal when they are no text.
func text(b []byte) string {
	b = b[:min(len(b), 512)]
	if utf8.Valid(b) {
		return string(b)
	}
	return hex.EncodeToString(b)
}

// dns SERVER NAME [udp|tcp]: does SERVER (port 53 unless given) answer for the
// addresses of NAME? Any answer is "open"; rcode says which.
func dns(args []string) {
	f := flag.NewFlagSet("dns", flag.ExitOnError)
	t := timeoutFlag(f)
	kind := f.String("type", "A", "A or AAAA")
	args = flags(f, args)
	need(args, 2, "dns SERVER NAME [udp|tcp] [--type A|AAAA] [--timeout MS]")
	server, via := args[0], append(args, "udp")[2]
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(args[1], ".") + ".")
	check(err)
	q := dnsmessage.Question{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	if *kind == "AAAA" {
		q.Type = dnsmessage.TypeAAAA
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: uint16(os.Getpid()), RecursionDesired: true}, Questions: []dnsmessage.Question{q}}
	ask, err := m.Pack()
	check(err)
	var reply []byte
	if via == "tcp" {
		reply, err = exchangeTCP(server, ask, ms(*t))
	} else {
		reply, err = exchange(server, ask, ms(*t))
	}
	if err != nil {
		failed(err).end()
	}
	var a dnsmessage.Message
	if err := a.Unpack(reply); err != nil {
		failed(err).end()
	}
	r := result{Outcome: "open", RCode: rcodes[a.RCode]}
	for _, x := range a.Answers {
		switch v := x.Body.(type) {
		case *dnsmessage.AResource:
			r.Answers = append(r.Answers, net.IP(v.A[:]).String())
		case *dnsmessage.AAAAResource:
			r.Answers = append(r.Answers, net.IP(v.AAAA[:]).String())
		}
	}
	r.end()
}

var rcodes = map[dnsmessage.RCode]string{dnsmessage.RCodeSuccess: "NOERROR", dnsmessage.RCodeNameError: "NXDOMAIN",
	dnsmessage.RCodeServerFailure: "SERVFAIL", dnsmessage.RCodeRefused: "REFUSED", dnsmessage.RCodeFormatError: "FORMERR", dnsmessage.RCodeNotImplemented: "NOTIMP"}

func exchangeTCP(addr string, ask []byte, limit time.Duration) ([]byte, error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	if _, err := c.Write(append([]byte{byte(len(ask) >> 8), byte(len(ask))}, ask...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, int(size[0])<<8|int(size[1]))
	_, err = io.ReadFull(c, b)
	return b, err
}

// try ADDR [TIMEOUT_MS]: one connect, its outcome as a word.
func try(args []string) {
	need(args, 1, "try ADDR [TIMEOUT_MS]")
	t := 1500
	if len(args) > 1 {
		t, _ = strconv.Atoi(args[1])
	}
	s := outcome(args[0], ms(t))
	fmt.Println(s)
	if s != "open" {
		os.Exit(1)
	}
}

func outcome(addr string, timeout time.Duration) string {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err == nil {
		c.Close()
	}
	return because(err)
}

// get URL: the body, as it is.
func get(args []string) {
	need(args, 1, "get URL")
	c := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(args[0])
	check(err)
	io.Copy(os.Stdout, r.Body)
}

// resolve NAME: by the resolver of this container.
func resolve(args []string) {
	need(args, 1, "resolve NAME")
	a, err := net.LookupHost(args[0])
	check(err)
	fmt.Println(strings.Join(a, " "))
}
