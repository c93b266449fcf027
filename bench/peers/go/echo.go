// SPDX-License-Identifier: MIT

package main

import (
	"encoding/binary"
	"net"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	echoConnections = 64
	echoSize        = 64
)

// The server: a goroutine for each connection. It ends when its peer has closed.
func serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			buf := make([]byte, echoSize)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				if _, err := conn.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

type echoConnection struct {
	fd      int
	got     int // bytes of the answer so far
	out, in [echoSize]byte
}

// The load: a closed loop over all connections, on one thread, with epoll.
type echoLoad struct {
	r           *run
	epoll       int
	sent        uint64
	connections [echoConnections]echoConnection
}

func (load *echoLoad) connect(port int) {
	r := load.r
	var err error

	load.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	r.must(err)
	for i := range load.connections {
		fd, err := syscall.Socket(syscall.AF_INET,
			syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		r.must(err)
		address := syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
		r.must(syscall.Connect(fd, &address))
		r.must(syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1))
		r.must(syscall.SetNonblock(fd, true))
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		r.must(syscall.EpollCtl(load.epoll, syscall.EPOLL_CTL_ADD, fd, &event))
		load.connections[i].fd = fd
	}
}

func (load *echoLoad) disconnect() {
	for i := range load.connections {
		syscall.Close(load.connections[i].fd)
	}
	syscall.Close(load.epoll)
}

// A plain thread has none of the P processors. So there is one more, and the load makes raw system
// calls, of which the scheduler does not hear: the load keeps that processor, even in epoll_wait,
// and the server has the P others.
func raw(call uintptr, fd int, at unsafe.Pointer, length int, wait uintptr) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall6(call, uintptr(fd), uintptr(at), uintptr(length), wait, 0,
		0)
	return int(n), err
}

// Each message is another one.
func (load *echoLoad) send(c *echoConnection) {
	load.sent++
	binary.LittleEndian.PutUint64(c.out[:], load.sent)
	binary.LittleEndian.PutUint64(c.out[echoSize-8:], ^load.sent)
	c.got = 0
	n, err := raw(syscall.SYS_WRITE, c.fd, unsafe.Pointer(&c.out), echoSize, 0)
	if n != echoSize {
		load.r.fail("write: %d, %v", n, err)
	}
}

// exchange sends n messages and counts the answers that were right.
func (load *echoLoad) exchange(n uint64) uint64 {
	const forever = ^uintptr(0)
	var events [echoConnections]syscall.EpollEvent

	counted, answers := uint64(0), uint64(0)
	last := load.sent + n
	for i := 0; i < echoConnections && load.sent < last; i++ {
		load.send(&load.connections[i])
	}
	for answers < n {
		ready, err := raw(syscall.SYS_EPOLL_PWAIT, load.epoll, unsafe.Pointer(&events),
			len(events), forever)
		if err == syscall.EINTR {
			runtime.Gosched() // the scheduler wants to stop this thread, say to collect
			continue
		}
		if err != 0 {
			load.r.fail("epoll_wait: %v", err)
		}
		for _, event := range events[:ready] {
			c := &load.connections[event.Fd]
			k, err := raw(syscall.SYS_READ, c.fd, unsafe.Pointer(&c.in[c.got]),
				echoSize-c.got, 0)
			if err == syscall.EAGAIN {
				continue
			}
			if k <= 0 || err != 0 {
				load.r.fail("read: %d, %v", k, err)
			}
			c.got += k
			if c.got < echoSize {
				continue
			}
			answers++
			if c.in == c.out {
				counted++
			}
			if load.sent < last {
				load.send(c)
			}
		}
	}
	return counted
}

func tcpEcho(r *run) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	r.must(err)
	runtime.GOMAXPROCS(r.threads + 1)
	go serve(listener)
	onTask(func() {
		runtime.LockOSThread()
		load := echoLoad{r: r}
		load.connect(listener.Addr().(*net.TCPAddr).Port)
		r.measure(load.exchange)
		load.disconnect()
	})
	listener.Close()
}
