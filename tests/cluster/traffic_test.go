package cluster

import (
	"fmt"
	"sync"
	"time"
)

// traffic keeps a number of requests waiting in a scene, spread evenly over its ready pods: what has
// to move when a pod comes or goes moves at once, as with a Service. It knows the truth, and so
// which sums of it anybody may see.
type traffic struct {
	*scene
	total int
	stop  chan struct{}
	ended sync.WaitGroup

	queues    map[string]int // by pod, what its engine says; by the one goroutine
	low, high int            // of all sums that were true since the begin
}

func (s *scene) startTraffic(total int) *traffic {
	s.Helper()
	tr := &traffic{scene: s, total: total, stop: make(chan struct{}),
		queues: map[string]int{}, low: total, high: total}
	if err := tr.spread(); err != nil {
		s.Fatal(err)
	}
	tr.ended.Go(tr.run)
	s.Cleanup(tr.end)
	return tr
}

func (tr *traffic) end() {
	select {
	case <-tr.stop:
	default:
		close(tr.stop)
	}
	tr.ended.Wait()
}

func (tr *traffic) run() {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-tr.stop:
			return
		case <-ticker.C:
		}
		_ = tr.spread() // an engine that ends now is asked once more, if it is there
	}
}

// The loads of two pods differ by one at most. While they change, each is seen as it was or as it
// is.
func (tr *traffic) spread() error {
	ready, err := tr.ready()
	if err != nil || len(ready) == 0 {
		return err
	}
	wanted, low, high := map[string]int{}, 0, 0
	for i, pod := range ready {
		queue := (tr.total + i) / len(ready)
		old := tr.queues[pod.Name]
		wanted[pod.Name] = queue
		low, high = low+min(old, queue), high+max(old, queue)
	}
	for name, old := range tr.queues {
		if _, stays := wanted[name]; !stays {
			high += old
		}
	}
	if len(tr.queues) > 0 { // before the begin there was none
		tr.low, tr.high = min(tr.low, low), max(tr.high, high)
	}
	return tr.set(wanted)
}

func (tr *traffic) set(wanted map[string]int) error {
	for name, queue := range wanted {
		old, known := tr.queues[name]
		pod := nodes.Pod(tr.namespace, name)
		if pod == nil || known && old == queue {
			continue
		}
		if err := setQueue(pod, queue); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		tr.queues[name] = queue
	}
	for name := range tr.queues {
		if _, stays := wanted[name]; !stays {
			tr.clear(name)
		}
	}
	return nil
}

// What waited in a pod that is no longer ready waits elsewhere now.
func (tr *traffic) clear(name string) {
	if pod := nodes.Pod(tr.namespace, name); pod != nil && !pod.Terminating() {
		if setQueue(pod, 0) != nil {
			return // tried again
		}
	}
	delete(tr.queues, name)
}
