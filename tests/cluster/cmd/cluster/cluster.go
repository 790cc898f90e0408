package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/controlplane"
	"leadline.dev/tests/cluster/example"
	"leadline.dev/tests/cluster/kubectl"
	"leadline.dev/tests/cluster/kubelet"
	"leadline.dev/tests/cluster/link"
)

// Who looks at the workload: a service account that may `view` its namespace and no more.
const viewer = "demo-viewer"

type cluster struct {
	options options
	plane   *controlplane.ControlPlane
	nodes   *kubelet.Kubelet
	admin   kubectl.For
	adapter *link.Link // the address of the adapter's Service
	turn    atomic.Int32
}

// start returns what has to be stopped, also where it fails.
func start(ctx context.Context, o options) (*cluster, error) {
	c := &cluster{options: o}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"etcd " + controlplane.EtcdVersion + ", kube-apiserver and kube-controller-manager " +
			controlplane.KubernetesVersion, c.startPlane},
		{"a stand-in kubelet", c.startNodes},
		{"kubectl apply -k manifests/base, and external metrics: APIServices are Available", c.applyOurs},
		{"kubectl apply -k manifests/examples/vllm && kubectl apply -f " + o.hpa, c.applyWorkload},
	} {
		begin := time.Now()
		if err := step.do(ctx); err != nil {
			return c, err
		}
		fmt.Printf("%s (%.1f s)\n", step.name, time.Since(begin).Seconds())
	}
	return c, c.sayReady(ctx)
}

func (c *cluster) stop() error {
	if c.nodes != nil {
		c.nodes.Stop()
	}
	if c.plane == nil {
		return nil
	}
	return c.plane.Stop()
}

func (c *cluster) path(name string) string { return filepath.Join(c.options.folder, name) }

func (c *cluster) startPlane(ctx context.Context) (err error) {
	const engine, adapter, sidecar, health = 8000, 6443, 9733, 9735
	if err := portsAreFree(kubelet.LoopbackAddresses(), engine, adapter, sidecar, health); err != nil {
		return err
	}
	folder := c.path("control-plane")
	if err := errors.Join(os.Mkdir(folder, 0o700), kubelet.LogClients(c.path("clients.log"))); err != nil {
		return err
	}
	c.plane, err = controlplane.StartWith(ctx, folder, controlplane.Flags{Controllers: []string{
		fmt.Sprint("--horizontal-pod-autoscaler-sync-period=", c.options.syncPeriod),
		"--horizontal-pod-autoscaler-downscale-stabilization=5m", // Kubernetes' default
	}})
	if err == nil {
		c.admin = kubectl.For{Kubeconfig: c.plane.Kubeconfig()}
	}
	return err
}

// portsAreFree looks for whoever listens on all addresses of the machine, and so on those of our pods.
func portsAreFree(pods netip.Prefix, ports ...uint16) error {
	for _, port := range ports {
		listener, err := net.Listen("tcp4", netip.AddrPortFrom(pods.Addr().Next(), port).String())
		if err != nil {
			return fmt.Errorf("pods need port %d, and it is taken on all addresses here: %w", port, err)
		}
		listener.Close()
	}
	return nil
}

func (c *cluster) startNodes(context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", c.plane.Kubeconfig())
	if err != nil {
		return err
	}
	programs, err := filepath.Abs(c.options.programs)
	if err != nil {
		return err
	}
	if err := os.Mkdir(c.path("pods"), 0o700); err != nil {
		return err
	}
	c.nodes, err = kubelet.Start(kubelet.Options{Config: config, Folder: c.path("pods"), Programs: programs,
		Addresses: kubelet.LoopbackAddresses()})
	return err
}

// applyOurs waits as README.md says. The one thing that is not as in a cluster is patched: endpoints
// may not be loopback addresses, so the adapter's Service has a name, behind which a link stands in
// for kube-proxy.
func (c *cluster) applyOurs(ctx context.Context) (err error) {
	if c.adapter, err = link.New(c.nextAdapter); err != nil {
		return err
	}
	folder, err := c.writeOverlay()
	if err != nil {
		return err
	}
	if _, err := c.admin.Run(ctx, "apply", "-k", folder); err != nil {
		return err
	}
	_, err = c.admin.Run(ctx, "wait", "--for=condition=Available", "--timeout=60s", "apiservice",
		"-l", "app.kubernetes.io/part-of=leadline")
	return err
}

// nextAdapter takes turns; it is empty where none is ready.
func (c *cluster) nextAdapter() string {
	ready := slices.DeleteFunc(c.nodes.PodsOf("leadline"), func(pod *kubelet.Pod) bool { return !pod.Ready() })
	if len(ready) == 0 {
		return ""
	}
	slices.SortFunc(ready, func(a, b *kubelet.Pod) int { return strings.Compare(a.Name(), b.Name()) })
	return net.JoinHostPort(ready[int(c.turn.Add(1))%len(ready)].Address(), "6443")
}

const overlay = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%q]
patches:
  - target: {kind: Service, name: leadline-adapter}
    patch: |-
      - {op: add, path: /spec/type, value: ExternalName}
      - {op: add, path: /spec/externalName, value: localhost}
  - target: {kind: APIService}
    patch: |-
      - {op: replace, path: /spec/service/port, value: %d}
`

func (c *cluster) writeOverlay() (folder string, err error) {
	folder, err = filepath.EvalSymlinks(c.options.folder) // kustomize does so, too
	folder = filepath.Join(folder, "manifests")
	if err := errors.Join(err, os.Mkdir(folder, 0o700)); err != nil {
		return "", err
	}
	ours, err := filepath.EvalSymlinks(filepath.Join(c.options.sources, "tests/cluster/manifests"))
	if err == nil {
		ours, err = filepath.Abs(ours)
	}
	if err == nil {
		ours, err = filepath.Rel(folder, ours)
	}
	if err != nil {
		return "", err
	}
	text := fmt.Appendf(nil, overlay, ours, c.adapter.Address().(*net.TCPAddr).Port)
	return folder, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), text, 0o600)
}

func (c *cluster) applyWorkload(ctx context.Context) error {
	o := c.options
	c.nodes.EngineFlags(o.namespace, fmt.Sprint("--startup-delay-ms=", o.startupDelay.Milliseconds()))
	rendered, err := c.admin.Run(ctx, "kustomize", filepath.Join(o.sources, "manifests/examples/vllm"))
	if err != nil {
		return err
	}
	if _, err := c.admin.Feed(ctx, example.In(o.namespace, o.workload, rendered), "apply", "-f", "-"); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"scale", "deployment", o.workload, "-n", o.namespace, "--replicas=" + strconv.Itoa(o.replicas)},
		{"apply", "-f", o.hpa},
		{"create", "serviceaccount", viewer, "-n", o.namespace},
		{"create", "rolebinding", viewer, "-n", o.namespace, "--clusterrole=view",
			"--serviceaccount=" + o.namespace + ":" + viewer},
	} {
		if _, err := c.admin.Run(ctx, command...); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) sayReady(ctx context.Context) error {
	token, err := c.admin.Run(ctx, "create", "token", viewer, "-n", c.options.namespace, "--duration=24h")
	if err != nil {
		return err
	}
	server, err := url.Parse(c.plane.URL())
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(server.Port())
	if err != nil {
		return err
	}
	said, err := json.Marshal(map[string]any{"port": port, "ca": c.plane.ServerCA(),
		"token": strings.TrimSpace(token), "kubeconfig": c.plane.Kubeconfig(), "kubectl": controlplane.Kubectl()})
	fmt.Printf("ready %s\n", said)
	return err
}
