package oracle

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing/synctest"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

// play runs the real controller, as Run() runs it, through the situation: `look` says what the
// cluster is like at each sync. It belongs into a synctest bubble: there the controller's clock is
// the bubble's, a sync takes no time, and windows end to the nanosecond.
//
// Between the situation's syncs others may be due, one a period; those fail before they have read
// anything, as they do while the API server is away, and leave nothing in the controller's memory.
func (s *Situation) play(ctx context.Context, texts *texts, look func(replicas int32) (int32, *Observation)) error {
	hpa, err := s.manifest()
	if err != nil {
		return err
	}
	c := newCluster(hpa)
	ctx, cancel := context.WithCancel(ctx)
	factory := s.start(ctx, c)
	defer factory.Shutdown()
	defer cancel()

	// Half a period aside of the controller's own beat, nothing happens at the same time.
	period := time.Duration(s.period) * time.Second
	time.Sleep(period / 2)
	for i := range s.Syncs {
		periods, observed := look(c.replicas)
		c.observed = nil
		time.Sleep(time.Duration(periods-1) * period)
		if err := c.show(ctx, observed); err != nil {
			return err
		}
		time.Sleep(period)
		synctest.Wait()
		decision, err := s.decision(ctx, c, texts)
		if err != nil {
			return err
		}
		s.Syncs[i] = Sync{At: s.at(i, periods), Observation: *observed, Decision: decision}
	}
	return nil
}

func (s *Situation) at(i int, periods int32) int32 {
	if i == 0 {
		return periods * s.period
	}
	return s.Syncs[i-1].At + periods*s.period
}

func (s *Situation) start(ctx context.Context, c *cluster) informers.SharedInformerFactory {
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{apps})
	mapper.Add(apps.WithKind("Deployment"), meta.RESTScopeNamespace)
	factory := informers.NewSharedInformerFactory(c.client, 0)
	controller := podautoscaler.NewHorizontalController(
		ctx, c.client.CoreV1(), &c.scales, c.client.AutoscalingV2(), mapper,
		metrics.NewRESTMetricsClient(nil, &c.custom, &c.external),
		factory.Autoscaling().V2().HorizontalPodAutoscalers(), factory.Core().V1().Pods(),
		time.Duration(s.period)*time.Second, time.Duration(s.Downscale)*time.Second, s.Tolerance,
		0, 0) // these two speak of CPU metrics only
	factory.Start(ctx.Done())
	go controller.Run(ctx, 1)
	return factory
}

func (s *Situation) decision(ctx context.Context, c *cluster, texts *texts) (Decision, error) {
	hpa, err := c.autoscaler(ctx)
	if err != nil {
		return Decision{}, err
	}
	event, err := c.rescaleReason()
	return Decision{
		Desired: c.replicas,
		Texts: [4]int{
			texts.place(condition(hpa, autoscalingv2.AbleToScale)),
			texts.place(condition(hpa, autoscalingv2.ScalingActive)),
			texts.place(condition(hpa, autoscalingv2.ScalingLimited)),
			texts.place(event),
		},
		Current: s.current(hpa, c.observed.Status),
	}, err
}

// rescaleReason: empty where there was no rescale.
func (c *cluster) rescaleReason() (string, error) {
	if len(c.rescales) == 0 && c.replicas == c.observed.Spec {
		return "", nil
	}
	if len(c.rescales) != 1 || c.replicas == c.observed.Spec {
		return "", fmt.Errorf("from %d to %d replicas with the events %q", c.observed.Spec, c.replicas, c.rescales)
	}
	reason, found := strings.CutPrefix(c.rescales[0], fmt.Sprintf("New size: %d; ", c.replicas))
	if !found {
		return "", fmt.Errorf("to %d replicas with the event %q", c.replicas, c.rescales[0])
	}
	return reason, nil
}

func condition(hpa *autoscalingv2.HorizontalPodAutoscaler, kind autoscalingv2.HorizontalPodAutoscalerConditionType) string {
	for _, condition := range hpa.Status.Conditions {
		if condition.Type == kind {
			return fmt.Sprintf("%t %s: %s", condition.Status == corev1.ConditionTrue, condition.Reason, condition.Message)
		}
	}
	return ""
}

func (s *Situation) current(hpa *autoscalingv2.HorizontalPodAutoscaler, replicas int32) []*int64 {
	current := []*int64{}
	for i, status := range hpa.Status.CurrentMetrics {
		milli := currentMilli(status)
		if replicas == 0 && s.Metrics[i].isShared() && milli != nil && *milli != math.MaxInt64 {
			milli = nil // the share of none is infinite, and as an integer whatever the processor makes of it
		}
		current = append(current, milli)
	}
	return current
}

// isShared says whether the metric's value is divided by the replicas before it is shown.
func (m Metric) isShared() bool { return m.Source != "Pods" && m.Goal == "AverageValue" }

func currentMilli(status autoscalingv2.MetricStatus) *int64 {
	var value autoscalingv2.MetricValueStatus
	switch {
	case status.Pods != nil:
		value = status.Pods.Current
	case status.Object != nil:
		value = status.Object.Current
	case status.External != nil:
		value = status.External.Current
	}
	quantity := value.Value
	if quantity == nil {
		quantity = value.AverageValue
	}
	if quantity == nil {
		return nil
	}
	milli := quantity.MilliValue()
	return &milli
}
