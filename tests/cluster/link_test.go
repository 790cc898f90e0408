package cluster

import (
	"net"
	"strings"
	"sync"
)

// link carries what pods say to the Kubernetes API, and can be told to carry nothing.
type link struct {
	listener net.Listener
	server   string

	mutex   sync.Mutex
	stalled chan struct{} // nil: it carries; else it is closed when it carries again
}

func newLink(url string) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{listener: listener, server: strings.TrimPrefix(url, "https://")}
	go l.accept()
	return l, nil
}

func (l *link) url() string { return "https://" + l.listener.Addr().String() }

// stall keeps connections open and what is said in them back, until resume.
func (l *link) stall() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.stalled = make(chan struct{})
}

func (l *link) resume() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.stalled != nil {
		close(l.stalled)
	}
	l.stalled = nil
}

func (l *link) wait() {
	l.mutex.Lock()
	stalled := l.stalled
	l.mutex.Unlock()
	if stalled != nil {
		<-stalled
	}
}

func (l *link) accept() {
	for {
		pod, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.carry(pod)
	}
}

func (l *link) carry(pod net.Conn) {
	defer pod.Close()
	l.wait()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return // to the pod it looks as if the server had gone
	}
	defer server.Close()
	go l.copy(server, pod)
	l.copy(pod, server)
}

func (l *link) copy(to, from net.Conn) {
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
