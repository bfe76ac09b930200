package main

import (
	"encoding/hex"
	"fmt"
	"net/netip"
)

// datagram is a line of udp.jsonl.
type datagram struct {
	At    string `json:"at"`
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	Port  uint16 `json:"port"`
	Bytes int    `json:"bytes"`
	First string `json:"first"` // the first 64 bytes, hexadecimal
}

// serveUDP records and answers datagrams to a port of every address.
func (w *world) serveUDP(port int) error {
	return listenUDP(port, func(b []byte, src, dst netip.AddrPort) []byte {
		w.udp.add(datagram{At: now(), Src: src.String(), Dst: dst.Addr().String(), Port: dst.Port(), Bytes: len(b),
			First: hex.EncodeToString(b[:min(len(b), 64)])})
		return fmt.Appendf(nil, "hello from internet dst=%s bytes=%d\n", dst, len(b))
	})
}
