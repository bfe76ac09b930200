// forward makes one TCP address of the node's network reachable on the
// machine's loopback, so that kubectl and helm work from any shell.
//
// It listens first and moves into the node's network namespace afterwards: a
// socket stays where it was made, so accepting happens outside and dialling
// inside. The move is an exec of nsenter, because a thread of a running Go
// program that changed its namespace would be the only one that did.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	node := flag.Int("node", 0, "pid of the node's first process")
	to := flag.String("to", "127.0.0.1:6443", "address inside the node")
	portFile := flag.String("port-file", "", "where to write the port listened on")
	fd := flag.Int("fd", 0, "inherited listener (internal)")
	pidfd := flag.Int("pidfd", 0, "inherited pidfd of the node (internal)")
	flag.Parse()
	if *fd == 0 {
		check(enter(*node, *to, *portFile))
	}
	l, err := net.FileListener(os.NewFile(uintptr(*fd), "listener"))
	check(err)
	go untilEnd(*pidfd)
	for {
		c, err := l.Accept()
		check(err)
		go serve(c.(*net.TCPConn), *to)
	}
}

// enter listens, and becomes the second half of this program inside the
// node's network. It returns only with an error.
func enter(node int, to, portFile string) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	const pidfdOpen = 434 // the same number on every architecture
	p, _, errno := syscall.Syscall(pidfdOpen, uintptr(node), 0, 0)
	if errno != 0 {
		return fmt.Errorf("pidfd_open %d: %w", node, errno)
	}
	for _, fd := range []uintptr{f.Fd(), p} { // survive the exec
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_SETFD, 0); errno != 0 {
			return errno
		}
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := os.WriteFile(portFile, []byte(strconv.Itoa(port)+"\n"), 0o644); err != nil {
		return err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(nsenter, []string{"nsenter", "-t", strconv.Itoa(node), "-n", "--", self, "--to", to,
		"--fd", strconv.Itoa(int(f.Fd())), "--pidfd", strconv.Itoa(int(p))}, os.Environ())
}

// untilEnd ends this program when the node has ended.
func untilEnd(pidfd int) {
	var set syscall.FdSet
	for {
		set.Bits[pidfd/64] |= 1 << (pidfd % 64)
		// a pidfd becomes readable when its process ends
		if n, err := syscall.Select(pidfd+1, &set, nil, nil, nil); err == nil && n > 0 {
			os.Exit(0)
		}
		time.Sleep(time.Second)
	}
}

func serve(c *net.TCPConn, to string) {
	defer c.Close()
	d, err := net.DialTimeout("tcp", to, 5*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer d.Close()
	var both sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{c, d.(*net.TCPConn)}, {d.(*net.TCPConn), c}} {
		both.Go(func() {
			io.Copy(way[1], way[0])
			way[1].CloseWrite() // the end of one direction is not the end of the other
		})
	}
	both.Wait()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "forward:", err)
		os.Exit(1)
	}
}
