package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/controlplane"
)

// What the stand-in sidecars take for granted (bench/parts/stand_in_fleet.h).
const (
	namespace   = "bench"
	sidecarPort = 9733
)

const asker = "asker" // a service account

type cluster struct {
	plane  *controlplane.ControlPlane
	client kubernetes.Interface
	pods   []*corev1.Pod
	token  string // the asker's
}

// populate makes the namespace, its pods and a service account that may read metrics.
func populate(ctx context.Context, plane *controlplane.ControlPlane, pods int) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // as many as it takes
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	c := &cluster{plane: plane, client: client}
	wanted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, wanted, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	if err := c.createPods(ctx, pods); err != nil {
		return nil, err
	}
	if err := c.createAsker(ctx); err != nil {
		return nil, err
	}
	c.token, err = c.newToken(ctx)
	return c, err
}

func (c *cluster) createPods(ctx context.Context, count int) error {
	c.pods = make([]*corev1.Pod, count)
	failures := make([]error, count)
	var group sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i := range count {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			c.pods[i], failures[i] = c.createPod(ctx, i)
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

func (c *cluster) createPod(ctx context.Context, number int) (*corev1.Pod, error) {
	pods := c.client.CoreV1().Pods(namespace)
	pod, err := pods.Create(ctx, podOf(number), metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	pod.Status = statusOf(podAddress(number))
	return pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
}

// podOf looks like one of Deployment llm, which need not be there.
func podOf(number int) *corev1.Pod {
	const hash = "6d4cf56db6"
	yes, always := true, corev1.ContainerRestartPolicyAlways
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:   fmt.Sprintf("pod-%d", number),
			Labels: map[string]string{"app": "llm", "pod-template-hash": hash},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "llm-" + hash, UID: "none", Controller: &yes}},
		},
		Spec: corev1.PodSpec{
			NodeName:   fmt.Sprintf("node-%d", number/8),
			Containers: []corev1.Container{{Name: "engine", Image: "none"}},
			InitContainers: []corev1.Container{{
				Name: "leadline", Image: "none", RestartPolicy: &always,
				Ports: []corev1.ContainerPort{{Name: "leadline", ContainerPort: sidecarPort}}}},
		},
	}
}

// podAddress is on loopback; its second number tells programs that run now apart.
func podAddress(number int) string {
	return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()%64, 1+number/250, 1+number%250)
}

func statusOf(address string) corev1.PodStatus {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, HostIP: "127.0.0.1", PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
		StartTime: &now,
	}
	for _, kind := range []corev1.PodConditionType{
		corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions,
			corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	return status
}

// createAsker makes a service account with the rights that the HPA controller has.
func (c *cluster) createAsker(ctx context.Context) error {
	meta := metav1.ObjectMeta{Name: asker}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"custom.metrics.k8s.io", "external.metrics.k8s.io"},
		Resources: []string{"*"},
		Verbs:     []string{"get", "list"},
	}}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: meta.Name}},
	}
	if _, err := c.client.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err := c.client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	return err
}

// newToken is one that nobody has seen.
func (c *cluster) newToken(ctx context.Context) (string, error) {
	accounts := c.client.CoreV1().ServiceAccounts(namespace)
	request, err := accounts.CreateToken(ctx, asker, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return request.Status.Token, nil
}
