package operator_test

import (
	"errors"
	"fmt"
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

// Each of them but the last could go to zero so long after it was last active.
const cooldown = 7 * time.Second

// Restarts, rotations and what hangs, while everything runs: no number of replicas moves, however long KEDA hears
// nothing; and pushes work again.
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
	t.Run("sidecars hang", func(t *testing.T) {
		signalSidecars(t, syscall.SIGSTOP)
		await.Success(t, patience, func() error { return expectCondition(atN, "Ready", "False") })
		await.Throughout(t, cooldown, holds)
		signalSidecars(t, syscall.SIGCONT)
		expectHeld(t, holds)
	})
	t.Run("Kubernetes API hangs for us", func(t *testing.T) {
		api.Stall()
		defer api.Resume()
		expectHeld(t, holds)
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
	n, one := newHistory(t, atN), newHistory(t, polled)
	stop()
	t.Logf("3 -> 0: %v after the last request; 1 -> 0: %v later", n.awaitNow(t, 0), one.awaitNow(t, 0))
	await.Throughout(t, 3*time.Second, func() error { return errors.Join(n.fell(), one.is(1, 0)) })
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
	const interval = 2 * time.Second
	apply(t, polledEvery(interval, cooldown, scaledObject(atN, "external-push", mayGoToZero)))
	apply(t, polledEvery(interval, cooldown, scaledObject(polled, "external", mayGoToZero)))
	apply(t, polledEvery(interval, cooldown, scaledObject(atZero, "external-push", mayGoToZero)))
	apply(t, polledEvery(5*time.Minute, cooldown, scaledObject(probed, "external-push", "")))
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

// killAdapters leaves KEDA alone for the ten seconds until the kubelet starts them again.
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

func signalSidecars(t *testing.T, signal syscall.Signal) {
	t.Helper()
	for _, pod := range nodes.PodsOf(atN) {
		if err := pod.Signal(kubelet.Sidecar, signal); err != nil {
			t.Fatal(err)
		}
	}
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
