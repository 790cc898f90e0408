package kubelet

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// report writes the pod's status where it changed.
func (p *Pod) report(ctx context.Context, pod *corev1.Pod) error {
	status := p.status(pod)
	if equality.Semantic.DeepEqual(status, p.reported) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	pods := p.kubelet.client.CoreV1().Pods(pod.Namespace)
	_, err = pods.Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err == nil {
		p.reported = status
	}
	return err
}

func (p *Pod) status(pod *corev1.Pod) corev1.PodStatus {
	status := corev1.PodStatus{
		Phase:     p.phase(pod),
		HostIP:    "127.0.0.1",
		PodIP:     p.Address(),
		PodIPs:    []corev1.PodIP{{IP: p.Address()}},
		StartTime: p.reported.StartTime,
	}
	if status.StartTime == nil {
		status.StartTime = seconds(time.Now())
	}
	ready := true
	for _, c := range p.containers {
		ready = ready && c.ready
		if c.sidecar {
			status.InitContainerStatuses = append(status.InitContainerStatuses, c.status(pod.Spec.RestartPolicy))
		} else {
			status.ContainerStatuses = append(status.ContainerStatuses, c.status(pod.Spec.RestartPolicy))
		}
	}
	ready = ready && !p.notReady.Load()
	status.Conditions = []corev1.PodCondition{
		p.condition(corev1.PodScheduled, true), p.condition(corev1.PodInitialized, true),
		p.condition(corev1.ContainersReady, ready), p.condition(corev1.PodReady, ready),
	}
	return status
}

func (p *Pod) condition(kind corev1.PodConditionType, holds bool) corev1.PodCondition {
	status := corev1.ConditionFalse
	if holds {
		status = corev1.ConditionTrue
	}
	for _, old := range p.reported.Conditions {
		if old.Type == kind && old.Status == status {
			return old
		}
	}
	return corev1.PodCondition{Type: kind, Status: status, LastTransitionTime: *seconds(time.Now())}
}

// phase ends with the last container of those that are not started again, as a Job's.
func (p *Pod) phase(pod *corev1.Pod) corev1.PodPhase {
	ended := corev1.PodSucceeded
	for _, c := range p.containers {
		if c.sidecar {
			continue
		}
		if !c.over(pod.Spec.RestartPolicy) {
			return corev1.PodRunning
		}
		if c.process.ExitCode() != 0 {
			ended = corev1.PodFailed
		}
	}
	return ended
}

func (c *container) status(policy corev1.RestartPolicy) corev1.ContainerStatus {
	status := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image,
		Ready: c.ready, RestartCount: int32(c.restarts),
	}
	started := c.started // the pointer must not change with the container
	status.Started = &started
	switch {
	case c.running():
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: *seconds(c.startedAt)}
	case c.over(policy):
		status.State.Terminated = c.terminated()
	default:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	}
	return status
}

func (c *container) terminated() *corev1.ContainerStateTerminated {
	state := &corev1.ContainerStateTerminated{ExitCode: int32(c.process.ExitCode()), Reason: "Completed"}
	if state.ExitCode != 0 {
		state.Reason = "Error"
	}
	return state
}

// The API keeps whole seconds.
func seconds(at time.Time) *metav1.Time {
	whole := metav1.NewTime(at.Truncate(time.Second))
	return &whole
}
