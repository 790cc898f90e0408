package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"leadline.dev/tests/cluster/process"
)

// Where the test adapter takes the values that it serves; it has no flag for it.
const valuesAddress = "127.0.0.1:8080"

type adapter struct {
	process *process.Process
	url     string
	client  *http.Client
}

// startSidecars returns once each pod has one.
func (b *bench) startSidecars(ctx context.Context) (*process.Process, error) {
	var lines strings.Builder
	for _, pod := range b.pods {
		fmt.Fprintln(&lines, pod.Name, pod.UID, pod.Status.PodIP)
	}
	list := filepath.Join(b.folder, "pods")
	if err := os.WriteFile(list, []byte(lines.String()), 0o600); err != nil {
		return nil, err
	}
	sidecars, err := process.Start(b.folder, filepath.Join(b.programs, "bench_sidecars"), list)
	if err != nil {
		return nil, err
	}
	return sidecars, sidecars.Await(ctx, time.Minute, func(context.Context) error {
		said, err := os.ReadFile(sidecars.Log())
		if err == nil && !strings.Contains(string(said), "listening") {
			err = fmt.Errorf("not all sidecars listen")
		}
		return err
	})
}

// startLeadline starts ours as a cluster would, but for the certificate, which is a file as that of
// the others, and for its rights: as the others it asks kube-apiserver as an administrator.
func (b *bench) startLeadline(context.Context) (*adapter, error) {
	return b.start(filepath.Join(b.programs, "leadline-adapter"), func(port string) []string {
		return []string{
			"--kubeconfig=" + b.plane.Kubeconfig(), "--listen-address=127.0.0.1", "--api-listen-port=" + port,
			"--metrics-listen-port=0", "--tls-cert-file=" + b.certificate, "--tls-key-file=" + b.key}
	})
}

// startReference starts the test adapter, or the one that remembers lists.
func (b *bench) startReference(ctx context.Context, program string, flags ...string) (*adapter, error) {
	if other, err := net.DialTimeout("tcp", valuesAddress, time.Second); err == nil {
		other.Close()
		return nil, fmt.Errorf("%s is taken, which the test adapter needs for its values: end what listens there",
			valuesAddress)
	}
	kubeconfig := b.plane.Kubeconfig()
	a, err := b.start(filepath.Join(b.others, program), func(port string) []string {
		return append([]string{
			"--bind-address=127.0.0.1", "--secure-port=" + port,
			"--tls-cert-file=" + b.certificate, "--tls-private-key-file=" + b.key,
			"--lister-kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig}, flags...)
	})
	if err != nil {
		return nil, err
	}
	err = a.process.Await(ctx, time.Minute, func(ctx context.Context) error {
		_, err := a.ask(ctx, "/readyz", "")
		return err
	})
	if err == nil {
		err = a.setValues(ctx, b.cluster)
	}
	if err != nil {
		a.process.Kill()
	}
	return a, err
}

func (b *bench) start(program string, arguments func(port string) []string) (*adapter, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(b.plane.ServerCA())
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	started, err := process.Start(b.folder, program, arguments(port)...)
	if err != nil {
		return nil, err
	}
	return &adapter{
		process: started,
		url:     "https://127.0.0.1:" + port,
		client:  &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}, nil
}

// setValues gives each pod a queue depth.
func (a *adapter) setValues(ctx context.Context, cluster *cluster) error {
	for i, pod := range cluster.pods {
		url := "http://" + valuesAddress + "/write-metrics/namespaces/" + namespace + "/pods/" + pod.Name + "/queue_depth"
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

// expectItems fails where the answer has another number of them than the question says.
func (a *adapter) expectItems(ctx context.Context, q question, token string) error {
	body, err := a.ask(ctx, q.path, token)
	if err != nil {
		return err
	}
	var list struct{ Items []struct{ Value string } }
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	items := 0
	for _, item := range list.Items {
		if item.Value != "" {
			items++
		}
	}
	if items != q.items {
		return fmt.Errorf("%s: %d items with a value in place of %d", q.path, items, q.items)
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

func freePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
