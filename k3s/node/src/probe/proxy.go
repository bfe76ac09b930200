package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// connect PROXY HOST:PORT: CONNECT, then TLS (any name, or none) and a request.
// A proxy that says no is "refused" at stage connect, with its status.
func connect(args []string) {
	f := flag.NewFlagSet("connect", flag.ExitOnError)
	user := f.String("user", "", "for Proxy-Authorization")
	password := f.String("password", "", "")
	sni := f.String("sni", "", "name in the ClientHello; HOST unless given")
	noSNI := f.Bool("no-sni", false, "a ClientHello that names nobody")
	ca := f.String("ca", "", "PEM file: say whether the origin's certificate is trusted by it")
	path := f.String("path", "/", "path of the request")
	plain := f.Bool("plain", false, "plain HTTP in the tunnel")
	wait := f.Int("wait-before-hello", 0, "milliseconds between the proxy's answer and the first byte")
	hold := f.Float64("hold", 0, "seconds to go on reading (with --path /stream); the end tells when and how it was cut")
	t := timeoutFlag(f)
	args = flags(f, args)
	need(args, 2, "connect PROXY HOST:PORT [--user U --password P] [--sni NAME|--no-sni] [--ca FILE] [--path /] [--plain] [--wait-before-hello MS] [--hold SECONDS] [--timeout MS]")
	r := result{Stage: "proxy"}
	fail := func(err error) { r.Outcome, r.Detail = because(err), err.Error(); r.end() }

	c, err := net.DialTimeout("tcp", args[0], ms(*t))
	if err != nil {
		fail(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(ms(*t)))
	r.Stage = "connect"
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", args[1], args[1], basic(*user, *password))
	br := bufio.NewReader(c)
	answer, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		fail(err)
	}
	r.Status = answer.StatusCode
	if answer.StatusCode/100 != 2 {
		b, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
		r.Outcome, r.Detail, r.Body = "refused", "the proxy answered "+answer.Status, text(b)
		r.end()
	}
	time.Sleep(ms(*wait))
	c.SetDeadline(time.Now().Add(ms(*t)))

	host, _, err := net.SplitHostPort(args[1])
	check(err)
	var stream net.Conn = &buffered{c, br}
	if !*plain {
		r.Stage = "tls"
		name := host
		if *sni != "" {
			name = *sni
		}
		// crypto/tls sends no SNI for an address or an empty name
		cfg := &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
		if *noSNI {
			cfg.ServerName = ""
		}
		s := tls.Client(stream, cfg)
		if err := s.Handshake(); err != nil {
			fail(err)
		}
		leaf := s.ConnectionState().PeerCertificates[0]
		r.Issuer, r.SANs = leaf.Issuer.CommonName, leaf.DNSNames
		for _, ip := range leaf.IPAddresses {
			r.SANs = append(r.SANs, ip.String())
		}
		if *ca != "" {
			pem, err := os.ReadFile(*ca)
			check(err)
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(pem)
			_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name})
			trusted := err == nil
			r.Trusted = &trusted
		}
		stream = s
	}
	r.Stage = "http"
	if _, err := fmt.Fprintf(stream, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", *path, host); err != nil {
		fail(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(stream), nil)
	if err != nil {
		fail(err)
	}
	r.HTTP = reply.StatusCode
	if *hold > 0 {
		held(&r, c, reply.Body, time.Duration(*hold*float64(time.Second)))
	}
	b, err := io.ReadAll(io.LimitReader(reply.Body, 512))
	if err != nil && len(b) == 0 {
		fail(err)
	}
	r.Outcome, r.Body = "open", text(b)
	r.end()
}

// held reads for that long. "open": still streaming at the end. Otherwise how
// it was cut, and at is when; two seconds of silence count as a cut (timeout).
func held(r *result, c net.Conn, body io.Reader, long time.Duration) {
	b := make([]byte, 4096)
	began, last := time.Now(), time.Now()
	for time.Since(began) < long {
		c.SetDeadline(time.Now().Add(2 * time.Second))
		n, err := body.Read(b)
		if n > 0 && r.Bytes == 0 {
			fmt.Fprintln(os.Stderr, "streaming", stamp(time.Now()))
		}
		if n > 0 {
			last = time.Now()
		}
		r.Bytes += int64(n)
		if err != nil {
			r.Outcome, r.Detail, r.HeldMS = because(err), err.Error(), last.Sub(began).Milliseconds()
			r.end()
		}
	}
	r.Outcome, r.HeldMS = "open", time.Since(began).Milliseconds()
	r.end()
}

// httpProxy PROXY URL: plain HTTP through a proxy. Anything but a 2xx is "refused".
func httpProxy(args []string) {
	f := flag.NewFlagSet("http-proxy", flag.ExitOnError)
	user := f.String("user", "", "for Proxy-Authorization")
	password := f.String("password", "", "")
	method := f.String("method", "GET", "")
	t := timeoutFlag(f)
	args = flags(f, args)
	need(args, 2, "http-proxy PROXY URL [--user U --password P] [--method GET] [--timeout MS]")
	u, err := url.Parse(args[1])
	check(err)
	c, err := net.DialTimeout("tcp", args[0], ms(*t))
	if err != nil {
		r := failed(err)
		r.Stage = "proxy"
		r.end()
	}
	c.SetDeadline(time.Now().Add(ms(*t)))
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", *method, args[1], u.Host, basic(*user, *password))
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		r := failed(err)
		r.Stage = "http"
		r.end()
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, 512))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		failed(err).end()
	}
	r := result{Outcome: "open", Stage: "http", Status: answer.StatusCode, Body: text(b)}
	if answer.StatusCode/100 != 2 {
		r.Outcome, r.Detail = "refused", "the proxy answered "+answer.Status
	}
	r.end()
}

func basic(user, password string) string {
	if user == "" && password == "" {
		return ""
	}
	return "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
}

// buffered gives first what was read together with the proxy's answer.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }
