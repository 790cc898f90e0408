package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

const (
	tolerance = 0.1 // flags of the HPA controller here
	downscale = 5
)

// autoscaleAsRecorded makes an HPA once the scene is in the recorded situation, and holds the
// controller to the recorded decision. It returns the replicas that were decided.
func (s *scene) autoscaleAsRecorded(most int32, metrics ...autoscalingv2.MetricSpec) int32 {
	s.Helper()
	now := &situation{Kind: s.namespace, Min: 1, Max: most, Tolerance: tolerance, Downscale: downscale}
	for _, metric := range metrics {
		now.Metrics = append(now.Metrics, metricRow(metric))
	}
	if *update {
		now.Syncs = s.syncsOf(s.settled(metrics), most, metrics)
		keep(now)
		return now.desired()
	}
	wanted := recorded(s.T, now.Kind)
	now.Syncs = s.syncsOf(s.awaitObservation(metrics, wanted.Syncs[0]), most, metrics)
	for len(now.Syncs) > len(wanted.Syncs) && strings.HasPrefix(now.Syncs[0].texts[1], "false") {
		now.Syncs = now.Syncs[1:] // it had to try again for a value
	}
	if now.String() != wanted.String() {
		s.Fatalf("the controller decides\n%s\nand in %s\n%s", now, recordingPath, wanted)
	}
	return wanted.desired()
}

func (s *scene) awaitObservation(metrics []autoscalingv2.MetricSpec, wanted liveSync) (found liveSync) {
	s.Helper()
	await.Success(s, patience, func() (err error) {
		if found, err = s.observe(metrics); err == nil && found.inputs() != wanted.inputs() {
			err = fmt.Errorf("the situation is %s, and in %s %s", found.inputs(), recordingPath, wanted.inputs())
		}
		return err
	})
	return found
}

// settled is what has not changed for three seconds.
func (s *scene) settled(metrics []autoscalingv2.MetricSpec) (found liveSync) {
	s.Helper()
	await.Lasting(s, patience, 3*time.Second, func() error {
		now, err := s.observe(metrics)
		if err == nil && now.inputs() != found.inputs() {
			err = errors.New(now.inputs())
		}
		found = now
		return err
	})
	return found
}

// syncsOf are those that said something new, until the one that changes the replicas; where none
// does, all of five periods.
func (s *scene) syncsOf(observed liveSync, most int32, metrics []autoscalingv2.MetricSpec) (syncs []liveSync) {
	s.Helper()
	names := namesOf(s.namespace, metrics)
	autoscalers := client.AutoscalingV2().HorizontalPodAutoscalers(s.namespace)
	watch, err := autoscalers.Watch(s.Context(), metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	defer watch.Stop()
	begin := time.Now()
	s.autoscale(most, metrics...)
	for {
		limit := decided
		if len(syncs) > 0 {
			limit = 5 * syncPeriod
		}
		select {
		case event, open := <-watch.ResultChan():
			hpa, is := event.Object.(*autoscalingv2.HorizontalPodAutoscaler)
			if !open || !is {
				s.Fatalf("the watch ended: %+v", event)
			}
			if len(hpa.Status.Conditions) == 0 {
				continue // none of the controller's
			}
			one := s.syncOf(hpa, observed, names)
			one.at = int(time.Since(begin).Round(time.Second).Seconds())
			if syncs = append(syncs, one); hpa.Status.LastScaleTime != nil {
				return syncs
			}
		case <-time.After(limit):
			if len(syncs) == 0 {
				s.Fatalf("no decision within %s", limit)
			}
			return syncs
		}
	}
}

func (s *scene) syncOf(hpa *autoscalingv2.HorizontalPodAutoscaler, observed liveSync, names *strings.Replacer) liveSync {
	s.Helper()
	found := observed
	found.desired, found.current = observed.spec, []*int64{}
	for i, kind := range []autoscalingv2.HorizontalPodAutoscalerConditionType{
		autoscalingv2.AbleToScale, autoscalingv2.ScalingActive, autoscalingv2.ScalingLimited} {
		for _, c := range hpa.Status.Conditions {
			if c.Type == kind {
				found.texts[i] = names.Replace(fmt.Sprintf("%t %s: %s", c.Status == corev1.ConditionTrue, c.Reason, c.Message))
			}
		}
	}
	if hpa.Status.LastScaleTime != nil {
		found.desired = hpa.Status.DesiredReplicas
		found.texts[3] = names.Replace(s.rescaleReason(found.desired))
	}
	for _, status := range hpa.Status.CurrentMetrics {
		found.current = append(found.current, currentMilli(status))
	}
	return found
}

// rescaleReason is of the first rescale, whose event comes by and by.
func (s *scene) rescaleReason(replicas int32) (reason string) {
	s.Helper()
	await.Success(s, decided, func() error {
		rescales, err := s.rescales()
		if len(rescales) == 0 {
			return errors.Join(err, errors.New("no event SuccessfulRescale"))
		}
		found := false
		if reason, found = strings.CutPrefix(rescales[0], fmt.Sprintf("New size: %d; ", replicas)); !found {
			s.Fatalf("%q, and the status says %d", rescales, replicas)
		}
		return err
	})
	return reason
}

func currentMilli(status autoscalingv2.MetricStatus) *int64 {
	var found autoscalingv2.MetricValueStatus
	switch {
	case status.Pods != nil:
		found = status.Pods.Current
	case status.Object != nil:
		found = status.Object.Current
	case status.External != nil:
		found = status.External.Current
	}
	quantity := found.Value
	if quantity == nil {
		quantity = found.AverageValue
	}
	if quantity == nil {
		return nil
	}
	milli := quantity.MilliValue()
	return &milli
}

func metricRow(metric autoscalingv2.MetricSpec) []any {
	kind := string(metric.Type)
	row := func(goal autoscalingv2.MetricTarget, more ...any) []any {
		quantity := goal.AverageValue
		if goal.Type == autoscalingv2.ValueMetricType {
			quantity = goal.Value
		}
		return append([]any{kind, string(goal.Type), quantity.MilliValue()}, more...)
	}
	switch {
	case metric.Pods != nil:
		return row(metric.Pods.Target)
	case metric.Object != nil:
		return row(metric.Object.Target, metric.Object.DescribedObject.Kind)
	}
	return row(metric.External.Target)
}

// namesOf are the file's names for ours.
func namesOf(namespace string, metrics []autoscalingv2.MetricSpec) *strings.Replacer {
	pairs := []string{namespace, "default", " " + workload + "/", " vllm/"}
	for i, metric := range metrics {
		pairs = append(pairs, metricName(metric), fmt.Sprint("m", i))
	}
	return strings.NewReplacer(pairs...)
}

func metricName(metric autoscalingv2.MetricSpec) string {
	switch {
	case metric.Pods != nil:
		return metric.Pods.Metric.Name
	case metric.Object != nil:
		return metric.Object.Metric.Name
	}
	return metric.External.Metric.Name
}

// observe is what the controller finds here, as long as nobody changes it.
func (s *scene) observe(metrics []autoscalingv2.MetricSpec) (found liveSync, err error) {
	scaled, err := client.AppsV1().Deployments(s.namespace).Get(s.Context(), workload, metav1.GetOptions{})
	if err != nil {
		return found, err
	}
	list, err := client.CoreV1().Pods(s.namespace).List(s.Context(), metav1.ListOptions{LabelSelector: "app=" + workload})
	if err != nil {
		return found, err
	}
	found.spec, found.status = *scaled.Spec.Replicas, scaled.Status.Replicas
	var names []string
	for _, pod := range list.Items {
		names = append(names, pod.Name)
		found.pods += podLetter(&pod)
	}
	for _, metric := range metrics {
		one, err := ask(s.Context(), s.namespace, metric, names)
		if err != nil {
			return found, err
		}
		one.refusal = namesOf(s.namespace, metrics).Replace(one.refusal)
		found.answers = append(found.answers, one)
	}
	return found, nil
}

func podLetter(pod *corev1.Pod) string {
	letter := string(pod.Status.Phase[0])
	switch {
	case pod.Status.Phase == corev1.PodRunning && !kubelet.IsReady(pod):
		letter = "U"
	case pod.Status.Phase == corev1.PodUnknown:
		letter = "X"
	}
	if pod.DeletionTimestamp != nil {
		letter = strings.ToLower(letter)
	}
	return letter
}

// ask is the controller's question. A pod's number is its place in names.
func ask(ctx context.Context, namespace string, metric autoscalingv2.MetricSpec, names []string) (found answer, err error) {
	result := client.CoreV1().RESTClient().Get().RequestURI(valuePath(namespace, metric)).Do(ctx)
	if status := apierrors.APIStatus(nil); errors.As(result.Error(), &status) {
		return answer{refusal: status.Status().Message}, nil
	}
	body, err := result.Raw()
	if err != nil {
		return found, err
	}
	var list struct{ Items []metricItem }
	if err := json.Unmarshal(body, &list); err != nil {
		return found, err
	}
	slices.SortFunc(list.Items, func(a, b metricItem) int {
		return strings.Compare(a.DescribedObject.Name, b.DescribedObject.Name)
	})
	found.values = []int64{}
	for _, item := range list.Items {
		if metric.Pods != nil {
			found.values = append(found.values, int64(slices.Index(names, item.DescribedObject.Name)))
		}
		found.values = append(found.values, item.Value.MilliValue())
	}
	return found, nil
}

func valuePath(namespace string, metric autoscalingv2.MetricSpec) string {
	name := metricName(metric)
	custom := "/apis/custom.metrics.k8s.io/v1beta2/namespaces/" + namespace
	switch {
	case metric.Pods != nil:
		return custom + "/pods/*/" + name + "?labelSelector=" + url.QueryEscape("app="+workload)
	case metric.External != nil:
		return "/apis/external.metrics.k8s.io/v1beta1/namespaces/" + namespace + "/" + name
	}
	described := metric.Object.DescribedObject
	switch described.Kind {
	case "Namespace":
		return custom + "/metrics/" + name
	case "Service":
		return custom + "/services/" + described.Name + "/" + name
	}
	return custom + "/deployments.apps/" + described.Name + "/" + name
}
