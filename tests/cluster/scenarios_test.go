package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

// guard watches the decisions of a scene, of which none may leave a range.
type guard struct {
	*scene
	stop      chan struct{}
	ended     sync.WaitGroup
	low, high int32 // that were decided
}

// startGuard returns once so many replicas were decided.
func (s *scene) startGuard(replicas int32) *guard {
	s.Helper()
	s.awaitReplicas(replicas)
	return s.guardFrom(replicas)
}

func (s *scene) guardFrom(replicas int32) *guard {
	g := &guard{scene: s, stop: make(chan struct{}), low: replicas, high: replicas}
	g.ended.Go(func() {
		for {
			select {
			case <-g.stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if found, err := g.decision(); err == nil {
				g.see(found)
			}
		}
	})
	return g
}

func (g *guard) see(found decision) {
	if found.desired == 0 { // none was made yet
		found.desired = found.replicas
	}
	g.low, g.high = min(g.low, found.desired, found.replicas), max(g.high, found.desired, found.replicas)
}

// expectRange is to be called once.
func (g *guard) expectRange(low, high int) {
	g.Helper()
	close(g.stop)
	g.ended.Wait()
	if int(g.low) < low || int(g.high) > high {
		g.Errorf("%s: %d to %d replicas were decided; who knows everything decides %d to %d",
			g.namespace, g.low, g.high, low, high)
	}
	g.Logf("%s: decided %d to %d, the oracle %d to %d", g.namespace, g.low, g.high, low, high)
}

// oracle is ⌈sum ÷ goal⌉ over all sums that were true.
func (tr *traffic) oracle(goal int) (low, high int) {
	tr.end()
	return (tr.low + goal - 1) / goal, (tr.high + goal - 1) / goal
}

func TestRollingUpdateStaysInRange(t *testing.T) {
	t.Parallel()
	s := newScene(t, "rolling-update", 8, "--startup-delay-ms=2000")
	traffic := s.startTraffic(77)
	s.autoscale(20, external("queue_depth", average("10")))
	guard := s.startGuard(8)
	s.patchDeployment(`{"spec":{"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
	s.awaitRollout()
	await.Throughout(t, 10*time.Second, func() error { return nil }) // the guard looks
	guard.expectRange(traffic.oracle(10))
}

func (s *scene) awaitRollout() {
	s.Helper()
	await.Success(s, 3*patience, func() error {
		found, err := client.AppsV1().Deployments(s.namespace).Get(s.Context(), workload, metav1.GetOptions{})
		if err != nil {
			return err
		}
		is, wanted := found.Status, *found.Spec.Replicas
		if is.ObservedGeneration < found.Generation || is.UpdatedReplicas != wanted || is.Replicas != wanted ||
			is.ReadyReplicas != wanted {
			return fmt.Errorf("%s rolls out: %+v", s.namespace, is)
		}
		return nil
	})
}

// Ten pods run without a sidecar, then the component is applied. Until half of the ready pods have
// one there is no value, afterwards the sum of those that have stands for all.
func TestRollingInjectionStaysInRange(t *testing.T) {
	t.Parallel()
	needAdapter(t)
	s := emptyScene(t, "rolling-injection")
	nodes.EngineFlags(s.namespace, "--startup-delay-ms=1000")
	s.apply(s.withoutSidecar())
	s.scale(10)
	s.awaitReady(10)
	traffic := s.startTraffic(97)
	s.autoscale(30, external("queue_depth", average("10")))
	await.Success(t, decided, func() error { return s.expectHold(10, "FailedGetExternalMetric", "") })
	guard := s.guardFrom(10)
	s.apply(s.example())
	s.awaitRollout()
	// Of 97 requests 9 may be seen nowhere while they move. 9 replicas then stay: they are within the
	// controller's tolerance.
	await.Lasting(t, decided, 3*syncPeriod, s.expectSettled)
	guard.expectRange(traffic.oracle(10))
}

// expectSettled wants a decision on a value, the Deployment as decided, and a value of each pod.
func (s *scene) expectSettled() error {
	found, err := s.decision()
	if err == nil && (!found.active || found.desired != found.replicas) {
		err = fmt.Errorf("%s: %+v", s.namespace, found)
	}
	return cmp.Or(err, expectValues(s, int(found.replicas)))
}

// withoutSidecar is the example as it was before the component.
func (s *scene) withoutSidecar() string {
	s.Helper()
	return s.moved(readFile(s.T, manifests+"/examples/vllm/deployment.yaml"))
}

// One sidecar hangs, later one dies: the other's value stands for both as long as both are ready.
func TestOneOfTwoSidecarsFailsAndStaysInRange(t *testing.T) {
	t.Parallel()
	s := newScene(t, "one-sidecar", 2)
	traffic := s.startTraffic(20)
	s.autoscale(10, external("queue_depth", average("10")))
	guard := s.startGuard(2)
	pod := s.readyPods(2)[0]
	s.signal(pod, kubelet.Sidecar, syscall.SIGSTOP)
	await.Success(t, patience, func() error { return expectValues(s, 1) })
	s.awaitReplicas(2)
	guard.expectRange(2, 2)
	s.signal(pod, kubelet.Sidecar, syscall.SIGCONT)
	await.Success(t, patience, func() error { return expectValues(s, 2) })
	guard = s.startGuard(2)
	// Its pod is not ready until the kubelet starts it again. What it held may be seen for a while in
	// addition to what is elsewhere by now, and where that adds a pod, the unready one goes later.
	s.signal(pod, kubelet.Sidecar, syscall.SIGKILL)
	await.Success(t, patience, func() error { return s.expectUnready(pod) })
	await.Lasting(t, patience, 3*syncPeriod, func() error { return errors.Join(s.expectReplicas(2), expectValues(s, 2)) })
	guard.expectRange(traffic.oracle(10))
}

func (s *scene) expectUnready(pod *kubelet.Pod) error {
	ready, err := s.ready()
	if err == nil && slices.ContainsFunc(ready, func(one corev1.Pod) bool { return one.Name == pod.Name() }) {
		err = fmt.Errorf("pod %s is ready", pod.Name())
	}
	return err
}

// Its readiness probe fails because it has so much to do: its queue is what must be scaled for.
func TestOverloadedUnreadyPodCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t, "overloaded", 2)
	found := s.queue(10, 48)
	s.autoscale(10, external("queue_depth", average("10")))
	guard := s.startGuard(6)
	found[1].FailReadiness(true)
	s.awaitReady(5)
	s.awaitReplicas(6)
	found[1].FailReadiness(false)
	s.awaitReady(6)
	s.awaitReplicas(6)
	guard.expectRange(6, 6)
}

// Eight pods load, and two have all the work.
func TestLoadingPodsAreNotIdleOnes(t *testing.T) {
	t.Parallel()
	s := newScene(t, "loading", 2)
	stayLoading(s)
	s.queue(49, 49)
	// The sum must not be shared out, and no pod that loads may be taken for one without load.
	s.autoscale(10, external("queue_depth", average("10")), perPod("queue_depth", "10"))
	guard := s.startGuard(10)
	await.Throughout(t, 12*time.Second, func() error { return expectValues(s, 2) })
	guard.expectRange(10, 10)
}

// All pods end, and those that come in their place load: nothing is known, so that nothing changes.
func TestAllPodsTerminatingHold(t *testing.T) {
	t.Parallel()
	s := newScene(t, "terminating", 4)
	found := s.queue(10, 10, 10, 10)
	s.autoscale(10, external("queue_depth", average("10")))
	guard := s.startGuard(4)
	stayLoading(s)
	for _, pod := range found {
		s.occupy(pod)
	}
	_, err := admin.Run(t.Context(), "delete", "pods", "--all", "-n", s.namespace,
		"--wait=false", "--grace-period=60")
	if err != nil {
		t.Fatal(err)
	}
	s.awaitHold(4, "FailedGetExternalMetric", "")
	guard.expectRange(4, 4)
}

// occupy gives an engine a request that it drains for longer than any test waits.
func (s *scene) occupy(pod *kubelet.Pod) {
	s.Helper()
	go func() {
		body := strings.NewReader(`{"prompt":"hello","max_tokens":4000,"ignore_eos":true}`)
		if answer, err := http.Post(pod.EngineURL()+"/v1/completions", "application/json", body); err == nil {
			answer.Body.Close() // its engine gave up, or was killed
		}
	}()
	await.Success(s, patience, func() error {
		state, err := fetch(s.Context(), pod.EngineURL()+"/sim/state")
		if err == nil && !strings.Contains(state, `"running":1`) {
			err = errors.New(state)
		}
		return err
	})
}
