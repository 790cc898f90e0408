// Package keda_test drives the real leadline-adapter with KEDA's own code: its scalers, which the
// operator has (client_test.go), their generated stubs where the wire matters (scaler_test.go,
// tls_test.go), and the operator itself (operator/).
//
// Real adapter and sidecars; the engines are pages of this process.
package keda_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	v2 "k8s.io/api/autoscaling/v2"
)

const (
	namespace = "demo"
	patience  = 60 * time.Second // for what takes a second on an idle machine
)

// programs is where the binaries are: LEADLINE_BIN, else the release build's.
func programs() string {
	if folder := os.Getenv("LEADLINE_BIN"); folder != "" {
		return folder
	}
	return "../../build/release/bin"
}

var addresses atomic.Uint32

// freshAddress is a loopback address of this process' own, so that every program has its default
// ports.
func freshAddress() string {
	number := addresses.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 80+os.Getpid()/250%40, 1+os.Getpid()%250, 1+number%250)
}

// start runs one of our programs until the test ends.
func start(t *testing.T, name string, arguments ...string) *exec.Cmd {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(programs(), name))
	if err != nil {
		t.Fatal(err)
	}
	return startProgram(t, path, arguments...)
}

func startProgram(t *testing.T, path string, arguments ...string) *exec.Cmd {
	t.Helper()
	return startIn(t, "", path, arguments...)
}

func startIn(t *testing.T, folder, path string, arguments ...string) *exec.Cmd {
	t.Helper()
	name := filepath.Base(path)
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, arguments...)
	command.Dir = folder
	command.Env = []string{"LEADLINE_TOKEN=sesame"}
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// Linux kills a child with the thread that forked it.
	runtime.LockOSThread()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if said, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s said:\n%s", name, said)
		}
	})
	return command
}

// eventually fails the test where `check` does not become nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// pod is a pod of Deployment llm: a page as vLLM prints it, with a real sidecar beside it.
type pod struct {
	name, address    string
	running, waiting atomic.Int64
	sidecar          *exec.Cmd
}

func newPod(t *testing.T, name string) *pod {
	t.Helper()
	p := &pod{name: name, address: freshAddress()}
	listener, err := net.Listen("tcp", p.address+":8000")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name=\"m\"} %d\n"+
			"# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{model_name=\"m\"} %d\n",
			p.running.Load(), p.waiting.Load())
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	p.sidecar = start(t, "leadline-sidecar", "--engine", "vllm", "--engine-url", "http://"+p.address+":8000",
		"--listen-address", p.address, "--pod-namespace", namespace, "--pod-name", name, "--pod-uid", name)
	return p
}

// writePods replaces the pods file.
func writePods(t *testing.T, file string, pods ...*pod) {
	t.Helper()
	list := []map[string]any{}
	for _, p := range pods {
		list = append(list, map[string]any{
			"namespace": namespace, "name": p.name, "uid": p.name, "ip": p.address, "port": 9733,
			"node": "n", "ready": true, "labels": map[string]string{"app": "llm"},
			"owner": map[string]string{"apiVersion": "apps/v1", "kind": "Deployment", "name": "llm"},
		})
	}
	text, err := json.Marshal(map[string]any{"pods": list, "objects": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".next", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".next", file); err != nil {
		t.Fatal(err)
	}
}

// adapter is a leadline-adapter with KEDA's door, at an address of its own.
type adapter struct {
	address, podsFile string
	arguments         []string
	process           *exec.Cmd
}

// newAdapter serves KEDA as `door` says: "--keda-insecure=true", or TLS files.
func newAdapter(t *testing.T, door []string, pods ...*pod) *adapter {
	t.Helper()
	return newAdapterAt(t, freshAddress(), door, pods...)
}

func newAdapterAt(t *testing.T, address string, door []string, pods ...*pod) *adapter {
	t.Helper()
	a := &adapter{address: address, podsFile: filepath.Join(t.TempDir(), "pods.json")}
	writePods(t, a.podsFile, pods...)
	a.arguments = append([]string{"--pods-file", a.podsFile, "--listen-address", a.address,
		"--shutdown-delay-ms", "0"}, door...)
	a.start(t)
	return a
}

func (a *adapter) start(t *testing.T) {
	t.Helper()
	a.process = start(t, "leadline-adapter", a.arguments...)
	eventually(t, func() error {
		answer, err := http.Get("http://" + a.address + ":9735/readyz")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz: %s", answer.Status)
		}
		return nil
	})
}

// stop ends it as Kubernetes does.
func (a *adapter) stop(t *testing.T) {
	t.Helper()
	if err := a.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := a.process.Wait(); err != nil {
		t.Fatalf("the adapter ended with %v", err)
	}
}

var insecureDoor = []string{"--keda-insecure=true"}

func (a *adapter) endpoint() string { return a.address + ":9734" }

type metadata map[string]string

// scaler is a trigger on Deployment llm, and the connection on which KEDA asks about it.
type scaler struct {
	client pb.ExternalScalerClient
	ref    *pb.ScaledObjectRef
}

// scaler connects in plain text where `secure` is nil.
func (a *adapter) scaler(t *testing.T, secure credentials.TransportCredentials, more metadata) *scaler {
	t.Helper()
	if secure == nil {
		secure = insecure.NewCredentials()
	}
	connection, err := grpc.NewClient(a.endpoint(), grpc.WithTransportCredentials(secure))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return &scaler{pb.NewExternalScalerClient(connection),
		&pb.ScaledObjectRef{Name: "scaled", Namespace: namespace, ScalerMetadata: a.metadata(more)}}
}

func (a *adapter) metadata(more metadata) metadata {
	of := metadata{"scalerAddress": a.endpoint(), "workload": "llm", "targetValue": "4"}
	maps.Copy(of, more)
	return of
}

// trigger is what KEDA makes of a ScaledObject's trigger on Deployment llm.
func (a *adapter) trigger(more metadata) *scalersconfig.ScalerConfig {
	return &scalersconfig.ScalerConfig{
		ScalableObjectName: "scaled", ScalableObjectNamespace: namespace, ScalableObjectType: "ScaledObject",
		TriggerMetadata: a.metadata(more), AuthParams: map[string]string{}, ResolvedEnv: map[string]string{},
		MetricType: v2.AverageValueMetricType,
	}
}
