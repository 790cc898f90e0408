package operator_test

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/await"
)

// queue is the engine of a Deployment llm whose requests wait until a Job's pod takes them, one each.
type queue struct {
	url string

	mutex                  sync.Mutex // guards what follows
	waiting, running, done int
}

const oneItemTakes = time.Second

func newQueue(t *testing.T) *queue {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{url: "http://" + listener.Addr().String()}
	pages := http.NewServeMux()
	pages.HandleFunc("POST /take", q.take)
	pages.HandleFunc("GET /metrics", q.page)
	server := &http.Server{Handler: pages}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return q
}

func (q *queue) change(how func()) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	how()
}

func (q *queue) page(w http.ResponseWriter, _ *http.Request) {
	q.change(func() {
		fmt.Fprintf(w, "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name=\"m\"} %d\n"+
			"# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{model_name=\"m\"} %d\n",
			q.running, q.waiting)
	})
}

func (q *queue) take(w http.ResponseWriter, _ *http.Request) {
	taken := false
	q.change(func() {
		if taken = q.waiting > 0; taken {
			q.waiting--
			q.running++
		}
	})
	if !taken {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	time.Sleep(oneItemTakes)
	q.change(func() {
		q.running--
		q.done++
	})
}

// newQueuedWorkload is a Deployment llm of one replica whose sidecar reads the queue's page.
func newQueuedWorkload(t *testing.T, namespace string) *queue {
	t.Helper()
	q := newQueue(t)
	newWorkload(t, namespace)
	if _, err := admin.Run(t.Context(), "patch", "deployment", "llm", "-n", namespace, "--type=json", "-p", fmt.Sprintf(
		`[{"op": "add", "path": "/spec/template/spec/initContainers/0/args", "value": ["--engine-url=%s"]}]`,
		q.url)); err != nil {
		t.Fatal(err)
	}
	setReplicas(t, namespace, 1)
	expectReady(t, namespace, 1)
	return q
}

const scaledJob = `apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: batch, namespace: %[1]s}
spec:
  pollingInterval: 1
  maxReplicaCount: 5
  jobTargetRef:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - {name: worker, image: registry.example.com/batch-worker:1, command: [%[3]s, -fsS, -XPOST, %[4]s/take]}
  triggers:
    - type: external
      metadata: {scalerAddress: %[2]q, workload: llm, metric: queue_depth, targetValue: "1", scaleToZero: "true"}
      authenticationRef: {kind: ClusterTriggerAuthentication, name: leadline}
`

func TestAScaledJobDoesEachJobOnce(t *testing.T) {
	t.Parallel()
	const namespace, jobs = "jobs", 12
	q := newQueuedWorkload(t, namespace)
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal(err)
	}
	apply(t, fmt.Sprintf(scaledJob, namespace, service.Address(), curl, q.url))
	q.change(func() { q.waiting = jobs })
	begin := time.Now()
	await.Success(t, patience, func() (err error) {
		q.change(func() {
			if q.done != jobs {
				err = fmt.Errorf("%d wait, %d run, %d are done", q.waiting, q.running, q.done)
			}
		})
		return err
	})
	t.Logf("%d were done in %v", jobs, time.Since(begin))
	made := expectCompleted(t, namespace)
	t.Logf("by %d Jobs", made)
	await.Throughout(t, 5*time.Second, func() error {
		if now := len(listJobs(t, namespace)); now != made {
			return fmt.Errorf("%d Jobs, %d before: there is nothing to do", now, made)
		}
		return nil
	})
}

func listJobs(t *testing.T, namespace string) []batchv1.Job {
	t.Helper()
	list, err := client.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// expectCompleted is how many Jobs there are, all of which succeed.
func expectCompleted(t *testing.T, namespace string) (count int) {
	t.Helper()
	await.Success(t, patience, func() error {
		jobs := listJobs(t, namespace)
		count = len(jobs)
		for _, job := range jobs {
			if job.Status.Failed > 0 {
				t.Fatalf("Job %s failed", job.Name)
			}
			if job.Status.Succeeded != 1 {
				return fmt.Errorf("Job %s has not succeeded", job.Name)
			}
		}
		return nil
	})
	return count
}
