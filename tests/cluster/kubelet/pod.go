package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The programs that pods run, by the names with which Signal knows them.
const (
	Sidecar = "leadline-sidecar"
	Engine  = "leadline-sim"
	Adapter = "leadline-adapter"
)

// How often a pod is looked after where nothing tells of a change.
const turn = 250 * time.Millisecond

// Pod is one that runs or is Terminating. Safe for use by several goroutines.
type Pod struct {
	kubelet *Kubelet
	address netip.Addr
	flags   []string // of its engine
	object  atomic.Pointer[corev1.Pod]
	changed chan struct{} // holds one where something may be new
	gone    chan struct{} // closed once the API has it no more

	notReady atomic.Bool

	mutex      sync.Mutex   // guards what follows
	containers []*container // sidecars first; nil until the pod has a node

	// By its own goroutine only.
	reported corev1.PodStatus
	mounted  time.Time // when its Secrets were last looked at
}

func newPod(k *Kubelet, address netip.Addr, flags []string) *Pod {
	return &Pod{kubelet: k, address: address, flags: flags,
		changed: make(chan struct{}, 1), gone: make(chan struct{})}
}

// Name is the object's.
func (p *Pod) Name() string { return p.object.Load().Name }

// Address is its IP.
func (p *Pod) Address() string { return p.address.String() }

// Terminating is whether it was deleted.
func (p *Pod) Terminating() bool { return p.object.Load().DeletionTimestamp != nil }

// EngineURL is where its engine listens once it has loaded; /sim/ tells it to misbehave.
func (p *Pod) EngineURL() string {
	return fmt.Sprintf("http://%s:%d", p.address, enginePort(p.object.Load()))
}

// Ready is whether it is, as the API has it.
func (p *Pod) Ready() bool { return IsReady(p.object.Load()) }

// IsReady is whether a pod's status says so.
func IsReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// FailReadiness makes its readiness probes fail, whatever its containers answer, or lifts that.
func (p *Pod) FailReadiness(fail bool) {
	p.notReady.Store(fail)
	p.wake()
}

// Signal sends one to its program of that name: SIGKILL for one that dies, and is started again after
// a pause; SIGSTOP for one that hangs.
func (p *Pod) Signal(program string, signal syscall.Signal) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, c := range p.containers {
		if c.process != nil && c.process.Name() == program {
			return c.process.Signal(signal)
		}
	}
	return fmt.Errorf("pod %s runs no %s", p.object.Load().Name, program)
}

func (p *Pod) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// run returns when the pod is no more, or with the context.
func (p *Pod) run(ctx context.Context) {
	defer p.kill()
	ticker := time.NewTicker(turn)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.gone:
			return
		case <-p.changed:
		case <-ticker.C:
		}
		if err := p.lookAfter(ctx); err != nil && ctx.Err() == nil {
			p.complain(err)
		}
	}
}

func (p *Pod) complain(err error) {
	p.kubelet.log.Printf("pod %s/%s: %v", p.object.Load().Namespace, p.object.Load().Name, err)
}

// What fails is tried again at the next turn.
func (p *Pod) lookAfter(ctx context.Context) error {
	pod := p.object.Load()
	switch {
	case pod.DeletionTimestamp != nil:
		return p.terminate(ctx, pod)
	case pod.Spec.NodeName == "":
		return p.bind(ctx, pod)
	}
	if err := p.prepare(ctx, pod); err != nil {
		return err
	}
	if p.phase(pod) != corev1.PodRunning {
		p.end(0)
	} else if err := p.startContainers(pod.Spec.RestartPolicy); err != nil {
		return err
	}
	p.probe(ctx)
	return errors.Join(p.refreshSecrets(ctx, pod), p.report(ctx, pod))
}

func (p *Pod) bind(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	err := p.kubelet.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: NodeName},
	}, metav1.CreateOptions{})
	if apierrors.IsConflict(err) {
		return nil // it has its node, of which we have not heard yet
	}
	return err
}

func (p *Pod) folder(pod *corev1.Pod) string {
	return filepath.Join(p.kubelet.options.Folder, pod.Namespace, pod.Name)
}

// prepare decides once what the pod's containers run.
func (p *Pod) prepare(ctx context.Context, pod *corev1.Pod) error {
	if p.containers != nil {
		return nil
	}
	folder := p.folder(pod)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	var prepared []*container
	for _, spec := range containerSpecs(pod) {
		program, err := p.program(ctx, pod, spec, folder)
		if err != nil {
			return fmt.Errorf("container %s: %w", spec.Name, err)
		}
		prepared = append(prepared, &container{spec: *spec, program: program, sidecar: isSidecar(spec)})
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.containers = prepared
	return nil
}

func (p *Pod) startContainers(policy corev1.RestartPolicy) (err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, c := range p.containers {
		if !c.over(policy) {
			err = errors.Join(err, c.start(time.Now()))
		}
	}
	return err
}

func (p *Pod) probe(ctx context.Context) {
	for _, c := range p.containers {
		c.probe(ctx, p.Address())
	}
}

// terminate returns when the API has the pod no more, or will be asked for it again.
func (p *Pod) terminate(ctx context.Context, pod *corev1.Pod) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.end(time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second)
	}()
	select {
	case <-ended:
	case <-p.gone: // deleted by force
		p.kill()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	err := p.kubelet.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *options)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// end asks the containers to end, then the native sidecars, which get at least two seconds.
func (p *Pod) end(grace time.Duration) {
	deadline := time.Now().Add(grace)
	p.endAll(false, deadline)
	if least := time.Now().Add(2 * time.Second); deadline.Before(least) {
		deadline = least
	}
	p.endAll(true, deadline)
}

func (p *Pod) endAll(sidecars bool, deadline time.Time) {
	var all sync.WaitGroup
	for _, c := range p.containers {
		if c.sidecar != sidecars || c.process == nil {
			continue
		}
		all.Go(func() {
			if err := c.process.Terminate(time.Until(deadline)); err != nil {
				p.complain(err)
			}
		})
	}
	all.Wait()
}

func (p *Pod) kill() {
	for _, c := range p.containers {
		if c.process == nil {
			continue
		}
		if err := c.process.Kill(); err != nil {
			p.complain(err)
		}
	}
}
