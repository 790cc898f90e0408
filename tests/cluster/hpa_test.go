package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
)

const (
	syncPeriod = 2 * time.Second  // of the HPA controller here
	decided    = 40 * time.Second // how long a decision takes at most, on a busy machine
)

func average(value string) autoscalingv2.MetricTarget {
	quantity := resource.MustParse(value)
	return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: &quantity}
}

func plain(value string) autoscalingv2.MetricTarget {
	quantity := resource.MustParse(value)
	return autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: &quantity}
}

func external(metric string, goal autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{
		Type: autoscalingv2.ExternalMetricSourceType,
		External: &autoscalingv2.ExternalMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: metric}, Target: goal},
	}
}

func object(metric string, described autoscalingv2.CrossVersionObjectReference,
	goal autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{
		Type: autoscalingv2.ObjectMetricSourceType,
		Object: &autoscalingv2.ObjectMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: metric}, DescribedObject: described, Target: goal},
	}
}

func perPod(metric, goal string) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{
		Type: autoscalingv2.PodsMetricSourceType,
		Pods: &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: metric}, Target: average(goal)},
	}
}

var deployment = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: workload}

// autoscale makes an HPA for the workload, between one pod and most.
func (s *scene) autoscale(most int32, metrics ...autoscalingv2.MetricSpec) {
	s.Helper()
	_, err := client.AutoscalingV2().HorizontalPodAutoscalers(s.namespace).Create(s.Context(),
		&autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Name: workload},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: deployment, MaxReplicas: most, Metrics: metrics},
		}, metav1.CreateOptions{})
	if err != nil {
		s.Fatal(err)
	}
}

// decision is what the controller says of the workload, and what it made of it.
type decision struct {
	desired, replicas int32 // .status.desiredReplicas of the HPA, .spec.replicas of the Deployment
	active            bool  // ScalingActive: it has a value to decide on
	reason, message   string
}

func (s *scene) decision() (found decision, err error) {
	hpa, err := client.AutoscalingV2().HorizontalPodAutoscalers(s.namespace).Get(
		context.Background(), workload, metav1.GetOptions{})
	if err != nil {
		return found, err
	}
	scaled, err := client.AppsV1().Deployments(s.namespace).Get(context.Background(), workload, metav1.GetOptions{})
	if err != nil {
		return found, err
	}
	found.desired, found.replicas = hpa.Status.DesiredReplicas, *scaled.Spec.Replicas
	for _, c := range hpa.Status.Conditions {
		if c.Type == autoscalingv2.ScalingActive {
			found.active, found.reason, found.message = c.Status == "True", c.Reason, c.Message
		}
	}
	return found, nil
}

// expectReplicas wants a decision on a value, and the Deployment as decided.
func (s *scene) expectReplicas(wanted int32) error {
	found, err := s.decision()
	if err == nil && (!found.active || found.desired != wanted || found.replicas != wanted) {
		err = fmt.Errorf("%s: %+v, wanted %d", s.namespace, found, wanted)
	}
	return err
}

// awaitReplicas also wants the decision to last for three syncs.
func (s *scene) awaitReplicas(wanted int32) {
	s.Helper()
	await.Success(s, decided, func() error { return s.expectReplicas(wanted) })
	await.Throughout(s, 3*syncPeriod, func() error { return s.expectReplicas(wanted) })
}

// expectHold wants no decision for this reason, its message, and replicas as they were.
func (s *scene) expectHold(replicas int32, reason, message string) error {
	found, err := s.decision()
	if err == nil && (found.active || found.reason != reason || !strings.Contains(found.message, message) ||
		found.replicas != replicas) {
		err = fmt.Errorf("%s: %+v, wanted %d replicas and %s with %q", s.namespace, found, replicas, reason, message)
	}
	return err
}

// awaitHold wants it to last for three syncs.
func (s *scene) awaitHold(replicas int32, reason, message string) {
	s.Helper()
	await.Success(s, decided, func() error { return s.expectHold(replicas, reason, message) })
	await.Throughout(s, 3*syncPeriod, func() error { return s.expectHold(replicas, reason, message) })
}

// rescales are the messages of its SuccessfulRescale events, oldest first.
func (s *scene) rescales() ([]string, error) {
	list, err := client.CoreV1().Events(s.namespace).List(context.Background(), metav1.ListOptions{
		FieldSelector: "involvedObject.kind=HorizontalPodAutoscaler,reason=SuccessfulRescale"})
	if err != nil {
		return nil, err
	}
	var messages []string
	for _, event := range list.Items {
		messages = append(messages, event.Message)
	}
	return messages, nil
}
