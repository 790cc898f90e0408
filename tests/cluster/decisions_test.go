package cluster

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

func TestCheck69ExternalAverageValue(t *testing.T) {
	t.Parallel()
	s := newScene(t, "check69", 3)
	s.queue(20, 10, 12)
	s.awaitReplicas(s.autoscaleAsRecorded(10, external("queue_depth", average("10")))) // ⌈42 ÷ 10⌉
}

// Value multiplies the ready pods by value ÷ goal, at each sync again: so those that come stay
// loading here, and the ready ones are two. AverageValue divides the sum.
func TestCheck70ReplicasOfEachKindOfGoal(t *testing.T) {
	t.Parallel()
	core := func(kind, name string) autoscalingv2.CrossVersionObjectReference {
		return autoscalingv2.CrossVersionObjectReference{APIVersion: "v1", Kind: kind, Name: name}
	}
	for name, metric := range map[string]autoscalingv2.MetricSpec{
		"external-value":           external("queue_depth", plain("21")),
		"object-value":             object("queue_depth", deployment, plain("21")),
		"object-average-value":     object("queue_depth", deployment, average("12")),
		"namespace-value":          object("queue_depth", core("Namespace", "check70-namespace-value"), plain("21")),
		"namespace-average-value":  object("queue_depth", core("Namespace", "check70-namespace-average-value"), average("12")),
		"object-value-of-services": object("queue_depth", core("Service", workload), plain("21")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "check70-"+name, 2)
			s.apply(s.moved("apiVersion: v1\nkind: Service\nmetadata:\n  name: llm\n  namespace: demo\n" +
				"spec: {selector: {app: llm}, ports: [{port: 8000}]}\n"))
			s.queue(30, 12)
			stayLoading(s)
			s.awaitReplicas(s.autoscaleAsRecorded(10, metric)) // ⌈42 ÷ 21 × 2⌉ and ⌈42 ÷ 12⌉: 4
		})
	}
}

// stayLoading holds for engines that start from now on.
func stayLoading(s *scene) { nodes.EngineFlags(s.namespace, "--startup-delay-ms=600000") }

// A pod whose sidecar hangs gives no value. Upwards it counts as one without load, downwards as one
// at its goal.
func TestCheck71PodWithoutAValue(t *testing.T) {
	t.Parallel()
	for name, waiting := range map[string]int{
		// 6 = ⌈(3 × 12 + 0) ÷ 4 ÷ 6 × 4⌉; it would be 8 if the pod were as the others.
		"up": 12,
		// 2 = ⌈(3 × 1 + 6) ÷ 4 ÷ 6 × 4⌉; it would be 1 if the pod were as the others or had no load.
		"down": 1,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "check71-"+name, 4)
			found := s.queue(waiting, waiting, waiting, waiting)
			stayLoading(s)
			s.signal(found[3], kubelet.Sidecar, syscall.SIGSTOP)
			await.Success(t, patience, func() error { return expectValues(s, 3) })
			s.autoscaleAsRecorded(10, perPod("queue_depth", "6"))
		})
	}
}

// expectValues asks for the queue of each pod.
func expectValues(s *scene, wanted int) error {
	body, err := raw(s.Context(), "/apis/custom.metrics.k8s.io/v1beta2/namespaces/"+s.namespace+"/pods/*/queue_depth")
	if found := strings.Count(string(body), `"describedObject"`); err == nil && found != wanted {
		err = fmt.Errorf("%d values, wanted %d", found, wanted)
	}
	return err
}

func TestCheck72EmptyListAndNotFoundHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		metric          autoscalingv2.MetricSpec
		reason, message string
	}{
		// Nothing was asked of the engines, so that no pod can tell how often its cache was hit.
		"empty": {perPod("prefix_cache_hit_percent", "1"), "FailedGetPodsMetric",
			"no metrics returned from custom metrics API"},
		"unknown-external": {external("no_such_metric", average("1")), "FailedGetExternalMetric",
			"the server could not find the metric no_such_metric"},
		"unknown-object": {object("no_such_metric", deployment, plain("1")), "FailedGetObjectMetric",
			"the server could not find the metric no_such_metric for deployments.apps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "check72-"+name, 2)
			s.awaitHold(s.autoscaleAsRecorded(10, c.metric), c.reason, c.message)
		})
	}
}

// With one metric failing, the other may add pods and may not take any.
func TestCheck73OneOfTwoMetricsFails(t *testing.T) {
	t.Parallel()
	failing := external("no_such_metric", average("1"))
	t.Run("up", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "check73-up", 2)
		s.queue(20, 20)
		wanted := s.autoscaleAsRecorded(10, failing, external("queue_depth", average("10")))
		await.Success(t, decided, func() error {
			found, err := s.decision()
			if err == nil && (found.desired != wanted || found.replicas != wanted) {
				err = fmt.Errorf("%+v, wanted %d", found, wanted)
			}
			return err
		})
	})
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "check73-down", 2)
		s.queue(1, 1)
		held := s.autoscaleAsRecorded(10, failing, external("queue_depth", average("10")))
		s.awaitHold(held, "FailedGetExternalMetric", "no_such_metric")
		unfailing(s)
		s.awaitReplicas(1)
	})
}

// unfailing takes the failing metric away: without it the same value does take a pod.
func unfailing(s *scene) {
	s.Helper()
	_, err := admin.Run(s.Context(), "patch", "hpa", workload, "-n", s.namespace, "--type=json",
		`-p=[{"op":"remove","path":"/spec/metrics/0"}]`)
	if err != nil {
		s.Fatal(err)
	}
}
