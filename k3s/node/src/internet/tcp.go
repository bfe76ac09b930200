package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// event is a line of conns.jsonl. A connection is opened and closed; between
// the two it may show a TLS hello (sni is "" when it named nobody), HTTP
// requests or its first bytes, when these are neither.
type event struct {
	At     string `json:"at"`
	ID     int64  `json:"id"`
	Event  string `json:"event"` // open | hello | handshake | request | bytes | close
	Src    string `json:"src"`
	Dst    string `json:"dst"`
	Port   uint16 `json:"port"`
	SNI    string `json:"sni,omitempty"`
	Detail string `json:"detail,omitempty"`
	Host   string `json:"host,omitempty"`
	TLS    bool   `json:"tls"`
	In     int64  `json:"in"`  // bytes received so far, below TLS
	Out    int64  `json:"out"` // bytes sent so far
	Last   string `json:"last,omitempty"`
}

type connections struct {
	openMu sync.Mutex
	open   map[int64]*conn
	lastID int64
}

// conn is one TCP connection with its counts.
type conn struct {
	net.Conn
	w        *world
	id       int64
	src, dst netip.AddrPort
	tls      atomic.Bool
	sni      atomic.Value // string
	in, out  atomic.Int64
	last     atomic.Int64 // nanoseconds of the last byte received
	ended    sync.Once
}

func (w *world) track(c net.Conn) *conn {
	t := &conn{Conn: c, w: w, src: addrPort(c.RemoteAddr()), dst: addrPort(c.LocalAddr())}
	t.sni.Store("")
	w.openMu.Lock()
	w.lastID++
	t.id = w.lastID
	w.open[t.id] = t
	w.openMu.Unlock()
	t.note("open", "", "")
	return t
}

func addrPort(a net.Addr) netip.AddrPort {
	p := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

func (c *conn) event(what, detail, host string) event {
	e := event{At: now(), ID: c.id, Event: what, Src: c.src.String(), Dst: c.dst.Addr().String(), Port: c.dst.Port(),
		SNI: c.sni.Load().(string), Detail: detail, Host: host, TLS: c.tls.Load(), In: c.in.Load(), Out: c.out.Load()}
	if l := c.last.Load(); l != 0 {
		e.Last = stamp(time.Unix(0, l))
	}
	return e
}

func (c *conn) note(what, detail, host string) { c.w.conns.add(c.event(what, detail, host)) }

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.in.Add(int64(n))
		c.last.Store(time.Now().UnixNano())
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Add(int64(n))
	return n, err
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.ended.Do(func() {
		c.w.openMu.Lock()
		delete(c.w.open, c.id)
		c.w.openMu.Unlock()
		c.note("close", "", "")
	})
	return err
}

// list shows the connections that are open now, oldest first.
func (w *world) list() []event {
	w.openMu.Lock()
	defer w.openMu.Unlock()
	out := []event{}
	for _, c := range w.open {
		out = append(out, c.event("open", "", ""))
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// banners are what servers that speak first say.
var banners = map[string]string{"22": "SSH-2.0-internet\r\n", "25": "220 internet ESMTP\r\n", "587": "220 internet ESMTP\r\n"}

// serveTCP answers a port of every address, IPv4 and IPv6. What the client
// sends first decides: TLS, HTTP, or anything else, which is recorded.
func (w *world) serveTCP(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	origin := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(respond),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, underlying(c))
		}}
	ready := make(chanListener)
	go origin.Serve(ready)
	go func() {
		for {
			c, err := l.Accept()
			check(err)
			go w.sniff(w.track(c), banners[port], ready)
		}
	}()
	return nil
}

func (w *world) sniff(c *conn, banner string, origin chanListener) {
	if banner != "" {
		io.WriteString(c, banner)
	}
	r := bufio.NewReader(c)
	c.SetDeadline(time.Now().Add(10 * time.Minute))
	first, err := r.Peek(1)
	if err != nil {
		c.Close()
		return
	}
	p := &peeked{conn: c, r: r}
	switch {
	case first[0] == 0x16: // a TLS handshake record
		c.tls.Store(true)
		t := tls.Server(p, &tls.Config{NextProtos: []string{"http/1.1"},
			GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				c.sni.Store(h.ServerName)
				c.note("hello", "", "")
				name := h.ServerName
				if name == "" {
					name = c.dst.Addr().String()
				}
				return w.ca.leaf(name)
			}})
		if err := t.Handshake(); err != nil {
			c.note("handshake", err.Error(), "")
			c.Close()
			return
		}
		c.note("handshake", "done", "")
		c.SetDeadline(time.Time{})
		origin <- t
	case first[0] >= 'A' && first[0] <= 'Z':
		c.SetDeadline(time.Time{})
		origin <- p
	default:
		b, _ := r.Peek(r.Buffered())
		c.note("bytes", hex.EncodeToString(b[:min(len(b), 64)]), "")
		io.Copy(io.Discard, r)
		c.Close()
	}
}

type connKey struct{}

func underlying(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*peeked).conn
}

// respond is every origin: / names itself and what it saw, /echo sends back
// what it is sent, /stream goes on for as long as the client stays.
func respond(rw http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	c.note("request", r.Method+" "+r.URL.String(), r.Host)
	flush := http.NewResponseController(rw).Flush
	switch r.URL.Path {
	case "/echo":
		http.NewResponseController(rw).EnableFullDuplex()
		b := make([]byte, 4096)
		for {
			n, err := r.Body.Read(b)
			if _, werr := rw.Write(b[:n]); werr != nil || err != nil {
				return
			}
			flush()
		}
	case "/stream":
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(rw, "tick %d\n", i); err != nil || flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	default:
		fmt.Fprintf(rw, "hello from internet host=%s sni=%s dst=%s src=%s path=%s\n", r.Host, c.sni.Load(), c.dst, c.src, r.URL.Path)
	}
}

// peeked gives back what sniff looked at.
type peeked struct {
	*conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// chanListener hands sniffed connections to an http.Server.
type chanListener chan net.Conn

func (l chanListener) Accept() (net.Conn, error) { return <-l, nil }
func (l chanListener) Close() error              { return nil }
func (l chanListener) Addr() net.Addr            { return &net.TCPAddr{} }
