package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

// What the adapter cannot find out is no value: the controller holds, and says why.
func TestCheck72InternalErrorHolds(t *testing.T) {
	s := newScene(t, "check72-errors", 2)
	s.queue(15, 15)
	s.autoscale(10, external("queue_depth", average("10")))
	s.awaitReplicas(3)

	// Each replica remembers for ten seconds of its own what it was allowed to tell.
	holds := func() error {
		return s.expectHold(3, "FailedGetExternalMetric", "whether this is allowed could not be decided")
	}
	t.Cleanup(func() {
		if err := applyOurs(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := admin.Run(t.Context(), "delete", "clusterrolebinding", "leadline-adapter-auth-delegator"); err != nil {
		t.Fatal(err)
	}
	await.Lasting(t, decided, 3*syncPeriod, holds)
	s.queue(1, 1, 1) // one pod would do, if it were known
	await.Throughout(t, 5*syncPeriod, holds)
	s.queue(10, 10, 10)
	if err := applyOurs(t.Context()); err != nil {
		t.Fatal(err)
	}
	await.Success(t, patience, func() error { return s.expectReplicas(3) })

	pods.Stall() // it is asked three times, which takes less than a handler may
	defer pods.Resume()
	await.Lasting(t, decided, 3*syncPeriod, holds)
	pods.Resume()
	await.Success(t, patience, func() error { return s.expectReplicas(3) })
}

// The front proxy gets a certificate of another authority, as kube-apiserver's flags say from its
// next start on. The adapter hears of it through the ConfigMap and is not restarted.
func TestCheck75FrontProxyAuthorityIsReplaced(t *testing.T) {
	s := newScene(t, "check75", 2)
	p := startPoller(s, 2)
	s.autoscale(10, external("queue_depth", average("10")))
	s.awaitReplicas(2)
	restarts := adapterRestarts(t)

	begin := time.Now()
	// Stopped first: a running kube-apiserver reads the new files by itself, and may tell the replicas.
	if err := errors.Join(plane.StopAPIServer(), plane.RotateFrontProxy()); err != nil {
		t.Fatal(err)
	}
	p.showCertificate()
	if err := errors.Join(p.expectUnknown(), plane.StartAPIServer(t.Context())); err != nil {
		t.Fatal(err)
	}
	started := time.Since(begin).Seconds()
	await.Success(t, patience, allAvailable)
	await.Success(t, patience, func() error { // the new proxy is believed, by either replica
		return errors.Join(expectValues(s, 2), expectValues(s, 2), expectValues(s, 2), expectValues(s, 2))
	})
	through := time.Since(begin).Seconds()
	t.Logf("front-proxy CA replaced: right again after %.1f s, through kube-apiserver after %.1f s; its restart took %.1f s",
		p.awaitRightFrom(begin), through, started)
	s.awaitReplicas(2)
	if again := adapterRestarts(t); again != restarts {
		t.Errorf("the adapter was restarted %d times", again-restarts)
	}
}

// expectUnknown complains where a replica answers this front proxy already.
func (p *poller) expectUnknown() error {
	for _, replica := range nodes.PodsOf("leadline") {
		if err := p.pollPods(replica); err == nil || !strings.HasPrefix(err.Error(), "401") {
			return fmt.Errorf("replica %s: %v, wanted a 401", replica.Address(), err)
		}
	}
	return nil
}

func adapterRestarts(t *testing.T) (count int32) {
	t.Helper()
	list, err := client.CoreV1().Pods("leadline").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range list.Items {
		for _, c := range pod.Status.ContainerStatuses {
			count += c.RestartCount
		}
	}
	return count
}

func TestCheck78OneOfTwoReplicasIsKilled(t *testing.T) {
	s := newScene(t, "check78", 2)
	s.queue(15, 15)
	s.autoscale(10, external("queue_depth", average("10")))
	s.awaitReplicas(3)
	await.Success(t, patience, func() error { return expectReplicasOfAdapter(2) })

	if err := nodes.PodsOf("leadline")[0].Signal(kubelet.Adapter, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var failedSince time.Time // zero: it does not fail
	await.Throughout(t, 25*time.Second, func() error {
		found, err := s.decision()
		switch {
		case err != nil:
			return err
		case found.replicas != 3:
			return fmt.Errorf("%+v", found)
		case found.active:
			failedSince = time.Time{}
		case failedSince.IsZero():
			failedSince = time.Now()
		case time.Since(failedSince) > syncPeriod*3/2:
			return fmt.Errorf("two syncs without a value: %+v", found)
		}
		return nil
	})
	await.Success(t, patience, func() error { return expectReplicasOfAdapter(2) })
}

func expectReplicasOfAdapter(wanted int) error {
	list, err := client.CoreV1().Pods("leadline").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	ready := 0
	for _, pod := range list.Items {
		if kubelet.IsReady(&pod) && pod.DeletionTimestamp == nil {
			ready++
		}
	}
	if ready != wanted {
		return fmt.Errorf("%d replicas of the adapter are ready, wanted %d", ready, wanted)
	}
	return nil
}

// One fault after another over ten pods, while a poller watches every answer.
func TestNothingFalseIsServedThroughFaults(t *testing.T) {
	s := newScene(t, "faults", 10)
	await.Success(t, patience, func() error { return expectReplicasOfAdapter(2) })
	p := startPoller(s, 10)
	apiIsDown(p)
	adapterIsRestarted(p)
	certificateIsReplaced(p)
	podsAreKilled(p)
}

// A pod hangs in the meantime, which nobody can tell the adapter.
func apiIsDown(p *poller) {
	if err := plane.StopAPIServer(); err != nil {
		p.Fatal(err)
	}
	down := time.Now()
	p.hang(p.sampled[0])
	p.Logf("API down: a hanging pod leaves after %.1f s", p.awaitRight())
	await.Throughout(p, time.Minute-time.Since(down), p.expectRight)
	if err := plane.StartAPIServer(p.Context()); err != nil {
		p.Fatal(err)
	}
	p.resume(p.sampled[0])
	p.Logf("API down for a minute: right again %.1f s after its start", p.awaitRight())
	await.Success(p, patience, allAvailable)
	p.awaitReady(10)
}

func adapterIsRestarted(p *poller) {
	if err := nodes.PodsOf("leadline")[0].Signal(kubelet.Adapter, syscall.SIGKILL); err != nil {
		p.Fatal(err)
	}
	p.Logf("adapter restarted: right again after %.1f s, most of it the kubelet's pause", p.awaitRight())
}

// An administrator takes the certificate away; a replica makes another.
func certificateIsReplaced(p *poller) {
	before := certificateSecret(p.T)
	err := client.CoreV1().Secrets("leadline").Delete(p.Context(), "leadline-adapter-certificate", metav1.DeleteOptions{})
	if err != nil {
		p.Fatal(err)
	}
	begin := time.Now()
	var after []byte
	await.Success(p, 2*patience, func() error {
		after = certificateSecret(p.T)
		if len(after) == 0 || bytes.Equal(after, before) {
			return errors.New("there is no other certificate")
		}
		return allAvailable()
	})
	p.Logf("serving certificate replaced: available again after %.1f s", time.Since(begin).Seconds())
	await.Throughout(p, 10*time.Second, allAvailable)
	p.awaitRight()
}

func certificateSecret(t *testing.T) []byte {
	t.Helper()
	secrets := client.CoreV1().Secrets("leadline")
	secret, err := secrets.Get(t.Context(), "leadline-adapter-certificate", metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return secret.Data["tls.crt"]
}

// Those that come in their place stay loading, and have no value.
func podsAreKilled(p *poller) {
	stayLoading(p.scene)
	p.kill(p.sampled[:3]...)
	p.Logf("30 %% of the pods killed: right again after %.1f s", p.awaitRight())
	await.Throughout(p, 10*time.Second, p.expectRight)
}
