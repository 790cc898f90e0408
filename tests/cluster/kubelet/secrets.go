package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mountSecrets writes the Secrets that a container mounts below folder, once, and has the environment
// name these files where it named those in the container. All else that is mounted is left out.
func (p *Pod) mountSecrets(ctx context.Context, pod *corev1.Pod, spec *corev1.Container, folder string,
	environment []string) error {
	for _, mount := range spec.VolumeMounts {
		name := secretOf(pod, mount.Name)
		if name == "" {
			continue
		}
		place := filepath.Join(folder, mount.Name)
		if err := p.writeSecret(ctx, pod.Namespace, name, place); err != nil {
			return fmt.Errorf("volume %s: %w", mount.Name, err)
		}
		for i, variable := range environment {
			environment[i] = strings.Replace(variable, "="+mount.MountPath+"/", "="+place+"/", 1)
		}
	}
	return nil
}

// secretOf is empty where the volume is no Secret.
func secretOf(pod *corev1.Pod, volume string) string {
	for _, each := range pod.Spec.Volumes {
		if each.Name == volume && each.Secret != nil {
			return each.Secret.SecretName
		}
	}
	return ""
}

func (p *Pod) writeSecret(ctx context.Context, namespace, name, place string) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	secret, err := p.kubelet.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(place, 0o700); err != nil {
		return err
	}
	for key, value := range secret.Data {
		if err := os.WriteFile(filepath.Join(place, key), value, 0o600); err != nil {
			return err
		}
	}
	return nil
}
