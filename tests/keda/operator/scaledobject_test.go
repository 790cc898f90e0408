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

func expectReplicas(t *testing.T, namespace string, least, most int) time.Duration {
	t.Helper()
	begin := time.Now()
	await.Success(t, patience, func() error {
		if now := replicas(t, namespace); now < least || now > most {
			return fmt.Errorf("%d replicas", now)
		}
		return nil
	})
	return time.Since(begin)
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
	const namespace = "zero"
	newWorkload(t, namespace)
	apply(t, scaledObject(namespace, "external-push", ""))
	t.Logf("0 -> 1: %v after the ScaledObject was applied", expectReplicas(t, namespace, 1, 1))
	expectReady(t, namespace, 1)

	stop := startLoad(t, namespace, 12)
	t.Logf("1 -> 3: %v after the load began", expectReplicas(t, namespace, 3, 5))
	stop()
	t.Logf("-> 1: %v after it ended", expectReplicas(t, namespace, 1, 1))
	await.Throughout(t, 8*time.Second, func() error {
		if now := replicas(t, namespace); now != 1 {
			return fmt.Errorf("%d replicas: a trigger on a workload alone keeps it", now)
		}
		return nil
	})

	apply(t, scaledObject(namespace, "external-push", `, scaleToZero: "true"`))
	t.Logf("1 -> 0: %v after scaleToZero", expectReplicas(t, namespace, 0, 0))
	await.Throughout(t, 8*time.Second, func() error {
		if now := replicas(t, namespace); now != 0 {
			return fmt.Errorf("%d replicas: it flaps", now)
		}
		return nil
	})
}

// Requests in flight keep a workload up, whatever else KEDA thinks; the operator may begin anew.
func TestWorkInFlightKeepsAWorkloadOverARestartOfKeda(t *testing.T) {
	const namespace = "busy"
	newWorkload(t, namespace)
	apply(t, scaledObject(namespace, "external", ""))
	expectReplicas(t, namespace, 1, 1)
	expectReady(t, namespace, 1)
	stop := startLoad(t, namespace, 2)
	apply(t, scaledObject(namespace, "external", `, scaleToZero: "true"`))
	if err := operator.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := startOperator(); err != nil {
		t.Fatal(err)
	}
	await.Throughout(t, 15*time.Second, func() error {
		if now := replicas(t, namespace); now < 1 {
			return errors.New("zero replicas, with work in flight")
		}
		return nil
	})
	stop()
	t.Logf("1 -> 0: %v after the last request", expectReplicas(t, namespace, 0, 0))
}
