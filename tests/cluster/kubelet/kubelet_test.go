package kubelet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/controlplane"
	"leadline.dev/tests/cluster/kubectl"
)

const (
	programs = "../../../build/release/bin"
	example  = "../../../manifests/examples/vllm"
	patience = time.Minute
)

var (
	cluster *controlplane.ControlPlane
	stand   *Kubelet
)

func TestMain(m *testing.M) {
	status, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func runTests(m *testing.M) (status int, err error) {
	folder, err := os.MkdirTemp("", "leadline-kubelet-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	planes, pods := filepath.Join(folder, "plane"), filepath.Join(folder, "pods")
	if err := errors.Join(os.Mkdir(planes, 0o700), os.Mkdir(pods, 0o700)); err != nil {
		return 0, err
	}
	if cluster, err = controlplane.Start(context.Background(), planes); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	if stand, err = startKubelet(pods); err != nil {
		return 0, err
	}
	defer stand.Stop()
	return m.Run(), nil
}

func startKubelet(folder string) (*Kubelet, error) {
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig())
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(programs)
	if err != nil {
		return nil, err
	}
	return Start(Options{Config: config, Folder: folder, Programs: path, Addresses: LoopbackAddresses()})
}

func TestPodGetsReadyAndItsSidecarKnowsWhoItIs(t *testing.T) {
	t.Parallel()
	pod := readyPod(t, "identity")
	object := pod.object.Load()
	if !strings.HasPrefix(object.Status.PodIP, "127.") || object.Spec.NodeName != NodeName {
		t.Errorf("%s on %s", object.Status.PodIP, object.Spec.NodeName)
	}
	await.Success(t, patience, func() error {
		snapshot, err := get(t.Context(), "http://"+pod.Address()+":9733/snapshot")
		for _, identity := range []string{object.Namespace, object.Name, string(object.UID), "vllm"} {
			if !bytes.Contains(snapshot, []byte(identity)) {
				err = errors.Join(err, fmt.Errorf("the snapshot does not say %s", identity))
			}
		}
		return err
	})
}

func TestEachPodHasItsOwnAddress(t *testing.T) {
	t.Parallel()
	first, second := readyPod(t, "one"), readyPod(t, "other")
	if first.Address() == second.Address() {
		t.Errorf("both have %s", first.Address())
	}
}

func TestPodThatLoadsIsNotReadyUntilItHasLoaded(t *testing.T) {
	t.Parallel()
	namespace := deploy(t, "loading", "--startup-delay-ms=3000")
	await.Success(t, patience, func() error { return expectPods(namespace, "Running notready") })
	await.Success(t, patience, func() error { return expectPods(namespace, "Running ready") })
}

func TestPodThatHangsIsNotReadyUntilItAnswersAgain(t *testing.T) {
	t.Parallel()
	pod := readyPod(t, "hanging")
	tell(t, pod, `{"hang":true}`)
	await.Success(t, patience, func() error { return expectPods("hanging", "Running notready") })
	tell(t, pod, `{"hang":false}`)
	await.Success(t, patience, func() error { return expectPods("hanging", "Running ready") })
}

func TestProbeThatIsToldToFailFails(t *testing.T) {
	t.Parallel()
	pod := readyPod(t, "told")
	pod.FailReadiness(true)
	await.Success(t, patience, func() error { return expectPods("told", "Running notready") })
	pod.FailReadiness(false)
	await.Success(t, patience, func() error { return expectPods("told", "Running ready") })
}

func TestWhatDiesIsStartedAgain(t *testing.T) {
	for _, program := range []string{Engine, Sidecar} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			namespace := strings.ToLower(program)
			pod := readyPod(t, namespace)
			if err := pod.Signal(program, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			await.Success(t, patience, func() error { return expectPods(namespace, "Running notready") })
			await.Success(t, patience, func() error { return expectPods(namespace, "Running ready") })
		})
	}
}

func TestDeletedPodIsTerminatingUntilItsRequestsHaveEnded(t *testing.T) {
	t.Parallel()
	pod := readyPod(t, "draining")
	finish := longRequest(t, pod)
	deletePod(t, pod, 60)
	await.Success(t, patience, func() error { return expectPods("draining", "Running ready terminating") })
	await.Throughout(t, 2*time.Second, func() error {
		_, err := get(t.Context(), "http://"+pod.Address()+":9733/livez") // the sidecar ends last
		return errors.Join(err, expectPods("draining", "Running ready terminating"))
	})
	finish()
	await.Success(t, patience, func() error { return expectGone(pod) })
}

func TestGracePeriodHasAnEnd(t *testing.T) {
	t.Parallel()
	pod := readyPod(t, "killed")
	longRequest(t, pod)
	deletePod(t, pod, 3)
	begin := time.Now()
	await.Success(t, patience, func() error { return expectGone(pod) })
	if took := time.Since(begin); took < 2*time.Second {
		t.Errorf("gone after %s", took)
	}
}

// As a Job has them.
func TestPodThatMayEndSaysHow(t *testing.T) {
	for command, phase := range map[string]corev1.PodPhase{"true": corev1.PodSucceeded, "false": corev1.PodFailed} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			pods := stand.client.CoreV1().Pods("default")
			path, err := exec.LookPath(command)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pods.Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: command},
				Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{
					{Name: "worker", Image: "example.com/worker:1", Command: []string{path}}}},
			}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			await.Success(t, patience, func() error {
				pod, err := pods.Get(t.Context(), command, metav1.GetOptions{})
				if err == nil && pod.Status.Phase != phase {
					err = fmt.Errorf("it is %s", pod.Status.Phase)
				}
				return err
			})
		})
	}
}

// deploy applies the example in a namespace of its own, which it returns.
func deploy(t *testing.T, namespace string, engineFlags ...string) string {
	t.Helper()
	stand.EngineFlags(namespace, engineFlags...)
	admin := kubectl.For{Kubeconfig: cluster.Kubeconfig()}
	manifest, err := admin.Run(t.Context(), "kustomize", example)
	if err != nil {
		t.Fatal(err)
	}
	manifest = strings.NewReplacer("namespace: demo", "namespace: "+namespace, "name: demo", "name: "+namespace).
		Replace(manifest)
	if _, err := admin.Feed(t.Context(), manifest, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Run(context.Background(), "delete", "namespace", namespace, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	return namespace
}

func readyPod(t *testing.T, namespace string) *Pod {
	t.Helper()
	deploy(t, namespace)
	await.Success(t, patience, func() error { return expectPods(namespace, "Running ready") })
	pods, err := podsOf(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return stand.Pod(namespace, pods[0].Name)
}

func podsOf(namespace string) ([]corev1.Pod, error) {
	list, err := stand.client.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// expectPods finds a pod that is as described.
func expectPods(namespace, wanted string) error {
	pods, err := podsOf(namespace)
	if err != nil {
		return err
	}
	var found []string
	for i := range pods {
		found = append(found, described(&pods[i]))
		if found[i] == wanted {
			return nil
		}
	}
	return fmt.Errorf("pods are %q, none is %s", found, wanted)
}

func described(pod *corev1.Pod) string {
	words := []string{string(pod.Status.Phase), "notready"}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			words[1] = "ready"
		}
	}
	if pod.DeletionTimestamp != nil {
		words = append(words, "terminating")
	}
	return strings.Join(words, " ")
}

func expectGone(pod *Pod) error {
	object := pod.object.Load()
	_, err := stand.client.CoreV1().Pods(object.Namespace).Get(context.Background(), object.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("pod %s is there: %v", object.Name, err)
}

func deletePod(t *testing.T, pod *Pod, grace int64) {
	t.Helper()
	object := pod.object.Load()
	options := metav1.NewDeleteOptions(grace)
	if err := stand.client.CoreV1().Pods(object.Namespace).Delete(t.Context(), object.Name, *options); err != nil {
		t.Fatal(err)
	}
}

// longRequest asks for more tokens than any test waits for; finish hangs up.
func longRequest(t *testing.T, pod *Pod) (finish func()) {
	t.Helper()
	engine := strings.TrimPrefix(pod.EngineURL(), "http://")
	connection, err := net.DialTimeout("tcp", engine, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	body := `{"prompt":"hello","max_tokens":4000,"stream":true,"ignore_eos":true}`
	fmt.Fprintf(connection, "POST /v1/completions HTTP/1.1\r\nHost: engine\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	status, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil || !strings.Contains(status, "200") {
		t.Fatalf("%q, %v", status, err)
	}
	return func() { connection.Close() }
}

func tell(t *testing.T, pod *Pod, faults string) {
	t.Helper()
	response, err := http.Post(pod.EngineURL()+"/sim/faults", "application/json", strings.NewReader(faults))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return body, err
}
