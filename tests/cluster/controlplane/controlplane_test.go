package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func TestVersionsAreThePinnedOnes(t *testing.T) {
	for module, line := range map[string]string{
		"kubernetes": "\tk8s.io/kubernetes v" + KubernetesVersion + " ",
		"etcd":       "\tgo.etcd.io/etcd/server/v3 v" + EtcdVersion + " ",
	} {
		text, err := os.ReadFile(filepath.Join(module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s/go.mod has no line %q", module, line)
		}
	}
}

func TestFreePortsAreDifferent(t *testing.T) {
	ports, err := freePorts(50)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Errorf("port %s twice", port)
		}
		seen[port] = true
	}
}

func TestDeploymentYieldsPodsAndNothingIsLeftAfterStop(t *testing.T) {
	cluster := started(t)
	client := clientOf(t, cluster.Kubeconfig())
	ready, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context())
	if err != nil || string(ready) != "ok" {
		t.Fatalf("/readyz: %q, %v", ready, err)
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil || version.GitVersion != "v"+KubernetesVersion {
		t.Errorf("version %v, %v", version, err)
	}
	deployments := client.AppsV1().Deployments("default")
	if _, err := deployments.Create(t.Context(), deployment(3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		pods, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=llm"})
		if err == nil && len(pods.Items) != 3 {
			err = fmt.Errorf("%d pods of 3", len(pods.Items))
		}
		return err
	})

	if err := cluster.Stop(); err != nil {
		t.Error(err)
	}
	for _, program := range []string{"etcd", "kube-apiserver", "kube-controller-manager"} {
		pid := cluster.Pid(program)
		if pid == 0 {
			t.Errorf("no %s was started", program)
		} else if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s, pid %d, after Stop: %v", program, pid, err)
		}
	}
	if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context()); err == nil {
		t.Error("kube-apiserver answers after Stop")
	}
	select {
	case err := <-cluster.Failed():
		t.Errorf("Stop is no failure: %v", err)
	default:
	}
}

func TestUserMayDoWhatItsGroupMay(t *testing.T) {
	cluster := started(t)
	for group, allowed := range map[string]bool{"system:masters": true, "nobodies": false} {
		kubeconfig, err := cluster.KubeconfigFor("somebody", group)
		if err != nil {
			t.Fatal(err)
		}
		_, err = clientOf(t, kubeconfig).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		if allowed != (err == nil) {
			t.Errorf("somebody of %s lists pods: %v", group, err)
		}
	}
}

func TestProgramThatEndsByItselfIsTold(t *testing.T) {
	cluster := started(t)
	if err := syscall.Kill(cluster.Pid("kube-controller-manager"), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-cluster.Failed():
		if !strings.HasPrefix(err.Error(), "kube-controller-manager: ended by itself") {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("nothing is told")
	}
}

func TestStartGivesUpWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("the caller's patience"))
	defer cancel()
	cluster, err := Start(ctx, t.TempDir())
	if cluster != nil || err == nil || !strings.Contains(err.Error(), "the caller's patience; the end of its log") {
		t.Errorf("%v, %v", cluster, err)
	}
}

func started(t *testing.T) *ControlPlane {
	t.Helper()
	cluster, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

func clientOf(t *testing.T, kubeconfig string) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func deployment(replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": "llm"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "llm"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "engine", Image: "none"}}},
			},
		},
	}
}

// eventually fails the test where check complains for a minute.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for err := check(); err != nil; err = check() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
