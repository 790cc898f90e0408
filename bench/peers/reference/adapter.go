package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"leadline.dev/tests/cluster/controlplane"
	"leadline.dev/tests/cluster/process"
)

// Where the test adapter takes the values that it serves; it has no flag for it.
const valuesAddress = "127.0.0.1:8080"

type adapter struct {
	process *process.Process
	url     string
	client  *http.Client
}

// startAdapter returns once it is ready. It asks kube-apiserver as an administrator.
func startAdapter(ctx context.Context, cluster *controlplane.ControlPlane, folder, program string,
	flags []string) (*adapter, error) {
	if other, err := net.DialTimeout("tcp", valuesAddress, time.Second); err == nil {
		other.Close()
		return nil, fmt.Errorf("%s is taken, which the test adapter needs for its values: end what listens there",
			valuesAddress)
	}
	certificate, key, err := cluster.ServingCertificate("adapter", "localhost", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	kubeconfig := cluster.Kubeconfig()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	started, err := process.Start(folder, program, append([]string{
		"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + certificate, "--tls-private-key-file=" + key,
		"--lister-kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig}, flags...)...)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(cluster.ServerCA())
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	a := &adapter{
		process: started,
		url:     "https://127.0.0.1:" + strconv.Itoa(port),
		client:  &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}
	return a, started.Await(ctx, time.Minute, func(ctx context.Context) error {
		_, err := a.ask(ctx, "/readyz", "")
		return err
	})
}

// setValues gives each pod a queue depth.
func (a *adapter) setValues(ctx context.Context, pods []string) error {
	for i, pod := range pods {
		url := "http://" + valuesAddress + "/write-metrics/namespaces/" + namespace + "/pods/" + pod + "/queue_depth"
		quantity := strings.NewReader(strconv.Quote(strconv.Itoa(i)))
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, quantity)
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		if _, err := a.do(request); err != nil {
			return err
		}
	}
	return nil
}

// ask returns the body of a 200.
func (a *adapter) ask(ctx context.Context, path, token string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return a.do(request)
}

func (a *adapter) do(request *http.Request) ([]byte, error) {
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", request.Method, request.URL, response.Status, body)
	}
	return body, err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
