package main

import (
	"context"
	"fmt"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/controlplane"
)

// populate makes the namespace, its pods and a service account that may read metrics; it returns the
// pods' names and the account's token.
func populate(ctx context.Context, cluster *controlplane.ControlPlane, pods int) ([]string, string, error) {
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig())
	if err != nil {
		return nil, "", err
	}
	config.QPS = -1 // as many as it takes
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, "", err
	}
	wanted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, wanted, metav1.CreateOptions{}); err != nil {
		return nil, "", err
	}
	names, err := createPods(ctx, client, pods)
	if err != nil {
		return nil, "", err
	}
	token, err := createAsker(ctx, client)
	return names, token, err
}

func createPods(ctx context.Context, client kubernetes.Interface, count int) ([]string, error) {
	names := make([]string, count)
	failures := make([]error, count)
	var group sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i := range count {
		names[i] = fmt.Sprintf("pod-%d", i)
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: names[i], Labels: map[string]string{"app": "llm"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "engine", Image: "none"}}},
			}
			_, failures[i] = client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
		})
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// createAsker returns the token of a service account with the rights that the HPA controller has.
func createAsker(ctx context.Context, client kubernetes.Interface) (string, error) {
	meta := metav1.ObjectMeta{Name: "asker"}
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
	accounts := client.CoreV1().ServiceAccounts(namespace)
	if _, err := accounts.Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	if _, err := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	request, err := accounts.CreateToken(ctx, meta.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return request.Status.Token, nil
}
