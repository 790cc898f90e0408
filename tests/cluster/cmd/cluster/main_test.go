package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubelet"
	"leadline.dev/tests/cluster/process"
	"leadline.dev/tests/cluster/trace"
)

const (
	root     = "../../../.."
	patience = 4 * time.Minute // for what takes one on a machine that does nothing else
)

// The demo runs this binary as leadline-cluster.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// demo is `leadline-demo --cluster`.
type demo struct {
	*testing.T
	folder  string // all of its processes name it
	command *exec.Cmd
	ended   chan struct{} // closed once it is reaped
}

func newDemo(t *testing.T, arguments ...string) *demo {
	t.Helper()
	d := &demo{T: t, folder: t.TempDir(), ended: make(chan struct{})}
	built := cmp.Or(os.Getenv("LEADLINE_PROGRAMS"), root+"/build/release/bin")
	for _, name := range []string{"leadline-demo", "leadline-adapter", "leadline-sidecar", "leadline-sim"} {
		d.copy(filepath.Join(built, name), name)
	}
	d.copy(os.Args[0], "leadline-cluster")
	d.command = exec.Command(d.path("leadline-demo"), append([]string{"--cluster", "--plain",
		"--startup-delay-ms", "500", "--sync-period-ms", "1000", "--record", d.path("recording")}, arguments...)...)
	d.command.Dir = root
	d.command.Env = append(os.Environ(), "RUN_AS_COMMAND=yes", "TMPDIR="+d.folder)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the demo printed:\n%s", d.output())
		}
	})
	return d
}

func (d *demo) path(name string) string { return filepath.Join(d.folder, name) }

func (d *demo) copy(from, name string) {
	d.Helper()
	program, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(d.path(name), program, 0o700)
	}
	if err != nil {
		d.Fatal(err)
	}
}

func (d *demo) start() {
	d.Helper()
	output, err := os.Create(d.path("output"))
	if err != nil {
		d.Fatal(err)
	}
	defer output.Close()
	d.command.Stdout, d.command.Stderr = output, output
	if err := d.command.Start(); err != nil {
		d.Fatal(err)
	}
	go func() {
		_ = d.command.Wait() // its status is in ProcessState
		close(d.ended)
	}()
	d.Cleanup(func() { _ = d.command.Process.Kill() })
}

func (d *demo) output() string {
	text, _ := os.ReadFile(d.path("output")) // there is none before the start
	return string(text)
}

func (d *demo) awaitLine(part string) {
	d.Helper()
	await.Success(d, patience, func() error {
		if d.hasEnded() {
			d.Fatalf("it ended (%v) and never said %q", d.command.ProcessState, part)
		}
		if !strings.Contains(d.output(), part) {
			return fmt.Errorf("it does not say %q", part)
		}
		return nil
	})
}

func (d *demo) hasEnded() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

func (d *demo) awaitEnd(limit time.Duration) {
	d.Helper()
	select {
	case <-d.ended:
	case <-time.After(limit):
		d.Fatalf("it does not end within %s", limit)
	}
}

func (d *demo) signal(signal syscall.Signal) {
	d.Helper()
	if err := d.command.Process.Signal(signal); err != nil {
		d.Fatal(err)
	}
}

// expectNothingLeft wants an end without complaint, no process and no folder.
func (d *demo) expectNothingLeft() {
	d.Helper()
	if !d.command.ProcessState.Success() {
		d.Error(d.command.ProcessState)
	}
	if left := process.Naming(d.folder); len(left) != 0 {
		d.Errorf("left behind: %q", left)
	}
	if left, err := filepath.Glob(d.path("leadline-demo-*")); err != nil || len(left) != 0 {
		d.Errorf("left behind: %q, %v", left, err)
	}
}

// line is what is read here of a recording.
type line struct {
	Kind          string
	SpecReplicas  int `json:"spec_replicas"`
	Desired       int
	Reason, Text  string
	Exists, Ready int
}

func (d *demo) recorded() (all []line) {
	d.Helper()
	text, err := os.ReadFile(d.path("recording"))
	if err != nil {
		d.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	for decoder.More() {
		var next line
		if err := decoder.Decode(&next); err != nil {
			d.Fatal(err)
		}
		all = append(all, next)
	}
	return all
}

// About four seconds a request: 80 are in flight, and a pod shall have 36.
func TestDemoScalesUpAsTheHPAControllerDecides(t *testing.T) {
	d := newDemo(t, "--duration-s", "20")
	if err := os.WriteFile(d.path("trace"), []byte(trace.Even(60, 128, 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.command.Args = append(d.command.Args, "--trace", d.path("trace"))
	d.start()
	d.awaitEnd(patience)
	d.expectNothingLeft()
	decided, watched, ready := d.scaleUps()
	if decided == 0 || watched < 2 || ready < 2 {
		t.Errorf("the HPA controller decided %d times for more; kubectl showed %d replicas, %d were ready",
			decided, watched, ready)
	}
	if !strings.Contains(d.output(), "\n  changes of the replica count      ") {
		t.Error("no summary")
	}
}

// scaleUps are how often the HPA controller gave a reason for more, the most replicas that a line of
// `kubectl get hpa -w` has, and the most that were ready.
func (d *demo) scaleUps() (decided, watched, ready int) {
	for _, next := range d.recorded() {
		ready = max(ready, next.Ready)
		if next.Kind == "sync" && next.Desired > next.SpecReplicas &&
			strings.HasPrefix(next.Reason, "external metric in_flight_requests") {
			decided++
		}
		// NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE; `80/36 (avg)` are two fields.
		if fields := strings.Fields(next.Text); len(fields) == 8 && fields[1] == "Deployment/llm" {
			replicas, _ := strconv.Atoi(fields[6])
			watched = max(watched, replicas)
		}
	}
	return decided, watched, ready
}

func TestCtrlCEndsTheDemoAndAllThatItStarted(t *testing.T) {
	t.Parallel()
	d := newDemo(t, "--no-load")
	d.start()
	d.awaitLine("phase=no load")
	d.signal(syscall.SIGINT)
	d.awaitEnd(time.Minute)
	d.expectNothingLeft()
}

func TestNothingOutlivesTheDemoWhenItIsKilled(t *testing.T) {
	t.Parallel()
	d := newDemo(t, "--no-load")
	d.start()
	d.awaitLine("phase=no load")
	if running := process.Naming(d.folder); len(running) < 8 {
		t.Errorf("runs only %q", running)
	}
	d.signal(syscall.SIGKILL)
	d.awaitEnd(time.Minute)
	await.Success(t, 10*time.Second, func() error {
		if left := process.Naming(d.folder); len(left) != 0 {
			return fmt.Errorf("left behind: %q", left)
		}
		return nil
	})
}

func TestDemoSaysWhoBuildsAControlPlaneThatIsNotThere(t *testing.T) {
	d := newDemo(t)
	d.command.Env = append(d.command.Env, "XDG_CACHE_HOME="+d.folder)
	d.start()
	d.awaitEnd(time.Minute)
	if d.command.ProcessState.Success() || !strings.Contains(d.output(), "tests/cluster/install builds it") {
		t.Error(d.command.ProcessState)
	}
}

func TestPortThatIsTakenOnAllAddressesIsNamed(t *testing.T) {
	other, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	err = portsAreFree(kubelet.LoopbackAddresses(), uint16(port))
	if err == nil || !strings.HasPrefix(err.Error(), "pods need port "+strconv.Itoa(port)+", and it is taken") {
		t.Error(err)
	}
	other.Close()
	if err := portsAreFree(kubelet.LoopbackAddresses(), uint16(port)); err != nil {
		t.Error(err)
	}
}
