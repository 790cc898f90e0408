package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"leadline.dev/tests/cluster/process"
	"leadline.dev/tests/cluster/trace"
)

// load is the load generator on the ready pods of a scene.
type load struct {
	scene     *scene
	addresses string // the file that names them to it
	generator *process.Process
	stop      chan struct{}
}

// startLoad sends so many requests a second, of so many tokens each.
func (s *scene) startLoad(perSecond, prompt, generation int) *load {
	s.Helper()
	home := filepath.Join(folder, "load", s.namespace)
	requests, addresses := filepath.Join(home, "trace.csv"), filepath.Join(home, "engines.txt")
	l := &load{scene: s, addresses: addresses, stop: make(chan struct{})}
	err := errors.Join(os.MkdirAll(home, 0o700),
		os.WriteFile(requests, []byte(trace.Even(perSecond, prompt, generation)), 0o600), l.writeAddresses())
	if err != nil {
		s.Fatal(err)
	}
	path, err := filepath.Abs(programs + "/leadline-sim")
	if err != nil {
		s.Fatal(err)
	}
	if l.generator, err = process.Start(home, path, "load", "--trace", requests, "--duration", "3600",
		"--urls-file", addresses, "--max-in-flight", "4000"); err != nil {
		s.Fatal(err)
	}
	go l.follow()
	s.Cleanup(l.end)
	return l
}

// end breaks off what is in flight, too.
func (l *load) end() {
	select {
	case <-l.stop:
		return
	default:
		close(l.stop)
	}
	if err := l.generator.Kill(); err != nil {
		l.scene.Error(err)
	}
}

func (l *load) follow() {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			_ = l.writeAddresses() // the next turn tries again
		}
	}
}

func (l *load) writeAddresses() error {
	ready, err := l.scene.ready()
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, pod := range ready {
		fmt.Fprintf(&text, "http://%s:8000\n", pod.Status.PodIP)
	}
	next := l.addresses + ".next"
	return errors.Join(os.WriteFile(next, []byte(text.String()), 0o600), os.Rename(next, l.addresses))
}
