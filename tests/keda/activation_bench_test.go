//go:build bench

package keda_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
)

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		t.Fatalf("%s=%s: must be a number of at least 1", name, text)
	}
	return number
}

// activations measures one queue: from LPUSH's return to `true` on the open stream, again and again.
func activations(t *testing.T, q *queues, list string, trials int) (took []time.Duration) {
	s := q.scaler(t, nil, nil)
	ref := &pb.ScaledObjectRef{Name: list, Namespace: namespace, ScalerMetadata: metadata{"listName": list, "server": "main"}}
	stream, err := s.client.StreamIsActive(t.Context(), ref)
	if err != nil {
		t.Error(err)
		return nil
	}
	for range trials {
		for idle := false; !idle; time.Sleep(20 * time.Millisecond) {
			active, err := s.client.IsActive(t.Context(), ref)
			idle = err == nil && !active.Result
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		q.LPush(t.Context(), list, "job")
		begin := time.Now()
		if answer, err := stream.Recv(); err != nil || !answer.Result {
			t.Errorf("%v, %v", answer, err)
			return took
		}
		took = append(took, time.Since(begin))
		q.Del(t.Context(), list)
	}
	return took
}

func quantile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// Twenty queues beside each other, so that it takes a minute.
func TestActivation(t *testing.T) {
	const lists = 20
	trials := fromEnvironment(t, "TRIALS", 1000)
	q := newQueues(t)
	var mutex sync.Mutex
	var all []time.Duration
	var group sync.WaitGroup
	for list := range lists {
		group.Go(func() {
			took := activations(t, q, fmt.Sprint("jobs", list), (trials+lists-1)/lists)
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, took...)
		})
	}
	group.Wait()
	slices.Sort(all)
	t.Logf("LPUSH -> true on the stream, %d trials: p50 %v, p99 %v, max %v", len(all),
		quantile(all, 0.5), quantile(all, 0.99), all[len(all)-1])
}

// used is the adapter's memory, threads and processor time so far.
func (a *adapter) used(t *testing.T) (kilobytes, threads int, processor time.Duration) {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/", a.process.Process.Pid)
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes)
		_, _ = fmt.Sscanf(line, "Threads: %d", &threads)
	}
	stat, err := os.ReadFile(folder + "stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return kilobytes, threads, time.Duration(user+system) * 10 * time.Millisecond
}

// What open streams cost while nothing happens: each on a queue of its own, at zero, which is the worst.
func TestOpenStreams(t *testing.T) {
	streams := fromEnvironment(t, "STREAMS", 1000)
	const watched = 20 * time.Second
	for _, count := range []int{0, streams / 10, streams} {
		q := newQueues(t)
		s := q.scaler(t, nil, nil)
		for number := range count {
			// A namespace may ask for 500 queues.
			list := fmt.Sprint("jobs", number%400)
			stream, err := s.client.StreamIsActive(t.Context(), &pb.ScaledObjectRef{Name: list, Namespace: namespace,
				ScalerMetadata: metadata{"listName": list, "server": "main"}})
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = stream.Recv() }()
		}
		time.Sleep(3 * time.Second)
		_, _, before := q.used(t)
		time.Sleep(watched)
		kilobytes, threads, after := q.used(t)
		t.Logf("%d streams on %d queues: %.1f MiB, %d threads, %.2f %% of a core", count, min(count, 400),
			float64(kilobytes)/1024, threads, 100*float64(after-before)/float64(watched))
	}
}
