package operator_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/process"
)

// server is a real Redis, as manifests/ has it. The network is the tests' own.
const server = "127.0.0.1:6379"

var store = redis.NewClient(&redis.Options{Addr: server})

func startRedis() error {
	home := filepath.Join(folder, "redis")
	_, err := process.Start(home, "/usr/bin/redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", home)
	for begin := time.Now(); err == nil && store.Ping(context.Background()).Err() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			err = errors.New("redis-server does not answer")
		}
	}
	return err
}

// workers is a Deployment of stand-in workers, at zero, of the stream that has the namespace's name; each
// job takes so long, and a worker takes so many at once.
func newWorkers(t *testing.T, namespace string, job time.Duration, prefetch int) *history {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(programs, "leadline-sim"))
	if err != nil {
		t.Fatal(err)
	}
	newDeployment(t, namespace, fmt.Sprintf(
		`[%q, worker, --redis, %q, --stream, %q, --work-ms, "%d", --prefetch, "%d", --claim-after-ms, "%d"]`,
		path, server, namespace, job.Milliseconds(), prefetch, 2*job.Milliseconds()*int64(prefetch)))
	return newHistory(t, namespace)
}

// newDeployment is `workers`, at zero, in a namespace of its own, and the way in which KEDA shows who it is.
func newDeployment(t *testing.T, namespace, command string) {
	t.Helper()
	apply(t, fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: workers, namespace: %[1]s}
spec:
  replicas: 0
  selector: {matchLabels: {app: workers}}
  template:
    metadata: {labels: {app: workers}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: worker, image: example.com/worker:1, command: %[2]s}]
`, namespace, command))
	t.Cleanup(func() { _, _ = admin.Run(context.Background(), "delete", "namespace", namespace, "--wait=false") })
	if _, err := admin.Run(t.Context(), "apply", "-f", examples+"/keda/authentication.yaml"); err != nil {
		t.Fatal(err)
	}
}

// onStream scales the workers on their stream: so many jobs a replica.
func onStream(namespace, trigger string, jobs, most int) string {
	return fmt.Sprintf(`apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: workers, namespace: %[1]s}
spec:
  scaleTargetRef: {name: workers}
  minReplicaCount: 0
  maxReplicaCount: %[4]d
  pollingInterval: 1
  cooldownPeriod: 3
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}
  triggers:
    - type: %[2]s
      metadata: {scalerAddress: %[5]q, server: main, stream: %[1]s, consumerGroup: workers, lagCount: "%[3]d"}
      authenticationRef: {kind: ClusterTriggerAuthentication, name: leadline}
`, namespace, trigger, jobs, most, service.Address())
}

func addJobs(t *testing.T, stream string, count int) {
	t.Helper()
	pipe := store.Pipeline()
	for job := range count {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"job", job}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// expectDone waits until so many different jobs are done, and none is waiting or un-acknowledged: a worker
// removes an entry with its acknowledgement.
func expectDone(t *testing.T, stream string, count int) {
	t.Helper()
	await.Success(t, 2*patience, func() error {
		done, err := store.SCard(t.Context(), stream+":done").Result()
		left, failed := store.XLen(t.Context(), stream).Result()
		if err = errors.Join(err, failed); err == nil && (done != int64(count) || left != 0) {
			err = fmt.Errorf("%d jobs are done and %d are left, of %d", done, left, count)
		}
		return err
	})
}

func TestAQueueGoesFromZeroToManyAndBack(t *testing.T) {
	t.Parallel()
	for _, trigger := range []string{"external-push", "external"} {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			namespace := "queue-" + trigger
			h := newWorkers(t, namespace, 200*time.Millisecond, 1)
			apply(t, onStream(namespace, trigger, 5, 5))
			await.Throughout(t, 4*time.Second, func() error { return h.is(0) })
			addJobs(t, namespace, 60)
			t.Logf("0 -> 1: %v after the first job", h.awaitNow(t, 1))
			t.Logf("1 -> 5: %v later", h.awaitNow(t, 5))
			expectDone(t, namespace, 60)
			t.Logf("5 -> 0: %v after the last job", h.awaitNow(t, 0))
			await.Throughout(t, 6*time.Second, func() error { return onlyOnePeak(h.all()) })
			addJobs(t, namespace, 1)
			h.awaitNow(t, 1)
			expectDone(t, namespace, 61)
			h.awaitNow(t, 0)
		})
	}
}

// onlyOnePeak complains where replicas fell and rose again.
func onlyOnePeak(all []int) error {
	falling := false
	for i := 1; i < len(all); i++ {
		if falling && all[i] > all[i-1] {
			return fmt.Errorf("replicas were %v: they flap", all)
		}
		falling = falling || all[i] < all[i-1]
	}
	return nil
}

// A worker that is killed leaves jobs that it has not acknowledged: they bring another.
func TestAnUnacknowledgedJobOfAKilledWorkerBringsAnother(t *testing.T) {
	t.Parallel()
	const namespace = "killed"
	h := newWorkers(t, namespace, time.Second, 4)
	apply(t, onStream(namespace, "external-push", 5, 5))
	addJobs(t, namespace, 4)
	h.awaitNow(t, 1)
	await.Success(t, patience, func() error {
		pending, err := store.XPending(t.Context(), namespace, "workers").Result()
		if err == nil && pending.Count != 4 {
			err = fmt.Errorf("%d jobs are in work", pending.Count)
		}
		return err
	})
	if _, err := admin.Run(t.Context(), "scale", "-n", namespace, "deployment/workers", "--replicas=0"); err != nil {
		t.Fatal(err)
	}
	expectDone(t, namespace, 4)
	if all := h.all(); !strings.HasPrefix(fmt.Sprint(all), "[0 1 0 1") {
		t.Errorf("replicas were %v", all)
	}
	h.awaitNow(t, 0)
}

// record is what Redis says of a stream fifty times a second.
type record struct {
	mutex   sync.Mutex
	entries []entry
}

type entry struct {
	at              time.Time
	left, inFlight  int64
	wanted, dropped int // replicas: so many, and whether fewer than just before
}

func newRecord(t *testing.T, stream string, h *history) *record {
	r := &record{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
			r.look(ctx, stream, h)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

func (r *record) look(ctx context.Context, stream string, h *history) {
	pipe := store.Pipeline()
	left, pending := pipe.XLen(ctx, stream), pipe.XPending(ctx, stream, "workers")
	_, _ = pipe.Exec(ctx)
	if left.Err() != nil {
		return
	}
	now := entry{at: time.Now(), left: left.Val()}
	if pending.Err() == nil { // the first worker makes the group
		now.inFlight = pending.Val().Count
	}
	all := h.all()
	now.wanted = all[len(all)-1]
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if count := len(r.entries); count > 0 {
		now.dropped = max(0, r.entries[count-1].wanted-now.wanted)
	}
	r.entries = append(r.entries, now)
}

// check is what must hold whenever replicas fall: none to zero while Redis has a job, in the second before.
func (r *record) check(t *testing.T) (busiest int64, toZero int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for place, now := range r.entries {
		if now.dropped == 0 {
			continue
		}
		if now.wanted > 0 {
			busiest = max(busiest, now.inFlight)
			continue
		}
		toZero++
		for before := place; before >= 0 && now.at.Sub(r.entries[before].at) < time.Second; before-- {
			if r.entries[before].left != 0 {
				t.Errorf("to zero with %d jobs in Redis %v before", r.entries[before].left,
					now.at.Sub(r.entries[before].at))
				break
			}
		}
	}
	return busiest, toZero
}

// 10,000 jobs in four bursts; scale-downs hit workers with jobs in hand, which others end. A burst's last
// jobs take 3.6 s, in which the HPA looks at least once.
func TestNoJobIsLost(t *testing.T) {
	t.Parallel()
	const namespace, rounds, jobs, most = "lossless", 4, 2500, 12
	h := newWorkers(t, namespace, 60*time.Millisecond, 60)
	apply(t, onStream(namespace, "external-push", 60, most))
	r := newRecord(t, namespace, h)
	for round := range rounds {
		addJobs(t, namespace, jobs)
		h.awaitAtLeast(t, 5)
		expectDone(t, namespace, (round+1)*jobs)
		h.awaitNow(t, 0)
		time.Sleep(time.Second) // for the record
	}
	busiest, toZero := r.check(t)
	t.Logf("replicas %v; %d times to zero; up to %d jobs in flight at a scale-down", h, toZero, busiest)
	if busiest < 100 || toZero != rounds {
		t.Errorf("%d jobs in flight at the busiest scale-down, %d times to zero: that shows little", busiest, toZero)
	}
}
