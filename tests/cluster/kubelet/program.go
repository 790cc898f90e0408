package kubelet

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"leadline.dev/tests/cluster/process"
)

// program is what a container runs. Where its pod would have a network of its own, ours share one:
// so what it listens at, and where it looks for its neighbours, is said here.
func (p *Pod) program(ctx context.Context, pod *corev1.Pod, spec *corev1.Container, folder string) (
	process.Program, error) {
	environment, err := p.environment(pod, spec)
	if err == nil {
		err = p.mountSecrets(ctx, pod, spec, folder, environment)
	}
	if err != nil {
		return process.Program{}, err
	}
	run := func(name string, arguments ...string) process.Program {
		path := filepath.Join(p.kubelet.options.Programs, name)
		return process.Program{Folder: folder, Path: path, Arguments: arguments, Environment: environment}
	}
	switch imageName(spec) {
	case "leadline/sidecar":
		environment = append(environment, "LEADLINE_LISTEN_ADDRESS="+p.Address(),
			"LEADLINE_ENGINE_URL="+p.EngineURL())
		return run(Sidecar, spec.Args...), nil
	case "leadline/adapter":
		kubeconfig, err := p.writeKubeconfig(ctx, pod, folder)
		environment = append(environment, "LEADLINE_LISTEN_ADDRESS="+p.Address(),
			"LEADLINE_KUBECONFIG="+kubeconfig)
		return run(Adapter, spec.Args...), err
	}
	if len(spec.Command) > 0 {
		return process.Program{Folder: folder, Path: spec.Command[0], Arguments: append(spec.Command[1:], spec.Args...),
			Environment: environment}, nil
	}
	flags := []string{"engine", "--address", p.Address(), "--port", strconv.Itoa(enginePort(pod))}
	return run(Engine, append(flags, p.flags...)...), nil
}

// enginePort is the first that a container which is not ours declares.
func enginePort(pod *corev1.Pod) int {
	for _, spec := range pod.Spec.Containers {
		if !strings.HasPrefix(imageName(&spec), "leadline/") && len(spec.Ports) > 0 {
			return int(spec.Ports[0].ContainerPort)
		}
	}
	return 8000
}

func (p *Pod) environment(pod *corev1.Pod, spec *corev1.Container) (all []string, err error) {
	for _, variable := range spec.Env {
		value := variable.Value
		if source := variable.ValueFrom; source != nil {
			if source.FieldRef == nil {
				return nil, fmt.Errorf("%s: only values and fieldRef are known here", variable.Name)
			}
			if value, err = p.field(pod, source.FieldRef.FieldPath); err != nil {
				return nil, fmt.Errorf("%s: %w", variable.Name, err)
			}
		}
		all = append(all, variable.Name+"="+value)
	}
	return all, nil
}

// field is the downward API.
func (p *Pod) field(pod *corev1.Pod, path string) (string, error) {
	switch path {
	case "metadata.name":
		return pod.Name, nil
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.uid":
		return string(pod.UID), nil
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.podIP":
		return p.Address(), nil
	}
	return "", fmt.Errorf("no field %s is known here", path)
}

// writeKubeconfig stands for the folder that a kubelet mounts: who the pod is, and where the API. The
// token is good for a day, longer than anybody watches.
func (p *Pod) writeKubeconfig(ctx context.Context, pod *corev1.Pod, folder string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	accounts := p.kubelet.client.CoreV1().ServiceAccounts(pod.Namespace)
	lifetime := int64(24 * 3600)
	answer, err := accounts.CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &lifetime,
			BoundObjectRef: &authenticationv1.BoundObjectReference{
				Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	path, token := filepath.Join(folder, "kubeconfig"), filepath.Join(folder, "token")
	authority := base64.StdEncoding.EncodeToString(p.kubelet.options.Config.CAData)
	return path, errors.Join(
		os.WriteFile(token, []byte(answer.Status.Token), 0o600),
		os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: pod
  user: {tokenFile: %q}
contexts:
- name: pod
  context: {cluster: cluster, user: pod, namespace: %s}
current-context: pod
`, p.kubelet.options.Server, authority, token, pod.Namespace), 0o600))
}
