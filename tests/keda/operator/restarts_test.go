package operator_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

// Where nothing may move: three replicas with work, one with little that is only polled, one that is idle
// at zero; and one whose push is timed.
const (
	atN, polled, atZero, probed = "hold-n", "hold-polled", "hold-zero", "hold-push"
)

// Restarts and rotations while everything runs: no number of replicas moves, although KEDA would let each of
// them but the last go to zero three seconds after it was last active; and pushes work again.
func TestOnlyLoadMovesReplicas(t *testing.T) {
	holds, stop := newHeld(t)
	t.Run("adapter restarted", func(t *testing.T) {
		deleteAdapters(t)
		expectHeld(t, holds)
		expectPush(t)
	})
	t.Run("adapter killed", func(t *testing.T) {
		killAdapters(t, holds)
		expectHeld(t, holds)
		expectPush(t)
	})
	t.Run("operator killed", func(t *testing.T) {
		restartOperator(t)
		expectHeld(t, holds)
		expectPush(t)
	})
	t.Run("certificates replaced", func(t *testing.T) {
		replaceCertificates(t)
		expectHeld(t, holds) // on the connections that are open
		deleteAdapters(t)
		expectHeld(t, holds) // on new ones, with the new certificates: what is polled heals by itself
		restartOperator(t)   // KEDA 2.21 never opens the stream of a push again that had an older certificate
		expectHeld(t, holds)
		expectPush(t)
	})
	down := map[string]*history{atN: newHistory(t, atN), polled: newHistory(t, polled)}
	stop()
	for namespace, h := range down {
		t.Logf("%s -> 0: %v after the last request", namespace, h.awaitNow(t, 0))
		await.Throughout(t, 3*time.Second, h.fell)
	}
}

// newHeld is what all of them are before.
func newHeld(t *testing.T) (holds func() error, stop func()) {
	t.Helper()
	for namespace, replicas := range map[string]int{atN: 3, polled: 1, atZero: 0, probed: 1} {
		newWorkloadOf(t, namespace, replicas)
	}
	expectReady(t, atN, 3)
	expectReady(t, polled, 1)
	stops := []func(){startLoad(t, atN, 12), startLoad(t, polled, 2)}
	apply(t, scaledObject(atN, "external-push", mayGoToZero))
	apply(t, scaledObject(polled, "external", mayGoToZero))
	apply(t, scaledObject(atZero, "external-push", mayGoToZero))
	apply(t, strings.Replace(scaledObject(probed, "external-push", ""), "pollingInterval: 1", "pollingInterval: 300", 1))
	expectReady(t, probed, 1)
	n, one, zero := newHistory(t, atN), newHistory(t, polled), newHistory(t, atZero)
	holds = func() error { return errors.Join(n.is(3), one.is(1), zero.is(0)) }
	expectHeld(t, holds)
	return holds, func() {
		for _, each := range stops {
			each()
		}
	}
}

// expectHeld is that nothing moves, and that in the end KEDA knows everything.
func expectHeld(t *testing.T, holds func() error) {
	t.Helper()
	begin := time.Now()
	await.Throughout(t, 5*time.Second, holds)
	await.Success(t, patience, func() error {
		if err := holds(); err != nil {
			t.Fatal(err)
		}
		return errors.Join(expectCondition(atN, "Ready", "True"), expectCondition(polled, "Ready", "True"),
			expectCondition(atZero, "Ready", "True"))
	})
	t.Logf("held, and all known %v later", time.Since(begin))
	await.Throughout(t, 4*time.Second, holds)
}

// expectPush has KEDA wake a workload that it will not look at by itself for minutes.
func expectPush(t *testing.T) {
	t.Helper()
	expectReady(t, probed, 1)
	h := newHistory(t, probed)
	setReplicas(t, probed, 0)
	begin := time.Now()
	await.Success(t, patience, func() error { return h.is(1, 0, 1) })
	t.Logf("pushed %v after it went to zero", time.Since(begin))
}

// deleteAdapters has both make room in good order.
func deleteAdapters(t *testing.T) {
	t.Helper()
	before := map[string]bool{}
	for _, pod := range nodes.PodsOf("leadline") {
		before[pod.Name()] = true
	}
	if _, err := admin.Run(t.Context(), "delete", "pods", "--all", "-n", "leadline", "--wait=false"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	await.Success(t, patience, func() error {
		ready := 0
		for _, pod := range nodes.PodsOf("leadline") {
			if pod.Ready() && !before[pod.Name()] {
				ready++
			}
		}
		if ready < 2 {
			return fmt.Errorf("%d new adapters are ready", ready)
		}
		return nil
	})
	t.Logf("two new adapters are ready %v later", time.Since(begin))
}

// killAdapters leaves KEDA alone for the ten seconds until the kubelet starts them again, which is longer than
// it waits after the last activity.
func killAdapters(t *testing.T, holds func() error) {
	t.Helper()
	begin := time.Now()
	for _, pod := range nodes.PodsOf("leadline") {
		if err := pod.Signal(kubelet.Adapter, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	await.Success(t, patience, func() error { return expectCondition(atN, "Ready", "False") })
	await.Throughout(t, 3*time.Second, holds)
	await.Success(t, patience, func() error {
		if readyAdapter() == "" {
			return errors.New("no adapter is ready")
		}
		return nil
	})
	t.Logf("an adapter is ready again %v later", time.Since(begin))
}

func restartOperator(t *testing.T) {
	t.Helper()
	if err := errors.Join(operator.Kill(), startOperator()); err != nil {
		t.Fatal(err)
	}
}

// replaceCertificates is what the example tells users to run, once more: another authority, and certificates
// of it for us and for KEDA. No connection that is open ends with it.
func replaceCertificates(t *testing.T) {
	t.Helper()
	if err := makeCertificates(); err != nil {
		t.Fatal(err)
	}
}
