package cluster

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
)

const (
	eachQueue = 10 // of every engine of a poller's scene: none is empty
	pollEvery = 100 * time.Millisecond
	maxAge    = 5 * time.Second // the adapter's
	// Age and time travel in milliseconds, and a busy machine makes the one who asks late.
	slack = 500 * time.Millisecond
	// From a pod's deletion until every replica has heard of it.
	heard = time.Second
)

// poller asks each replica of the adapter ten times a second for the queues of a scene's pods and
// their sum, as the front proxy does but beside kube-apiserver, so that it sees what is served while
// that is down. What must never be served is an error of the test: a dead pod, a value that is not
// the engine's, a sample newer than the engine's last.
type poller struct {
	*scene
	sampled []*kubelet.Pod // of the scene, at the begin
	client  atomic.Pointer[http.Client]
	stop    chan struct{}
	ended   sync.WaitGroup

	mutex   sync.Mutex
	hung    map[string]time.Time // pods that cannot have been sampled since
	deleted map[string]time.Time
	resumed map[string]bool                  // pods that hung and may not be seen yet
	wanted  int                              // how many pods have values when all is right
	right   struct{ since, until time.Time } // zero: the last answers were not
	begun   bool                             // it was right once: before, an engine may have been seen without its queue
	polls   int
	lies    int
}

// startPoller gives all engines their queue, and returns when every answer is right.
func startPoller(s *scene, replicas int) *poller {
	s.Helper()
	p := &poller{
		scene: s, sampled: s.queue(slices.Repeat([]int{eachQueue}, replicas)...), stop: make(chan struct{}),
		hung: map[string]time.Time{}, deleted: map[string]time.Time{}, resumed: map[string]bool{}, wanted: replicas,
	}
	p.showCertificate()
	begin := time.Now()
	p.ended.Go(p.run)
	s.Cleanup(func() {
		close(p.stop)
		p.ended.Wait()
		p.expectRate(time.Since(begin))
	})
	p.awaitRight()
	return p
}

// expectRate wants half of the polls that were due: on a busy machine some are missed.
func (p *poller) expectRate(took time.Duration) {
	p.Helper()
	p.Logf("polled %d times, %.1f a second, of which %d showed what must not be served",
		p.polls, float64(p.polls)/took.Seconds(), p.lies)
	if due := int(took / pollEvery); p.polls < due/2 {
		p.Errorf("of %d polls that were due in %.0f s", due, took.Seconds())
	}
}

// showCertificate makes the poller the front proxy of now, in connections of its own.
func (p *poller) showCertificate() {
	p.Helper()
	shown, err := plane.FrontProxy()
	if err != nil {
		p.Fatal(err)
	}
	// Whether the adapter's certificate is the right one is what kube-apiserver checks.
	p.client.Store(&http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		Certificates: []tls.Certificate{shown}, InsecureSkipVerify: true}}})
}

// awaitRight returns how long it took until every replica gave every value for a second.
func (p *poller) awaitRight() float64 {
	p.Helper()
	return p.awaitRightFrom(time.Now())
}

// awaitRightFrom counts from a moment that may have passed.
func (p *poller) awaitRightFrom(begin time.Time) float64 {
	p.Helper()
	p.mutex.Lock()
	if p.right.since.Before(begin) {
		p.right.since = time.Time{}
	}
	p.mutex.Unlock()
	var took float64
	await.Success(p, 2*patience, func() error {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if p.right.since.IsZero() || p.right.until.Sub(p.right.since) < time.Second {
			return fmt.Errorf("%s: not every replica gives the values of %d pods", p.namespace, p.wanted)
		}
		took = p.right.since.Sub(begin).Seconds()
		clear(p.resumed)
		return nil
	})
	return took
}

// expectRight complains of a value that was missing in the last answers.
func (p *poller) expectRight() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.right.since.IsZero() {
		return fmt.Errorf("%s: not every replica gives the values of %d pods", p.namespace, p.wanted)
	}
	return nil
}

func (p *poller) hang(pod *kubelet.Pod) {
	p.Helper()
	hang(p.T, pod)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.hung[pod.Name()] = time.Now()
	p.wanted--
}

func (p *poller) resume(pod *kubelet.Pod) {
	p.Helper()
	p.mutex.Lock()
	delete(p.hung, pod.Name())
	p.resumed[pod.Name()] = true
	p.wanted++
	p.mutex.Unlock()
	resume(p.T, pod)
}

// kill takes pods out of the cluster at once, with all that runs in them.
func (p *poller) kill(pods ...*kubelet.Pod) {
	p.Helper()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, pod := range pods {
		err := client.CoreV1().Pods(p.namespace).Delete(p.Context(), pod.Name(), *metav1.NewDeleteOptions(0))
		if err != nil {
			p.Fatal(err)
		}
		p.deleted[pod.Name()] = time.Now()
		p.wanted--
	}
}

func (p *poller) run() {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.poll()
		}
	}
}

func (p *poller) poll() {
	replicas := nodes.PodsOf("leadline")
	complete := len(replicas) >= 2
	for _, replica := range replicas {
		err := errors.Join(p.pollPods(replica), p.pollSum(replica))
		if lie := new(lie); errors.As(err, &lie) {
			p.accuse(replica, err)
		}
		complete = complete && err == nil
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.polls++
	p.right.until = time.Now()
	switch {
	case !complete:
		p.right.since = time.Time{}
	case p.right.since.IsZero():
		p.right.since = p.right.until
		p.begun = true
	}
}

// One lie is often told for long.
func (p *poller) accuse(replica *kubelet.Pod, err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.begun {
		return
	}
	if p.lies++; p.lies <= 5 {
		p.Errorf("replica %s: %v", replica.Address(), err)
	}
}

// lie is what must never be served; other errors say that something is missing.
type lie struct{ error }

type metricItem struct {
	DescribedObject struct{ Name string }
	Timestamp       metav1.Time
	Value           resource.Quantity
}

func (p *poller) ask(replica *kubelet.Pod, path string) (items []metricItem, err error) {
	request, err := http.NewRequest(http.MethodGet, "https://"+replica.Address()+":6443/apis/"+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Remote-User", "poller")
	request.Header.Set("X-Remote-Group", "system:masters") // authorised without the Kubernetes API
	response, err := p.client.Load().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	var list struct{ Items []metricItem }
	return list.Items, json.Unmarshal(body, &list)
}

func (p *poller) pollPods(replica *kubelet.Pod) error {
	asked := time.Now()
	items, err := p.ask(replica, "custom.metrics.k8s.io/v1beta2/namespaces/"+p.namespace+"/pods/%2A/queue_depth")
	if err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, item := range items {
		if err := p.judge(item, asked); err != nil {
			return &lie{fmt.Errorf("%w: %s, %s at %s", err, item.DescribedObject.Name, &item.Value, item.Timestamp)}
		}
	}
	if len(items) != p.wanted {
		return fmt.Errorf("%d values of %d", len(items), p.wanted)
	}
	return nil
}

func (p *poller) judge(item metricItem, asked time.Time) error {
	name := item.DescribedObject.Name
	if item.Value.Value() != eachQueue {
		return errors.New("a value that no engine says")
	}
	if item.Timestamp.After(time.Now()) {
		return errors.New("a sample of the future")
	}
	if hung, faulty := p.hung[name]; faulty {
		if item.Timestamp.After(hung) {
			return fmt.Errorf("a sample newer than the last, of %s", hung)
		}
		if asked.Sub(hung) > maxAge+slack {
			return fmt.Errorf("a pod that hangs since %s", hung)
		}
	}
	if deleted, gone := p.deleted[name]; gone && asked.Sub(deleted) > heard {
		return fmt.Errorf("a pod that was deleted at %s", deleted)
	}
	return nil
}

// A sum stands for all ready pods, those without a value included: it is of as many pods as have
// values when all is right, or of as many as there were.
func (p *poller) pollSum(replica *kubelet.Pod) error {
	items, err := p.ask(replica, "external.metrics.k8s.io/v1beta1/namespaces/"+p.namespace+"/queue_depth")
	if err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(items) != 1 {
		return &lie{fmt.Errorf("%d items", len(items))}
	}
	sum := int(items[0].Value.Value())
	least, most := p.wanted-len(p.resumed), p.wanted+len(p.hung)+len(p.deleted)
	if sum < least*eachQueue || sum > most*eachQueue {
		return &lie{fmt.Errorf("a sum of %d, of %d to %d pods", sum, least, most)}
	}
	return nil
}
