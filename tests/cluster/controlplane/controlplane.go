// Package controlplane runs a Kubernetes control plane on loopback for tests and benchmarks: the
// stock etcd, kube-apiserver (with its aggregation layer) and kube-controller-manager that
// tests/cluster/install built, on free ports, with keys of its own. There is no kubelet and no
// scheduler: pods are objects that stay Pending until somebody writes their status.
//
// The controllers are those of deployments, replica sets, service accounts and the HPA, which syncs
// every 2 s. An APIService reaches an adapter on loopback through a service of type ExternalName
// with externalName localhost; endpoints may not be loopback addresses.
//
// The processes end with Stop, and with the process that started them, however that ends.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"leadline.dev/tests/cluster/process"
)

// What controlplane/NAME/go.mod pins; a test holds them equal.
const (
	KubernetesVersion = "1.36.3"
	EtcdVersion       = "3.6.8"
)

// How long each of the programs may take until it is ready; it is 3 s where nothing else runs.
const startLimit = 90 * time.Second

// ControlPlane is a running control plane. Safe for use by several goroutines.
type ControlPlane struct {
	folder    string
	keys      *keys
	url       string // of kube-apiserver
	processes []*process.Process
	failed    chan error
	stopping  chan struct{} // closed at Stop
	stop      func() error
}

// Start returns once kube-apiserver is ready and has what it creates at its first start. Keys, logs
// and etcd's data go to folder, which must exist and be empty, and which the caller removes after
// Stop.
func Start(ctx context.Context, folder string) (*ControlPlane, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	c := &ControlPlane{folder: folder, failed: make(chan error, 3), stopping: make(chan struct{})}
	c.stop = sync.OnceValue(c.kill)
	if err := c.start(ctx); err != nil {
		return nil, fmt.Errorf("control plane: %w", errors.Join(err, c.Stop()))
	}
	return c, nil
}

// Stop ends all of it at once and returns when no process is left. Later calls do nothing.
func (c *ControlPlane) Stop() error { return c.stop() }

// URL is kube-apiserver's.
func (c *ControlPlane) URL() string { return c.url }

// Kubeconfig is the path of an administrator's.
func (c *ControlPlane) Kubeconfig() string { return c.path("admin.kubeconfig") }

// Failed tells of a program that ended by itself.
func (c *ControlPlane) Failed() <-chan error { return c.failed }

// Pid is the process id of a program: etcd, kube-apiserver or kube-controller-manager; 0 for others.
func (c *ControlPlane) Pid(program string) int {
	for _, p := range c.processes {
		if p.Name() == program {
			return p.Pid()
		}
	}
	return 0
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.folder, name) }

func (c *ControlPlane) start(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd, etcdPeer, port := ports[0], ports[1], ports[2]
	c.url = "https://127.0.0.1:" + port
	if c.keys, err = makeKeys(c.folder); err != nil {
		return err
	}
	if err := c.writeKubeconfig(c.Kubeconfig(), "admin", "system:masters"); err != nil {
		return err
	}
	if err := c.startEtcd(ctx, "http://127.0.0.1:"+etcd, "http://127.0.0.1:"+etcdPeer); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx, "http://127.0.0.1:"+etcd, port); err != nil {
		return err
	}
	return c.startControllers()
}

func (c *ControlPlane) startEtcd(ctx context.Context, url, peerURL string) error {
	etcd, err := c.run("etcd", EtcdVersion, "etcd",
		"--data-dir="+c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+url, "--advertise-client-urls="+url,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=default="+peerURL)
	if err != nil {
		return err
	}
	return etcd.Await(ctx, startLimit, func(ctx context.Context) error {
		return ask(ctx, http.DefaultClient, url+"/readyz")
	})
}

func (c *ControlPlane) startAPIServer(ctx context.Context, etcdURL, port string) error {
	apiserver, err := c.run("kubernetes", KubernetesVersion, "kube-apiserver",
		"--etcd-servers="+etcdURL,
		// With a loopback address alone it would look for a default route to advertise, and the
		// `kubernetes` endpoint may not be a loopback address.
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--secure-port="+port, "--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true",
		"--authorization-mode=RBAC",
		// Pods need no service account that the controllers must create first.
		"--disable-admission-plugins=ServiceAccount",
		"--cert-dir="+c.folder, "--client-ca-file="+c.ClientCA(),
		"--tls-cert-file="+c.path("kube-apiserver.crt"), "--tls-private-key-file="+c.path("kube-apiserver.key"),
		"--service-account-issuer="+c.url,
		"--service-account-key-file="+c.path("service-account.pub"),
		"--service-account-signing-key-file="+c.path("service-account.key"),
		"--requestheader-client-ca-file="+c.path("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-uid-headers=X-Remote-Uid", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+c.path("front-proxy-client.crt"),
		"--proxy-client-key-file="+c.path("front-proxy-client.key"))
	if err != nil {
		return err
	}
	admin, err := c.adminClient()
	if err != nil {
		return err
	}
	return apiserver.Await(ctx, startLimit, func(ctx context.Context) error {
		// The last two are written by hooks that /readyz does not wait for.
		return errors.Join(
			ask(ctx, admin, c.url+"/readyz"),
			ask(ctx, admin, c.url+"/api/v1/namespaces/default"),
			ask(ctx, admin, c.url+"/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"))
	})
}

// The controllers have no page to ask: whoever waits for their work sees them start.
func (c *ControlPlane) startControllers() error {
	_, err := c.run("kubernetes", KubernetesVersion, "kube-controller-manager",
		"--kubeconfig="+c.Kubeconfig(), "--leader-elect=false", "--secure-port=0",
		"--controllers=horizontal-pod-autoscaler-controller,deployment-controller,replicaset-controller,"+
			"serviceaccount-controller",
		// Each asks as its own service account, so that RBAC is what it is in a cluster.
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+c.path("service-account.key"),
		"--horizontal-pod-autoscaler-sync-period=2s",
		"--horizontal-pod-autoscaler-downscale-stabilization=5s",
		"--horizontal-pod-autoscaler-tolerance=0.1")
	return err
}

// freePorts are ports of 127.0.0.1 that nobody listens on, all different.
func freePorts(count int) ([]string, error) {
	var ports []string
	for range count {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // at the end of all: none is picked twice
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// ask is satisfied with a 200.
func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 2000))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", url, response.Status, body)
	}
	return nil
}

// run starts a program that tests/cluster/install built; failed tells when it ends before Stop.
func (c *ControlPlane) run(project, version, name string, arguments ...string) (*process.Process, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cache, "leadline", project+"-"+version, "bin", name)
	started, err := process.Start(c.folder, path, arguments...)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: tests/cluster/install builds it (once, a few minutes)", err)
	}
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, started)
	go func() {
		<-started.Ended()
		select {
		case <-c.stopping:
		default:
			c.failed <- started.Failure("ended by itself")
		}
	}()
	return started, nil
}

func (c *ControlPlane) kill() (err error) {
	close(c.stopping)
	for _, p := range slices.Backward(c.processes) {
		err = errors.Join(err, p.Kill())
	}
	return err
}
