package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// How soon a Secret that is replaced is so in its pods; a kubelet needs a minute or two.
const secretsPeriod = time.Second

// mountSecrets writes the Secrets that a container mounts below folder, and has the environment name
// these files where it named those in the container. All else that is mounted is left out.
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

// refreshSecrets writes those that were replaced.
func (p *Pod) refreshSecrets(ctx context.Context, pod *corev1.Pod) (err error) {
	if time.Since(p.mounted) < secretsPeriod {
		return nil
	}
	p.mounted = time.Now()
	folder := p.folder(pod)
	for _, volume := range pod.Spec.Volumes {
		place := filepath.Join(folder, volume.Name)
		if _, unused := os.Stat(place); volume.Secret != nil && unused == nil {
			err = errors.Join(err, p.writeSecret(ctx, pod.Namespace, volume.Secret.SecretName, place))
		}
	}
	return err
}

// writeSecret replaces all files of it at once, as a kubelet does: `..data` leads to the newest folder.
func (p *Pod) writeSecret(ctx context.Context, namespace, name, place string) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	secret, err := p.kubelet.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	version := ".." + secret.ResourceVersion
	if current, _ := os.Readlink(filepath.Join(place, "..data")); current == version {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(place, version), 0o700); err != nil {
		return err
	}
	for key, value := range secret.Data {
		if err := os.WriteFile(filepath.Join(place, version, key), value, 0o600); err != nil {
			return err
		}
		_ = os.Symlink(filepath.Join("..data", key), filepath.Join(place, key)) // it may be there
	}
	next := filepath.Join(place, "..next")
	return errors.Join(os.Symlink(version, next), os.Rename(next, filepath.Join(place, "..data")))
}
