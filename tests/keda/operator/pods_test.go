package operator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

const mayGoToZero = `, scaleToZero: "true"`

// newWorkloadOf is newWorkload with so many replicas, whose engines get these flags.
func newWorkloadOf(t *testing.T, namespace string, replicas int, flags ...string) {
	t.Helper()
	nodes.EngineFlags(namespace, flags...)
	newWorkload(t, namespace)
	setReplicas(t, namespace, replicas)
}

func setReplicas(t *testing.T, namespace string, replicas int) {
	t.Helper()
	if _, err := admin.Run(t.Context(), "scale", "-n", namespace, "deployment/llm",
		fmt.Sprintf("--replicas=%d", replicas)); err != nil {
		t.Fatal(err)
	}
}

// A pod that loads keeps up a workload that may go to zero, until it is idle.
func TestALoadingPodKeepsItsWorkload(t *testing.T) {
	t.Parallel()
	const namespace = "loading"
	newWorkloadOf(t, namespace, 1, "--startup-delay-ms=15000")
	h := newHistory(t, namespace)
	apply(t, polledEvery(4*time.Second, 8*time.Second, scaledObject(namespace, "external-push", mayGoToZero)))
	await.Success(t, patience, func() error {
		if pods := nodes.PodsOf(namespace); len(pods) == 1 && pods[0].Ready() {
			return nil
		}
		if err := h.is(1); err != nil {
			t.Fatal(err)
		}
		return errors.New("the pod is not ready")
	})
	t.Logf("1 -> 0: %v after it was ready", h.awaitNow(t, 0))
	await.Throughout(t, absentGrace+5*time.Second, func() error { return h.is(1, 0) })
}

// One that will not come keeps it for the grace.
func TestAPodThatNeverGetsReadyKeepsItsWorkloadForTheGraceOnly(t *testing.T) {
	t.Parallel()
	for namespace, flag := range map[string]string{
		"loading-for-ever": "--startup-delay-ms=3600000", "crash-looping": "--no-such-flag"} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			begin := time.Now() // a little before the grace
			newWorkloadOf(t, namespace, 1, flag)
			h := newHistory(t, namespace)
			apply(t, polledEvery(4*time.Second, loadingGrace-5*time.Second,
				scaledObject(namespace, "external-push", mayGoToZero)))
			h.awaitNow(t, 0)
			took := time.Since(begin)
			t.Logf("1 -> 0: after %v", took)
			if took < loadingGrace || took > loadingGrace+30*time.Second {
				t.Errorf("the grace is %v", loadingGrace)
			}
			await.Throughout(t, absentGrace+5*time.Second, func() error { return h.is(1, 0) })
		})
	}
}

// Where nothing is known of a workload that may not go to zero, it is held for ever, and KEDA says so.
func TestACrashLoopingWorkloadThatMayNotGoToZeroIsHeld(t *testing.T) {
	t.Parallel()
	const namespace = "crash-looping-kept"
	newWorkloadOf(t, namespace, 2, "--no-such-flag")
	h := newHistory(t, namespace)
	apply(t, strings.Replace(scaledObject(namespace, "external", ""), "minReplicaCount: 0", "minReplicaCount: 1", 1))
	await.Success(t, patience, func() error { return expectCondition(namespace, "Ready", "False") })
	await.Throughout(t, loadingGrace+5*time.Second, func() error { return h.is(2) })
}

// expectCondition is about the ScaledObject llm.
func expectCondition(namespace, kind, status string) error {
	output, err := admin.Run(context.Background(), "get", "scaledobject", "llm", "-n", namespace, "-o",
		fmt.Sprintf(`jsonpath={.status.conditions[?(@.type=="%s")].status}`, kind))
	if err == nil && output != status {
		err = fmt.Errorf("%s is %q, not %s", kind, output, status)
	}
	return err
}

// One of three never comes: the others' load decides, on the way up as on the way down.
func TestACrashLoopingPodBesideHealthyOnesMovesNobody(t *testing.T) {
	t.Parallel()
	const namespace = "crash-looping-one"
	newWorkloadOf(t, namespace, 2)
	expectReady(t, namespace, 2)
	nodes.EngineFlags(namespace, "--no-such-flag")
	stop := startLoad(t, namespace, 12)
	h := newHistory(t, namespace)
	apply(t, scaledObject(namespace, "external-push", mayGoToZero))
	h.awaitNow(t, 3)
	await.Throughout(t, loadingGrace+5*time.Second, func() error { return h.is(2, 3) })
	stop()
	down := newHistory(t, namespace)
	t.Logf("3 -> 0: %v after the last request", down.awaitNow(t, 0))
	await.Throughout(t, absentGrace, down.fell)
}

// A pod that is deleted serves its requests to their end, and meanwhile speaks for nobody: the others keep
// the workload as long as they have work, and then it goes without them.
func TestATerminatingPodEndsItsWorkAndMovesNobody(t *testing.T) {
	t.Parallel()
	const namespace = "terminating"
	newWorkloadOf(t, namespace, 2)
	expectReady(t, namespace, 2)
	pods := nodes.PodsOf(namespace)
	leaving, staying := askLong(t, pods[0], 3), askLong(t, pods[1], 5)
	h := newHistory(t, namespace)
	apply(t, scaledObject(namespace, "external-push", mayGoToZero))
	await.Success(t, patience, func() error { return expectCondition(namespace, "Ready", "True") })
	if err := client.CoreV1().Pods(namespace).Delete(t.Context(), pods[0].Name(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await.Throughout(t, 10*time.Second, func() error { return errors.Join(h.is(2), leaving.goesOn()) })
	staying.hangUp()
	t.Logf("2 -> 0: %v after the last request of those that stay", h.awaitNow(t, 0))
	await.Throughout(t, 5*time.Second, func() error { return errors.Join(h.fell(), leaving.goesOn()) })
	leaving.hangUp()
	await.Success(t, patience, func() error {
		if nodes.Pod(namespace, pods[0].Name()) != nil {
			return errors.New("the pod is there")
		}
		return nil
	})
}

// asked are requests that get more tokens than any test waits for.
type asked struct {
	hangUp context.CancelFunc
	broken atomic.Pointer[error]
}

func askLong(t *testing.T, pod *kubelet.Pod, count int) *asked {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	a := &asked{hangUp: cancel}
	for range count {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, pod.EngineURL()+"/v1/completions",
			strings.NewReader(`{"prompt":"hello","max_tokens":4000,"stream":true,"ignore_eos":true}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", "identity") // what the stand-in compresses it keeps to itself for long
		answer, err := http.DefaultClient.Do(request)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
		go a.read(answer.Body)
	}
	return a
}

func (a *asked) read(body io.ReadCloser) {
	defer body.Close()
	_, err := io.Copy(io.Discard, body)
	if err == nil {
		err = errors.New("it was answered to the end")
	}
	a.broken.Store(&err)
}

// goesOn complains where one of them has ended.
func (a *asked) goesOn() error {
	if broken := a.broken.Load(); broken != nil {
		return fmt.Errorf("a request ended: %w", *broken)
	}
	return nil
}
