// Package cluster holds our manifests and daemons against a real control plane: the HPA controller
// decides, and what it decided is asserted. Tests that disturb the whole cluster come first, one
// after another; those that have a namespace of their own are parallel.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/controlplane"
	"leadline.dev/tests/cluster/kubectl"
	"leadline.dev/tests/cluster/kubelet"
	"leadline.dev/tests/cluster/link"
	"leadline.dev/tests/cluster/network"
	"leadline.dev/tests/cluster/suite"
)

// Where the daemons are; LEADLINE_PROGRAMS names other builds of them, as with sanitizers.
var programs = cmp.Or(os.Getenv("LEADLINE_PROGRAMS"), "../../build/release/bin")

const (
	manifests = "../../manifests"
	ours      = "manifests" // the kustomization that is applied

	patience = time.Minute // for what takes seconds on a machine that does nothing else
)

// What all tests share. It is made once, by TestMain.
var (
	folder    string
	plane     *controlplane.ControlPlane
	nodes     *kubelet.Kubelet
	pods      *link.Link // between pods and the Kubernetes API
	client    kubernetes.Interface
	admin     kubectl.For
	appliedAt time.Time
)

func TestMain(m *testing.M) {
	suite.Main("leadline-cluster-", func(made string) (int, error) {
		folder = made
		return runTests(m)
	})
}

func runTests(m *testing.M) (status int, err error) {
	stop, err := startCluster()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	go func() {
		fmt.Fprintln(os.Stderr, <-plane.Failed())
		os.Exit(1)
	}()
	if _, err := adapterComes(); err != nil {
		fmt.Fprintln(os.Stderr, err) // each test fails of it, and those that need none still run
	}
	if status = m.Run(); *update {
		err = writeRecording()
	}
	return status, err
}

func startCluster() (stop func() error, err error) {
	planes, logs := filepath.Join(folder, "plane"), filepath.Join(folder, "pods")
	if err := errors.Join(os.Mkdir(planes, 0o700), os.Mkdir(logs, 0o700)); err != nil {
		return nil, err
	}
	if err := kubelet.LogClients(filepath.Join(folder, "clients.log")); err != nil {
		return nil, err
	}
	if plane, err = controlplane.Start(context.Background(), planes, "--enable-aggregator-routing=true"); err != nil {
		return nil, err
	}
	admin = kubectl.For{Kubeconfig: plane.Kubeconfig()}
	if err := errors.Join(startNodes(logs), applyOurs(context.Background())); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	appliedAt = time.Now()
	return func() error {
		nodes.Stop()
		return plane.Stop()
	}, nil
}

func startNodes(logs string) error {
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	if client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	path, err := filepath.Abs(programs)
	if err != nil {
		return err
	}
	if pods, err = link.New(func() string { return strings.TrimPrefix(plane.URL(), "https://") }); err != nil {
		return err
	}
	nodes, err = kubelet.Start(kubelet.Options{
		Config: config, Folder: logs, Programs: path, Addresses: network.Pods, Server: "https://" + pods.Address().String()})
	return err
}

func applyOurs(ctx context.Context) error {
	_, err := admin.Run(ctx, "apply", "-k", ours)
	return err
}

// needAdapter fails at once in every test after the first that waited in vain, and says how long it
// took from `kubectl apply`.
func needAdapter(t *testing.T) time.Duration {
	t.Helper()
	took, err := adapterComes()
	if err != nil {
		t.Fatal(err)
	}
	return took
}

var adapterComes = sync.OnceValues(func() (time.Duration, error) {
	err := allAvailable()
	for ; err != nil && time.Since(appliedAt) < patience; err = allAvailable() {
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(appliedAt), err
})
