package cluster

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

const (
	handlerTimeout = 10 * time.Second // of the adapter's API
	noAnswer       = "no answer in time"
)

// Who waits for a review of the Kubernetes API gets a 500 before the handler's deadline: three tries
// take eight seconds. It is a 504 where the adapter has no processor meanwhile, as in a container that
// is frozen.
func TestCheck72TimeoutHolds(t *testing.T) {
	s := newScene(t, "check72-timeout", 3)
	s.queue(1, 1, 1) // one pod would do, if it were known
	await.Success(t, patience, noAutoscaler)
	await.Success(t, patience, func() error { return expectReplicasOfAdapter(2) })
	replicas := nodes.PodsOf("leadline")
	pods.Stall()
	defer pods.Resume()
	said := s.listen()
	before := reviews(t, replicas, "access")
	s.autoscale(10, external("queue_depth", average("10")))
	await.Success(t, patience, func() error { // the controller's question, which one of them has
		if slices.Equal(reviews(t, replicas, "access"), before) {
			return errors.New("no replica asks for a review")
		}
		return nil
	})
	answers := s.askEach(replicas)
	s.freeze(replicas)
	if err := answers(); err != nil {
		t.Error(err)
	}
	await.Success(t, patience, func() error { return said.expect("False FailedGetExternalMetric", noAnswer) })
	pods.Resume()
	s.awaitReplicas(1)
	await.Success(t, patience, allAvailable)
	described, err := admin.Run(t.Context(), "describe", "hpa", workload, "-n", s.namespace)
	if err != nil || !strings.Contains(described, noAnswer) {
		t.Errorf("kubectl describe: %v: %s", err, described)
	}
}

// noAutoscaler wants those of earlier tests to be gone: whoever asks for a value is ours.
func noAutoscaler() error {
	list, err := client.AutoscalingV2().HorizontalPodAutoscalers("").List(context.Background(), metav1.ListOptions{})
	if err == nil && len(list.Items) > 0 {
		err = fmt.Errorf("%d autoscalers are left", len(list.Items))
	}
	return err
}

// reviews are how many of a kind each replica has asked for, as /metrics prints it.
func reviews(t *testing.T, replicas []*kubelet.Pod, kind string) (counts []string) {
	t.Helper()
	for _, replica := range replicas {
		page, err := fetch(t.Context(), "http://"+replica.Address()+":9735/metrics")
		if err != nil {
			t.Fatal(err)
		}
		_, count, _ := strings.Cut(page, `leadline_adapter_kube_reviews_total{kind="`+kind+`"} `)
		count, _, _ = strings.Cut(count, "\n")
		counts = append(counts, count)
	}
	return counts
}

// askEach returns once each replica asks whose token it was shown. What it returns waits for the
// answers, each of which must be a 504.
func (s *scene) askEach(replicas []*kubelet.Pod) (answers func() error) {
	s.Helper()
	before := reviews(s.T, replicas, "token")
	results := make(chan error, len(replicas))
	for _, replica := range replicas {
		go func() { results <- s.expectTimeout(replica) }()
	}
	await.Success(s, patience, func() error {
		for i, count := range reviews(s.T, replicas, "token") {
			if count == before[i] {
				return fmt.Errorf("replica %s asks for no review", replicas[i].Address())
			}
		}
		return nil
	})
	return func() (err error) {
		for range replicas {
			err = errors.Join(err, <-results)
		}
		return err
	}
}

func (s *scene) expectTimeout(replica *kubelet.Pod) error {
	request, err := http.NewRequest(http.MethodGet, "https://"+replica.Address()+
		":6443/apis/external.metrics.k8s.io/v1beta1/namespaces/"+s.namespace+"/queue_depth", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer somebody")
	asking := &http.Client{Timeout: patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := asking.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err != nil {
		return fmt.Errorf("%w: %s", err, body)
	}
	if response.StatusCode != 504 || status.Code != 504 || status.Reason != "Timeout" || status.Message != noAnswer {
		return fmt.Errorf("replica %s: %s: %s", replica.Address(), response.Status, body)
	}
	return nil
}

// freeze stops the replicas for longer than a handler may take. Nothing changes meanwhile.
func (s *scene) freeze(replicas []*kubelet.Pod) {
	s.Helper()
	for _, replica := range replicas {
		s.signal(replica, kubelet.Adapter, syscall.SIGSTOP)
		s.Cleanup(func() { _ = replica.Signal(kubelet.Adapter, syscall.SIGCONT) }) // also where this fails
	}
	await.Throughout(s, handlerTimeout+time.Second, func() error {
		found, err := s.decision()
		if err == nil && found.replicas != 3 {
			err = fmt.Errorf("%+v, wanted 3 replicas", found)
		}
		return err
	})
	for _, replica := range replicas {
		s.signal(replica, kubelet.Adapter, syscall.SIGCONT)
	}
}

// sayings are all that ScalingActive of the scene's HPA has said, also for a moment.
type sayings struct {
	mutex sync.Mutex
	all   []string
}

// listen ends with the test.
func (s *scene) listen() *sayings {
	s.Helper()
	watch, err := client.AutoscalingV2().HorizontalPodAutoscalers(s.namespace).Watch(s.Context(), metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(watch.Stop)
	said := &sayings{}
	go func() {
		for event := range watch.ResultChan() {
			if hpa, is := event.Object.(*autoscalingv2.HorizontalPodAutoscaler); is {
				said.add(hpa.Status.Conditions)
			}
		}
	}()
	return said
}

func (s *sayings) add(conditions []autoscalingv2.HorizontalPodAutoscalerCondition) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, c := range conditions {
		if c.Type == autoscalingv2.ScalingActive {
			s.all = append(s.all, fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message))
		}
	}
}

func (s *sayings) expect(condition, message string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, one := range s.all {
		if strings.HasPrefix(one, condition+": ") && strings.Contains(one, message) {
			return nil
		}
	}
	return fmt.Errorf("the HPA said %q, and never %s: %s", s.all, condition, message)
}
