// Package operator_test runs KEDA's operator and metrics adapter on a real control plane, as a cluster
// has them, with our manifests: they and the HPA controller decide, and what they decided is asserted.
//
// tests/cluster has the control plane and the kubelet; tests/cluster/install builds KEDA's programs.
package operator_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/controlplane"
	"leadline.dev/tests/cluster/kubectl"
	"leadline.dev/tests/cluster/kubelet"
	"leadline.dev/tests/cluster/link"
	"leadline.dev/tests/cluster/network"
	"leadline.dev/tests/cluster/process"
	"leadline.dev/tests/cluster/suite"
)

var programs = cmp.Or(os.Getenv("LEADLINE_BIN"), "../../../build/release/bin")

const (
	examples = "../../../manifests/examples"
	ours     = "manifests" // the base with the door for KEDA

	// Of KEDA's metrics adapter: no pod's, and no loopback address, which an endpoint may not have.
	metricsAddress = "10.244.255.1"

	// As manifests/ has them.
	loadingGrace = 20 * time.Second
	absentGrace  = 10 * time.Second

	patience = 2 * time.Minute // for what takes seconds on a machine that does nothing else
)

// What all tests share. It is made once, by TestMain.
var (
	folder  string
	plane   *controlplane.ControlPlane
	nodes   *kubelet.Kubelet
	client  kubernetes.Interface
	admin   kubectl.For
	api     *link.Link // to the Kubernetes API, for pods
	service *link.Link // stands for the Service of the adapter: 127.0.0.1, to a pod of it that is ready

	operator *process.Process
)

func TestMain(m *testing.M) {
	suite.Main("leadline-keda-", func(made string) (int, error) {
		folder = made
		return runTests(m)
	})
}

func runTests(m *testing.M) (status int, err error) {
	for _, name := range []string{"plane", "pods", "keda", "load", "redis"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			return 1, err
		}
	}
	if err := kubelet.LogClients(filepath.Join(folder, "clients.log")); err != nil {
		return 1, err
	}
	if plane, err = controlplane.Start(context.Background(), filepath.Join(folder, "plane"),
		"--enable-aggregator-routing=true"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	admin = kubectl.For{Kubeconfig: plane.Kubeconfig()}
	if err := startNodes(); err != nil {
		return 1, err
	}
	defer nodes.Stop()
	if err := errors.Join(startRedis(), applyOurs(), startKeda()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func startNodes() error {
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
	if api, err = link.New(func() string { return strings.TrimPrefix(plane.URL(), "https://") }); err != nil {
		return err
	}
	if service, err = link.New(readyAdapter); err != nil {
		return err
	}
	nodes, err = kubelet.Start(kubelet.Options{Config: config, Folder: filepath.Join(folder, "pods"), Programs: path,
		Addresses: network.Pods, Server: "https://" + api.Address().String()})
	return err
}

// readyAdapter is where the Service leads; empty where no pod is ready.
func readyAdapter() string {
	for _, pod := range nodes.PodsOf("leadline") {
		if pod.Ready() {
			return pod.Address() + ":9734"
		}
	}
	return ""
}

func applyOurs() error {
	ctx := context.Background()
	if _, err := admin.Run(ctx, "create", "namespace", "keda"); err != nil {
		return err
	}
	if _, err := admin.Run(ctx, "apply", "-k", ours); err != nil {
		return err
	}
	return makeCertificates()
}

// makeCertificates is what the example tells users to run.
func makeCertificates() error {
	script := exec.Command(examples + "/keda/certificates.sh")
	script.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "ADAPTER=IP:127.0.0.1",
		"KUBECTL=" + controlplane.Kubectl() + " --kubeconfig=" + plane.Kubeconfig()}
	if output, err := script.CombinedOutput(); err != nil {
		return fmt.Errorf("certificates.sh: %w: %s", err, output)
	}
	return nil
}

func startKeda() error {
	crds, err := exec.Command("../../cluster/go", "list", "-m", "-f", "{{.Dir}}", "github.com/kedacore/keda/v2").Output()
	if err != nil {
		return fmt.Errorf("KEDA's module: %w", err)
	}
	ctx := context.Background()
	if _, err := admin.Run(ctx, "apply", "--server-side", "-f",
		strings.TrimSpace(string(crds))+"/config/crd/bases"); err != nil {
		return err
	}
	keys := filepath.Join(folder, "keda")
	if output, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
		"/CN=keda", "-addext", "subjectAltName=DNS:localhost,DNS:keda-metrics-apiserver.keda.svc",
		"-keyout", keys+"/tls.key", "-out", keys+"/tls.crt").CombinedOutput(); err != nil {
		return fmt.Errorf("openssl: %w: %s", err, output)
	}
	certificate, err := os.ReadFile(keys + "/tls.crt")
	if err != nil {
		return err
	}
	if err := os.WriteFile(keys+"/ca.crt", certificate, 0o600); err != nil {
		return err
	}
	if err := startOperator(); err != nil {
		return err
	}
	config := plane.Kubeconfig()
	if _, err := startProgram("keda-adapter", "--kubeconfig="+config, "--authentication-kubeconfig="+config,
		"--authorization-kubeconfig="+config, "--lister-kubeconfig="+config, "--metrics-service-address=localhost:9666",
		"--bind-address="+metricsAddress, "--secure-port=6443", "--cert-dir="+keys, "--tls-cert-file="+keys+"/tls.crt",
		"--tls-private-key-file="+keys+"/tls.key", "--client-ca-file="+keys+"/ca.crt"); err != nil {
		return err
	}
	_, err = admin.Feed(ctx, fmt.Sprintf(registration, metricsAddress,
		base64.StdEncoding.EncodeToString(certificate)), "apply", "-f", "-")
	return err
}

func startOperator() (err error) {
	operator, err = startProgram("keda-operator", "--kubeconfig="+plane.Kubeconfig(), "--zap-encoder=console",
		"--enable-cert-rotation=false", "--cert-dir="+filepath.Join(folder, "keda"),
		"--metrics-bind-address=127.0.0.1:18080", "--health-probe-bind-address=127.0.0.1:18081",
		"--metrics-service-bind-address=127.0.0.1:9666")
	return err
}

// startProgram is one of KEDA's.
func startProgram(name string, arguments ...string) (*process.Process, error) {
	path, err := exec.Command("../../cluster/install", name).Output()
	if err != nil {
		return nil, fmt.Errorf("tests/cluster/install %s: %w", name, err)
	}
	return process.Program{Folder: filepath.Join(folder, "keda"), Path: strings.TrimSpace(string(path)),
		Arguments: arguments, Environment: []string{"KEDA_CLUSTER_OBJECT_NAMESPACE=keda", "POD_NAMESPACE=keda",
			"WATCH_NAMESPACE="}}.Start()
}

const registration = `apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec: {ports: [{name: https, port: 443, targetPort: 6443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: keda-metrics-apiserver, namespace: keda, labels: {kubernetes.io/service-name: keda-metrics-apiserver}}
addressType: IPv4
endpoints: [{addresses: [%q], conditions: {ready: true}}]
ports: [{name: https, port: 6443, protocol: TCP}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: %s
  service: {name: keda-metrics-apiserver, namespace: keda, port: 443}
`
