// Package link carries connections to whoever should have them, as a Service's address does, and can
// be told to carry nothing.
package link

import (
	"net"
	"sync"
)

// Link is an address on loopback. Safe for use by several goroutines.
type Link struct {
	listener net.Listener
	next     func() string

	mutex   sync.Mutex
	stalled chan struct{} // nil: it carries; else it is closed when it carries again
}

// New asks next for each connection where it leads; to nobody where that is empty.
func New(next func() string) (*Link, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{listener: listener, next: next}
	go l.accept()
	return l, nil
}

// Address is where it listens.
func (l *Link) Address() net.Addr { return l.listener.Addr() }

// Stall keeps connections open and what is said in them back, until Resume.
func (l *Link) Stall() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.stalled = make(chan struct{})
}

// Resume does nothing where it carries.
func (l *Link) Resume() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.stalled != nil {
		close(l.stalled)
	}
	l.stalled = nil
}

func (l *Link) wait() {
	l.mutex.Lock()
	stalled := l.stalled
	l.mutex.Unlock()
	if stalled != nil {
		<-stalled
	}
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.carry(client)
	}
}

func (l *Link) carry(client net.Conn) {
	defer client.Close()
	l.wait()
	server, err := net.Dial("tcp", l.next())
	if err != nil {
		return // to the client it looks as if the server had gone
	}
	defer server.Close()
	go l.copy(server, client)
	l.copy(client, server)
}

func (l *Link) copy(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 64*1024)
	for {
		count, err := from.Read(buffer)
		l.wait()
		if _, failed := to.Write(buffer[:count]); failed != nil || err != nil {
			return
		}
	}
}
