package oracle

import (
	"context"
	"errors"
	"fmt"
	"strings"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	scalefake "k8s.io/client-go/scale/fake"
	core "k8s.io/client-go/testing"
	customapi "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalapi "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	customfake "k8s.io/metrics/pkg/client/custom_metrics/fake"
	externalfake "k8s.io/metrics/pkg/client/external_metrics/fake"
)

var podLabels = map[string]string{"app": workload}

// podStates: a capital letter's small one is the same pod while it is being deleted.
var podStates = map[byte]struct {
	phase corev1.PodPhase
	ready bool
}{
	'R': {corev1.PodRunning, true},
	'U': {corev1.PodRunning, false},
	'P': {corev1.PodPending, false},
	'S': {corev1.PodSucceeded, false},
	'F': {corev1.PodFailed, false},
	'X': {corev1.PodUnknown, true},
}

// cluster is what the controller sees of the world: client-go's fakes, whose answers are the
// observation at hand.
type cluster struct {
	client   *fake.Clientset
	scales   scalefake.FakeScaleClient
	custom   customfake.FakeCustomMetricsClient
	external externalfake.FakeExternalMetricsClient

	observed *Observation // nil: the API server answers no question about the scale
	shown    int          // how often
	replicas int32        // scale.spec.replicas
	rescales []string     // messages of the events SuccessfulRescale
}

func newCluster(hpa *autoscalingv2.HorizontalPodAutoscaler) *cluster {
	c := &cluster{client: fake.NewSimpleClientset(hpa)}
	c.client.PrependReactor("create", "events", c.noteEvent)
	c.scales.AddReactor("get", "deployments", c.getScale)
	c.scales.AddReactor("update", "deployments", c.updateScale)
	c.custom.AddReactor("get", "*", c.getCustomMetric)
	c.external.AddReactor("list", "*", c.listExternalMetric)
	return c
}

// show makes `observed` what the controller finds next.
func (c *cluster) show(ctx context.Context, observed *Observation) error {
	c.observed, c.replicas, c.rescales = observed, observed.Spec, nil
	if err := c.replacePods(ctx, observed.Pods); err != nil {
		return err
	}
	c.shown++
	return c.renewIdentity(ctx, fmt.Sprint(c.shown))
}

func (c *cluster) replacePods(ctx context.Context, states string) error {
	pods := c.client.CoreV1().Pods(namespace)
	old, err := pods.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range old.Items {
		if err := pods.Delete(ctx, old.Items[i].Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	for i := range len(states) {
		if _, err := pods.Create(ctx, pod(i, states[i]), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// renewIdentity keeps the recorder of events from merging, counting or dropping those of one sync
// because of earlier ones: it does so per object, and knows an object by its UID.
func (c *cluster) renewIdentity(ctx context.Context, uid string) error {
	hpa, err := c.autoscaler(ctx)
	if err != nil {
		return err
	}
	hpa.UID = types.UID(uid)
	_, err = c.client.AutoscalingV2().HorizontalPodAutoscalers(namespace).Update(ctx, hpa, metav1.UpdateOptions{})
	return err
}

func (c *cluster) autoscaler(ctx context.Context) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	return c.client.AutoscalingV2().HorizontalPodAutoscalers(namespace).Get(ctx, autoscaler, metav1.GetOptions{})
}

func podName(i int) string { return fmt.Sprintf("p%d", i) }

func pod(i int, letter byte) *corev1.Pod {
	state := podStates[strings.ToUpper(string(letter))[0]]
	ready := corev1.ConditionFalse
	if state.ready {
		ready = corev1.ConditionTrue
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: podName(i), Namespace: namespace, Labels: podLabels},
		Status: corev1.PodStatus{
			Phase:      state.phase,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}},
		},
	}
	if letter >= 'a' {
		now := metav1.Now()
		pod.DeletionTimestamp = &now
	}
	return pod
}

func (c *cluster) noteEvent(action core.Action) (bool, runtime.Object, error) {
	event := action.(core.CreateAction).GetObject().(*corev1.Event)
	if event.Reason == "SuccessfulRescale" {
		c.rescales = append(c.rescales, event.Message)
	}
	return true, event, nil
}

func (c *cluster) getScale(core.Action) (bool, runtime.Object, error) {
	if c.observed == nil {
		return true, nil, errors.New("no sync is due")
	}
	return true, &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: workload, Namespace: namespace},
		Spec:       autoscalingv1.ScaleSpec{Replicas: c.replicas},
		Status: autoscalingv1.ScaleStatus{
			Replicas: c.observed.Status,
			Selector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: podLabels}),
		},
	}, nil
}

func (c *cluster) updateScale(action core.Action) (bool, runtime.Object, error) {
	scale := action.(core.UpdateAction).GetObject().(*autoscalingv1.Scale)
	c.replicas = scale.Spec.Replicas
	return true, scale, nil
}

func (c *cluster) answer(metric string) (Answer, error) {
	var i int
	if _, err := fmt.Sscanf(metric, "m%d", &i); err != nil {
		return Answer{}, err
	}
	answer := c.observed.Answers[i]
	if answer.Refusal != "" {
		return answer, errors.New(answer.Refusal)
	}
	return answer, nil
}

func (c *cluster) getCustomMetric(action core.Action) (bool, runtime.Object, error) {
	get := action.(customfake.GetForAction)
	answer, err := c.answer(get.GetMetricName())
	if err != nil {
		return true, nil, err
	}
	list := &customapi.MetricValueList{}
	if get.GetName() == "*" { // a Pods metric
		for i := 0; i < len(answer.Values); i += 2 {
			list.Items = append(list.Items, customValue(podName(int(answer.Values[i])), answer.Values[i+1]))
		}
		return true, list, nil
	}
	for _, milli := range answer.Values {
		list.Items = append(list.Items, customValue(get.GetName(), milli))
	}
	return true, list, nil
}

func customValue(object string, milli int64) customapi.MetricValue {
	return customapi.MetricValue{
		DescribedObject: corev1.ObjectReference{Namespace: namespace, Name: object},
		Timestamp:       metav1.Now(),
		Value:           *resource.NewMilliQuantity(milli, resource.DecimalSI),
	}
}

func (c *cluster) listExternalMetric(action core.Action) (bool, runtime.Object, error) {
	answer, err := c.answer(action.GetResource().Resource)
	if err != nil {
		return true, nil, err
	}
	list := &externalapi.ExternalMetricValueList{}
	for _, milli := range answer.Values {
		list.Items = append(list.Items, externalapi.ExternalMetricValue{
			Timestamp: metav1.Now(), Value: *resource.NewMilliQuantity(milli, resource.DecimalSI)})
	}
	return true, list, nil
}
