package oracle

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/apis/autoscaling/validation"
)

const (
	namespace  = "default"
	autoscaler = "autoscaler"
	workload   = "vllm"
)

var metricSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"model": "llama"}}

// manifest is the situation's autoscaler as the API server would store it: defaulted and found valid
// by its own code, so that no situation is one that cannot exist.
func (s *Situation) manifest() (*autoscalingv2.HorizontalPodAutoscaler, error) {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: autoscaler, Namespace: namespace},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Name: workload},
			MinReplicas: &s.Min,
			MaxReplicas: s.Max,
			Behavior:    s.Behavior.manifest(),
		},
	}
	for i, metric := range s.Metrics {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, metric.manifest(i))
	}
	legacyscheme.Scheme.Default(hpa)
	return hpa, s.validate(hpa)
}

func (s *Situation) validate(hpa *autoscalingv2.HorizontalPodAutoscaler) error {
	internal := &autoscaling.HorizontalPodAutoscaler{}
	if err := legacyscheme.Scheme.Convert(hpa, internal, nil); err != nil {
		return err
	}
	options := validation.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1}
	if s.Min == 0 { // what the feature gate HPAScaleToZero allows
		options.MinReplicasLowerBound = 0
	}
	return validation.ValidateHorizontalPodAutoscaler(internal, options).ToAggregate()
}

func metricName(i int) string { return fmt.Sprintf("m%d", i) }

func (m Metric) manifest(i int) autoscalingv2.MetricSpec {
	spec := autoscalingv2.MetricSpec{Type: autoscalingv2.MetricSourceType(m.Source)}
	identifier := autoscalingv2.MetricIdentifier{Name: metricName(i)}
	if m.Selector {
		identifier.Selector = metricSelector
	}
	switch m.Source {
	case "Pods":
		spec.Pods = &autoscalingv2.PodsMetricSource{Metric: identifier, Target: m.target()}
	case "Object":
		described := autoscalingv2.CrossVersionObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Name: workload}
		spec.Object = &autoscalingv2.ObjectMetricSource{
			DescribedObject: described, Metric: identifier, Target: m.target()}
	case "External":
		spec.External = &autoscalingv2.ExternalMetricSource{Metric: identifier, Target: m.target()}
	}
	return spec
}

func (m Metric) target() autoscalingv2.MetricTarget {
	quantity := resource.NewMilliQuantity(m.Milli, resource.DecimalSI)
	target := autoscalingv2.MetricTarget{Type: autoscalingv2.MetricTargetType(m.Goal)}
	if m.Goal == "Value" {
		target.Value = quantity
	} else {
		target.AverageValue = quantity
	}
	return target
}

func (b *Behavior) manifest() *autoscalingv2.HorizontalPodAutoscalerBehavior {
	if b == nil {
		return nil
	}
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: b.Up.manifest(), ScaleDown: b.Down.manifest()}
}

func (r *Rules) manifest() *autoscalingv2.HPAScalingRules {
	if r == nil {
		return nil
	}
	rules := &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: r.Window}
	if r.Select != "" {
		selected := autoscalingv2.ScalingPolicySelect(r.Select)
		rules.SelectPolicy = &selected
	}
	for _, policy := range r.Policies {
		rules.Policies = append(rules.Policies, autoscalingv2.HPAScalingPolicy{
			Type: autoscalingv2.HPAScalingPolicyType(policy.Type), Value: policy.Value, PeriodSeconds: policy.Period})
	}
	if r.Tolerance != nil {
		tolerance := resource.MustParse(fmt.Sprint(*r.Tolerance))
		rules.Tolerance = &tolerance
	}
	return rules
}
