package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/example"
	"leadline.dev/tests/cluster/kubelet"
)

// scene is a namespace with the workload of manifests/examples/vllm, its sidecars included.
type scene struct {
	*testing.T
	namespace string
}

// The workload is the Deployment llm, as in the examples.
const workload = "llm"

// newScene returns once that many pods are ready.
func newScene(t *testing.T, namespace string, replicas int, engineFlags ...string) *scene {
	t.Helper()
	needAdapter(t)
	s := emptyScene(t, namespace)
	nodes.EngineFlags(namespace, engineFlags...)
	s.apply(s.example())
	s.scale(replicas)
	s.awaitReady(replicas)
	return s
}

func emptyScene(t *testing.T, namespace string) *scene {
	t.Helper()
	s := &scene{t, namespace}
	s.apply(fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", namespace))
	t.Cleanup(s.remove)
	return s
}

var demo sync.Mutex // held by the one test that uses that namespace

// demoScene is the namespace of the examples, which is free once another test's is gone.
func demoScene(t *testing.T) *scene {
	t.Helper()
	demo.Lock()
	t.Cleanup(demo.Unlock)
	await.Success(t, 2*patience, func() error {
		_, err := client.CoreV1().Namespaces().Get(t.Context(), "demo", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("demo is still there"), err)
	})
	return emptyScene(t, "demo")
}

// remove does not wait; what is left is busy dying beside the next test.
func (s *scene) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	now := *metav1.NewDeleteOptions(0)
	err := client.CoreV1().Namespaces().Delete(ctx, s.namespace, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return
	}
	err = errors.Join(err, client.CoreV1().Pods(s.namespace).DeleteCollection(ctx, now, metav1.ListOptions{}))
	if err != nil {
		s.Error(err)
	}
}

// example is manifests/examples/vllm in this namespace, so that scenes can be side by side.
func (s *scene) example() string {
	s.Helper()
	text, err := renderedExample()
	if err != nil {
		s.Fatal(err)
	}
	return s.moved(text)
}

var renderedExample = sync.OnceValues(func() (string, error) {
	return admin.Run(context.Background(), "kustomize", manifests+"/examples/vllm")
})

func (s *scene) moved(manifest string) string {
	return example.In(s.namespace, workload, manifest)
}

func (s *scene) apply(manifest string) {
	s.Helper()
	if _, err := admin.Feed(s.Context(), manifest, "apply", "-f", "-"); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) scale(replicas int) {
	s.Helper()
	s.patchDeployment(fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))
}

func (s *scene) patchDeployment(patch string) {
	s.Helper()
	_, err := client.AppsV1().Deployments(s.namespace).Patch(s.Context(), workload,
		types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) awaitReady(count int) {
	s.Helper()
	await.Success(s, 2*patience, func() error {
		ready, err := s.ready()
		if err == nil && len(ready) != count {
			err = fmt.Errorf("%d pods of %d are ready", len(ready), count)
		}
		return err
	})
}

// pods are those that are not Terminating, by name.
func (s *scene) pods() ([]corev1.Pod, error) {
	list, err := client.CoreV1().Pods(s.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil }), nil
}

func (s *scene) ready() ([]corev1.Pod, error) {
	pods, err := s.pods()
	return slices.DeleteFunc(pods, func(pod corev1.Pod) bool { return !kubelet.IsReady(&pod) }), err
}

// readyPods are those that must be there.
func (s *scene) readyPods(count int) (found []*kubelet.Pod) {
	s.Helper()
	s.awaitReady(count)
	ready, err := s.ready()
	if err != nil || len(ready) != count {
		s.Fatalf("%d pods of %d: %v", len(ready), count, err)
	}
	for _, pod := range ready {
		found = append(found, nodes.Pod(s.namespace, pod.Name))
	}
	return found
}

// queue makes the ready pods' engines say that so many requests wait in them.
func (s *scene) queue(waiting ...int) []*kubelet.Pod {
	s.Helper()
	found := s.readyPods(len(waiting))
	for i, pod := range found {
		if err := setQueue(pod, waiting[i]); err != nil {
			s.Fatal(err)
		}
	}
	return found
}

func (s *scene) signal(pod *kubelet.Pod, program string, signal syscall.Signal) {
	s.Helper()
	if err := pod.Signal(program, signal); err != nil {
		s.Fatal(err)
	}
}

// hang stops both programs of a pod, without closing their connections.
func hang(t *testing.T, pod *kubelet.Pod) {
	t.Helper()
	signalBoth(t, pod, syscall.SIGSTOP)
}

func resume(t *testing.T, pod *kubelet.Pod) {
	t.Helper()
	signalBoth(t, pod, syscall.SIGCONT)
}

func signalBoth(t *testing.T, pod *kubelet.Pod, signal syscall.Signal) {
	t.Helper()
	for _, program := range []string{kubelet.Engine, kubelet.Sidecar} {
		if err := pod.Signal(program, signal); err != nil {
			t.Fatal(err)
		}
	}
}

func setQueue(pod *kubelet.Pod, waiting int) error {
	return post(pod.EngineURL()+"/sim/mark", fmt.Sprintf(`{"waiting":%d}`, waiting))
}

var engineClient = &http.Client{Timeout: 5 * time.Second}

func post(url, body string) error {
	response, err := engineClient.Post(url, "application/json", bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: %s: %s", url, response.Status, text)
	}
	return nil
}

func fetch(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := engineClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
