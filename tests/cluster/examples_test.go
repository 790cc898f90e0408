package cluster

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

// applyExample applies an HPA of manifests/examples as users have it, but for the one patch,
// shortened: nobody waits five minutes here. Its namespace is this scene's, so that all are tried
// side by side.
func (s *scene) applyExample(name string) {
	s.Helper()
	s.apply(shortened(s.moved(readFile(s.T, manifests+"/examples/"+name))))
}

func shortened(manifest string) string {
	return strings.ReplaceAll(manifest, "stabilizationWindowSeconds: 300\n", "stabilizationWindowSeconds: 5\n")
}

// expectAtLeast wants a decision on a value.
func (s *scene) expectAtLeast(least int32) error {
	found, err := s.decision()
	if err == nil && (!found.active || found.replicas < least) {
		err = fmt.Errorf("%s: %+v, wanted at least %d", s.namespace, found, least)
	}
	return err
}

// Loads and engines are such that one pod is too few, whatever the machine.
func TestExamplesScaleUpUnderLoadAndDownAfterIt(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct {
		engine                        []string
		perSecond, prompt, generation int
		least, most                   int32 // replicas under load
	}{
		// About four seconds a request: 80 are in flight, and a pod shall have 36.
		"hpa-in-flight.yaml": {nil, 20, 128, 100, 2, 8},
		// Two at a time where five a second come: the rest waits.
		"hpa-queue-depth.yaml": {[]string{"--max-num-seqs=2"}, 5, 128, 100, 2, 8},
		// Each ends at once: 170 a second where a pod shall have 100.
		"hpa-requests-per-second.yaml": {[]string{"--speed=100"}, 170, 16, 1, 2, 2},
		// A pod shall have 50, so that four were needed, but two a minute may come.
		"hpa-requests-add-two.yaml": {[]string{"--speed=100"}, 180, 16, 1, 3, 3},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, strings.TrimSuffix(file, ".yaml"), 1, c.engine...)
			load := s.startLoad(c.perSecond, c.prompt, c.generation)
			s.applyExample(file)
			begin := time.Now()
			await.Success(t, patience, func() error { return s.expectAtLeast(c.least) })
			t.Logf("up after %.1f s", time.Since(begin).Seconds())
			await.Throughout(t, 10*time.Second, func() error {
				found, err := s.decision()
				if err == nil && (found.replicas < c.least || found.replicas > c.most) {
					err = fmt.Errorf("%+v, wanted %d to %d", found, c.least, c.most)
				}
				return err
			})
			load.end()
			begin = time.Now()
			// A rate is of the last minute.
			await.Success(t, 3*patience, func() error { return s.expectReplicas(1) })
			t.Logf("down after %.1f s", time.Since(begin).Seconds())
		})
	}
}

// With no load at all it would take two pods, if it knew: of three sidecars two hang.
func TestExampleHoldsBelowMinimumCoverage(t *testing.T) {
	t.Parallel()
	s := newScene(t, "coverage", 3)
	found := s.readyPods(3)
	for _, pod := range found[:2] {
		s.signal(pod, kubelet.Sidecar, syscall.SIGSTOP)
	}
	await.Success(t, patience, func() error { return expectValues(s, 1) })
	s.applyExample("hpa-in-flight.yaml")
	s.awaitHold(3, "FailedGetObjectMetric", "coverage 1/3 below 0.5; stale: "+found[0].Name()+", "+found[1].Name())
	described, err := admin.Run(t.Context(), "describe", "hpa", workload, "-n", s.namespace)
	if err != nil || !strings.Contains(described, "coverage 1/3 below 0.5") {
		t.Errorf("kubectl describe: %v: %s", err, described)
	}
	for _, pod := range found[:2] {
		s.signal(pod, kubelet.Sidecar, syscall.SIGCONT)
	}
	await.Success(t, patience, func() error { return s.expectReplicas(1) })
}

// This version reads no GPUs, and so that example changes nothing yet.
func TestExampleOfGPUsHolds(t *testing.T) {
	t.Parallel()
	s := newScene(t, "gpu", 2)
	s.applyExample("hpa-gpu-utilization.yaml")
	s.awaitHold(2, "FailedGetObjectMetric", "gpu_utilization_percent")
}
