package kubelet

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"leadline.dev/tests/cluster/process"
)

// The pause before a container that ended is started again; it doubles up to the longest, as in a
// kubelet.
const (
	restartPause        = 10 * time.Second
	longestRestartPause = 5 * time.Minute
)

// No probe waits longer: a hanging container would hold up its pod.
const longestProbe = time.Second

type container struct {
	spec    corev1.Container
	program process.Program
	sidecar bool // a native one

	process   *process.Process // the newest; nil before the first start
	startedAt time.Time
	endedAt   time.Time // of the newest, as far as we know
	restarts  int

	started, ready bool // as its probes say
	failures       int  // of the readiness probe, in a row
}

func isSidecar(spec *corev1.Container) bool {
	return spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// containerSpecs are those that run as long as their pod; other init containers are left out.
func containerSpecs(pod *corev1.Pod) (all []*corev1.Container) {
	for i := range pod.Spec.InitContainers {
		if isSidecar(&pod.Spec.InitContainers[i]) {
			all = append(all, &pod.Spec.InitContainers[i])
		}
	}
	for i := range pod.Spec.Containers {
		all = append(all, &pod.Spec.Containers[i])
	}
	return all
}

func (c *container) running() bool {
	if c.process == nil {
		return false
	}
	select {
	case <-c.process.Ended():
		return false
	default:
		return true
	}
}

// over is whether it has ended and will not be started again.
func (c *container) over(policy corev1.RestartPolicy) bool {
	if c.sidecar || c.process == nil || c.running() {
		return false
	}
	return policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && c.process.ExitCode() == 0
}

// start does nothing where it runs, or where its pause is not over.
func (c *container) start(now time.Time) (err error) {
	if c.running() {
		return nil
	}
	if c.process != nil {
		if c.endedAt.Before(c.startedAt) {
			c.endedAt = now
		}
		if now.Before(c.endedAt.Add(c.pause())) {
			return nil
		}
		c.restarts++
	}
	c.startedAt = now
	c.process, err = c.program.Start()
	return err
}

func (c *container) pause() time.Duration {
	return min(restartPause<<min(c.restarts, 10), longestRestartPause)
}

// A container is ready from one success of its readiness probe on and until as many failures as it
// allows; that probe begins with the first success of the startup probe.
func (c *container) probe(ctx context.Context, address string) {
	if !c.running() {
		c.started, c.ready, c.failures = false, false, 0
		return
	}
	c.started = c.started || c.passes(ctx, c.spec.StartupProbe, address)
	if !c.started {
		return
	}
	if c.passes(ctx, c.spec.ReadinessProbe, address) {
		c.ready, c.failures = true, 0
		return
	}
	c.failures++
	if c.failures >= int(c.spec.ReadinessProbe.FailureThreshold) {
		c.ready = false
	}
}

// A probe that is not there passes.
func (c *container) passes(ctx context.Context, probe *corev1.Probe, address string) bool {
	if probe == nil {
		return true
	}
	limit := min(time.Duration(probe.TimeoutSeconds)*time.Second, longestProbe)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	url := fmt.Sprintf("http://%s:%d%s", address, c.port(probe.HTTPGet.Port), probe.HTTPGet.Path)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	request.Close = true // a kubelet's probes share no connection either
	response, err := probeClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode >= 200 && response.StatusCode < 400
}

var probeClient = &http.Client{Transport: &http.Transport{Proxy: nil}}

func (c *container) port(wanted intstr.IntOrString) int {
	for _, port := range c.spec.Ports {
		if wanted.Type == intstr.String && port.Name == wanted.StrVal {
			return int(port.ContainerPort)
		}
	}
	return wanted.IntValue()
}

// imageName is `leadline/adapter` of `registry.example.com/leadline/adapter:0.1.0`.
func imageName(spec *corev1.Container) string {
	parts := strings.Split(spec.Image, "/")
	last := len(parts) - 1
	parts[last], _, _ = strings.Cut(parts[last], ":")
	return strings.Join(parts[max(0, last-1):], "/")
}
