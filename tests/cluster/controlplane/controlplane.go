// Package controlplane runs a Kubernetes control plane on loopback for tests and benchmarks: the
// stock etcd, kube-apiserver (with its aggregation layer) and kube-controller-manager that
// tests/cluster/install built, on free ports, with keys of its own. There is no kubelet and no
// scheduler: pods are objects that stay Pending until somebody writes their status.
//
// The controllers are those of deployments, replica sets, endpoint slices, namespaces, roles, service
// accounts and the HPA, which syncs every 2 s unless Flags say otherwise. An APIService reaches an
// adapter on loopback through a service of type ExternalName with externalName localhost, since
// endpoints may not be loopback addresses. Where pods have other addresses (package network),
// --enable-aggregator-routing makes kube-apiserver use a service's endpoints.
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
	apiServer process.Program
	failed    chan error
	stop      func() error

	mutex     sync.Mutex // guards what follows
	processes []*process.Process
	expected  map[*process.Process]bool // whose end is no failure
}

// Flags are given to the programs besides their own. Of one that is given twice the last counts.
type Flags struct{ APIServer, Controllers []string }

// Start returns once kube-apiserver is ready and has what it creates at its first start. Keys, logs
// and etcd's data go to folder, which must exist and be empty, and which the caller removes after
// Stop. kube-apiserver gets the flags besides its own.
func Start(ctx context.Context, folder string, flags ...string) (*ControlPlane, error) {
	return StartWith(ctx, folder, Flags{APIServer: flags})
}

// StartWith is Start with flags for the controllers, too.
func StartWith(ctx context.Context, folder string, flags Flags) (*ControlPlane, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	c := &ControlPlane{folder: folder, failed: make(chan error, 3), expected: map[*process.Process]bool{}}
	c.stop = sync.OnceValue(c.kill)
	if err := c.start(ctx, flags); err != nil {
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
	if found := c.running(program); found != nil {
		return found.Pid()
	}
	return 0
}

// StopAPIServer kills kube-apiserver; everything else goes on.
func (c *ControlPlane) StopAPIServer() error {
	apiServer := c.running("kube-apiserver")
	if apiServer == nil {
		return nil
	}
	c.mutex.Lock()
	c.expected[apiServer] = true
	c.processes = slices.DeleteFunc(c.processes, func(p *process.Process) bool { return p == apiServer })
	c.mutex.Unlock()
	return apiServer.Kill()
}

// StartAPIServer starts it again as it was, and with what is in its files by now.
func (c *ControlPlane) StartAPIServer(ctx context.Context) error {
	started, err := c.run(c.apiServer)
	if err != nil {
		return err
	}
	return c.awaitAPIServer(ctx, started)
}

func (c *ControlPlane) running(program string) *process.Process {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, p := range c.processes {
		if p.Name() == program {
			return p
		}
	}
	return nil
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.folder, name) }

func (c *ControlPlane) start(ctx context.Context, flags Flags) error {
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
	c.apiServer = c.apiServerProgram("http://127.0.0.1:"+etcd, port, flags.APIServer)
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	return c.startControllers(flags.Controllers)
}

func (c *ControlPlane) startEtcd(ctx context.Context, url, peerURL string) error {
	etcd, err := c.run(c.program("etcd", EtcdVersion, "etcd",
		"--data-dir="+c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+url, "--advertise-client-urls="+url,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=default="+peerURL))
	if err != nil {
		return err
	}
	return etcd.Await(ctx, startLimit, func(ctx context.Context) error {
		return ask(ctx, http.DefaultClient, url+"/readyz")
	})
}

func (c *ControlPlane) apiServerProgram(etcdURL, port string, flags []string) process.Program {
	program := c.program("kubernetes", KubernetesVersion, "kube-apiserver",
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
	program.Arguments = append(program.Arguments, flags...)
	return program
}

func (c *ControlPlane) awaitAPIServer(ctx context.Context, apiserver *process.Process) error {
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
func (c *ControlPlane) startControllers(flags []string) error {
	program := c.program("kubernetes", KubernetesVersion, "kube-controller-manager",
		"--kubeconfig="+c.Kubeconfig(), "--leader-elect=false", "--secure-port=0",
		"--controllers=horizontal-pod-autoscaler-controller,deployment-controller,replicaset-controller,job-controller,"+
			"endpointslice-controller,namespace-controller,serviceaccount-controller,"+
			"clusterrole-aggregation-controller",
		// Each asks as its own service account, so that RBAC is what it is in a cluster.
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+c.path("service-account.key"),
		"--horizontal-pod-autoscaler-sync-period=2s",
		"--horizontal-pod-autoscaler-downscale-stabilization=5s",
		"--horizontal-pod-autoscaler-tolerance=0.1")
	program.Arguments = append(program.Arguments, flags...)
	_, err := c.run(program)
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

// program is one that tests/cluster/install built.
func (c *ControlPlane) program(project, version, name string, arguments ...string) process.Program {
	return process.Program{
		Folder:    c.folder,
		Path:      filepath.Join(cacheFolder(), project+"-"+version, "bin", name),
		Arguments: arguments,
	}
}

// cacheFolder is where tests/cluster/install builds to. It is empty where nothing says where home is,
// and then the first program that is started is not found.
func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "leadline")
}

// Kubectl is the path of the kubectl that tests/cluster/install built.
func Kubectl() string {
	return filepath.Join(cacheFolder(), "kubernetes-"+KubernetesVersion, "bin", "kubectl")
}

// run starts a program; failed tells when it ends before it should.
func (c *ControlPlane) run(program process.Program) (*process.Process, error) {
	started, err := program.Start()
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: tests/cluster/install builds it (once, a few minutes)", err)
	}
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	c.processes = append(c.processes, started)
	c.mutex.Unlock()
	go c.report(started)
	return started, nil
}

func (c *ControlPlane) report(started *process.Process) {
	<-started.Ended()
	c.mutex.Lock()
	expected := c.expected[started]
	c.mutex.Unlock()
	if expected {
		return
	}
	select {
	case c.failed <- started.Failure("ended by itself"):
	default: // it is full of failures that nobody reads
	}
}

func (c *ControlPlane) kill() (err error) {
	c.mutex.Lock()
	processes := slices.Clone(c.processes)
	for _, p := range processes {
		c.expected[p] = true
	}
	c.mutex.Unlock()
	for _, p := range slices.Backward(processes) {
		err = errors.Join(err, p.Kill())
	}
	return err
}
