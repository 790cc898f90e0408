package operator_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/example"
	"leadline.dev/tests/cluster/process"
	"leadline.dev/tests/cluster/trace"
)

func apply(t *testing.T, manifest string) {
	t.Helper()
	if _, err := admin.Feed(t.Context(), manifest, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// newWorkload is the Deployment of examples/vllm, at zero, and the way in which KEDA shows who it is.
func newWorkload(t *testing.T, namespace string) {
	t.Helper()
	manifest, err := admin.Run(t.Context(), "kustomize", examples+"/vllm")
	if err != nil {
		t.Fatal(err)
	}
	apply(t, example.In(namespace, "llm", manifest))
	t.Cleanup(func() { _, _ = admin.Run(context.Background(), "delete", "namespace", namespace, "--wait=false") })
	if _, err := admin.Run(t.Context(), "scale", "-n", namespace, "deployment/llm", "--replicas=0"); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Run(t.Context(), "apply", "-f", examples+"/keda/authentication.yaml"); err != nil {
		t.Fatal(err)
	}
}

// scaledObject has one trigger, on the Deployment llm: four requests a replica.
func scaledObject(namespace, trigger, more string) string {
	return fmt.Sprintf(`apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: llm, namespace: %s}
spec:
  scaleTargetRef: {name: llm}
  minReplicaCount: 0
  maxReplicaCount: 5
  pollingInterval: 1
  cooldownPeriod: 3
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}
  triggers:
    - type: %s
      metadata: {scalerAddress: %q, workload: llm, targetValue: "4"%s}
      authenticationRef: {kind: ClusterTriggerAuthentication, name: leadline}
`, namespace, trigger, service.Address(), more)
}

// polledEvery is a ScaledObject that KEDA looks at so often, and lets go to zero so long after it was last active
// (or made, where it never was). Where a trigger has errors that is not to be much shorter than they last: KEDA
// 2.21 takes a poll for an inactive one, not a failed one, that meets an error of the HPA's query at the same time.
func polledEvery(interval, cooldown time.Duration, manifest string) string {
	return strings.NewReplacer(
		"pollingInterval: 1\n", fmt.Sprintf("pollingInterval: %.0f\n", interval.Seconds()),
		"cooldownPeriod: 3\n", fmt.Sprintf("cooldownPeriod: %[1]v\n  initialCooldownPeriod: %[1]v\n", cooldown.Seconds()),
	).Replace(manifest)
}

func expectReady(t *testing.T, namespace string, count int) {
	t.Helper()
	await.Success(t, patience, func() error {
		ready := 0
		for _, pod := range nodes.PodsOf(namespace) {
			if pod.Ready() {
				ready++
			}
		}
		if ready != count {
			return fmt.Errorf("%d pods are ready", ready)
		}
		return nil
	})
}

// startLoad keeps so many requests in flight at the pods that are ready now.
func startLoad(t *testing.T, namespace string, inFlight int) (stop func()) {
	t.Helper()
	home := filepath.Join(folder, "load", namespace)
	var urls []string
	for _, pod := range nodes.PodsOf(namespace) {
		urls = append(urls, pod.EngineURL())
	}
	requests, addresses := filepath.Join(home, "trace.csv"), filepath.Join(home, "engines.txt")
	path, err := filepath.Abs(filepath.Join(programs, "leadline-sim"))
	err = errors.Join(err, os.MkdirAll(home, 0o700),
		os.WriteFile(requests, []byte(trace.Even(20, 100, 500)), 0o600),
		os.WriteFile(addresses, []byte(strings.Join(urls, "\n")+"\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	load, err := process.Start(home, path, "load", "--trace", requests, "--duration", "3600",
		"--urls-file", addresses, "--max-in-flight", fmt.Sprint(inFlight))
	if err != nil {
		t.Fatal(err)
	}
	stop = func() { _ = load.Kill() }
	t.Cleanup(stop)
	return stop
}

func TestEveryExampleIsWhatKedasAPITakes(t *testing.T) {
	newWorkload(t, "demo")
	pages, err := filepath.Glob(examples + "/keda/*.yaml")
	if err != nil || len(pages) < 7 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, page := range pages {
		if _, err := admin.Run(t.Context(), "apply", "--server-side", "--dry-run=server", "--validate=strict",
			"-f", page); err != nil {
			t.Error(err)
		}
	}
}

// 0 -> 1 by our push, 1 -> N -> 1 by the HPA on our value, and to 0 only where the trigger allows it.
func TestAWorkloadGoesFromZeroToManyAndBack(t *testing.T) {
	t.Parallel()
	const namespace = "zero"
	newWorkload(t, namespace)
	up := newHistory(t, namespace)
	apply(t, scaledObject(namespace, "external-push", ""))
	t.Logf("0 -> 1: %v after the ScaledObject was applied", up.awaitNow(t, 1))
	expectReady(t, namespace, 1)

	stop := startLoad(t, namespace, 12)
	t.Logf("1 -> 3: %v after the load began", up.awaitNow(t, 3))
	await.Throughout(t, 5*time.Second, up.rose)
	stop()
	down := newHistory(t, namespace)
	t.Logf("-> 1: %v after it ended", down.awaitNow(t, 1))
	await.Throughout(t, 8*time.Second, func() error { return down.is(3, 1) }) // a workload alone keeps itself

	apply(t, scaledObject(namespace, "external-push", mayGoToZero))
	t.Logf("1 -> 0: %v after scaleToZero", down.awaitNow(t, 0))
	await.Throughout(t, 8*time.Second, func() error { return down.is(3, 1, 0) })
}

// A polled trigger wakes a workload only once it is known, and not merely unheard of, that it has no pod: KEDA
// does not ask whether a trigger is active that has no value. A push does not wait for that.
func TestAPolledTriggerWakesItsWorkloadAfterTheGrace(t *testing.T) {
	t.Parallel()
	const namespace = "polled"
	newWorkload(t, namespace)
	h := newHistory(t, namespace)
	apply(t, scaledObject(namespace, "external", ""))
	t.Logf("0 -> 1: %v after the ScaledObject was applied", h.awaitNow(t, 1))
	await.Throughout(t, 5*time.Second, func() error { return h.is(0, 1) })
}

// With scaleToZero and nothing beside it nobody says that there is work: it stays at zero, without an error.
func TestNothingWakesAWorkloadThatIsAloneAtZero(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"external", "external-push"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			namespace := "alone-" + kind
			newWorkload(t, namespace)
			h := newHistory(t, namespace)
			apply(t, scaledObject(namespace, kind, mayGoToZero))
			await.Success(t, patience, func() error { return expectCondition(namespace, "Ready", "True") })
			await.Throughout(t, absentGrace+5*time.Second, func() error { return h.is(0) })
			await.Success(t, patience, func() error { return expectCondition(namespace, "Active", "False") })
		})
	}
}
