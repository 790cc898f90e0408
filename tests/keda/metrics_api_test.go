package keda_test

import (
	"crypto/x509"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	kedautil "github.com/kedacore/keda/v2/pkg/util"
	"sigs.k8s.io/yaml"
)

var (
	trustOnce sync.Once
	operators *authority
)

// trusted is whom KEDA's operator trusts, by the folder of its flag --ca-dir. It reads that once, so that all tests
// have the same.
func trusted(t *testing.T) *authority {
	t.Helper()
	trustOnce.Do(func() {
		operators = newAuthority(t, "trusted")
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "leadline.crt"), []byte(operators.pem), 0o600); err != nil {
			t.Fatal(err)
		}
		kedautil.SetCACertDirs([]string{folder})
		kedautil.CreateTLSClientConfig(false) // reads it
	})
	return operators
}

// jsonDoor is an adapter whose API shows a certificate of `ca`; it does not speak gRPC.
func jsonDoor(t *testing.T, ca *authority, pods ...*pod) *adapter {
	t.Helper()
	address, folder := freshAddress(), t.TempDir()
	certificate, key := ca.issue(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(address)}})
	files := map[string]string{"--tls-cert-file": certificate, "--tls-key-file": key}
	var arguments []string
	for flag, text := range files {
		file := filepath.Join(folder, strings.Trim(flag, "-"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, flag, file)
	}
	return newAdapterAt(t, address, arguments, pods...)
}

// reader is KEDA's client of a trigger of type metrics-api on that path.
func reader(t *testing.T, a *adapter, path string, more, authentication metadata) scalers.Scaler {
	t.Helper()
	config := a.trigger(nil)
	config.GlobalHTTPTimeout = 3 * time.Second // KEDA's default
	config.TriggerMetadata = metadata{"url": "https://" + a.address + ":6443/keda/v1/" + path,
		"valueLocation": "value", "targetValue": "4", "authMode": "bearer"}
	maps.Copy(config.TriggerMetadata, more)
	config.AuthParams = authentication
	scaler, err := scalers.NewMetricsAPIScaler(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scaler.Close(t.Context()) })
	return scaler
}

var sesame = metadata{"token": "sesame"}

func TestTheMetricsAPIScalerReadsAWorkloadsValue(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(5)
	p.waiting.Store(2)
	a := jsonDoor(t, trusted(t), p)
	expectRead(t, reader(t, a, "demo/llm/in_flight_requests", nil, sesame), "7 true")
	expectRead(t, reader(t, a, "demo/llm/queue_depth?window=15s&kind=Deployment&selector=app%3Dllm", nil, sesame),
		"2 true")
	expectRead(t, reader(t, a, "demo/llm/queue_depth", metadata{"valueLocation": "podsFresh"}, sesame), "1 true")
	scaler := reader(t, a, "demo/llm/queue_depth", metadata{"activationTargetValue": "2"}, sesame)
	expectRead(t, scaler, "2 false")
	p.waiting.Store(3)
	expectRead(t, scaler, "3 true")
	p.waiting.Store(0)
	expectRead(t, scaler, "0 false")
}

// A trigger takes an authority only beside a pair of the client's own. Ours may be anybody's: the token says who asks.
func TestTheMetricsAPIScalerMayBringItsOwnAuthority(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(5)
	trusted(t)
	ca := newAuthority(t, "own")
	a := jsonDoor(t, ca, p)
	expectRead(t, reader(t, a, "demo/llm/in_flight_requests", nil, sesame), "x509")
	certificate, key := newAuthority(t, "anybody").client(t, "anybody")
	expectRead(t, reader(t, a, "demo/llm/in_flight_requests", metadata{"authMode": "tls,bearer"},
		metadata{"token": "sesame", "ca": ca.pem, "cert": certificate, "key": key}), "5 true")
}

func TestTheMetricsAPIScalerIsToldWhatIsUnknown(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(3)
	a := jsonDoor(t, trusted(t), p)
	scaler := reader(t, a, "demo/llm/in_flight_requests", nil, sesame)
	expectRead(t, scaler, "3 true")
	for path, want := range map[string]string{
		"demo/nobody/in_flight_requests": "returned 404", "demo/llm/nothing": "returned 404",
		"other/llm/queue_depth": "returned 404", "demo/llm/queue_depth?kind=Pod": "returned 400",
	} {
		expectRead(t, reader(t, a, path, nil, sesame), want)
	}
	expectRead(t, reader(t, a, "demo/llm/queue_depth", nil, metadata{"token": "other"}), "returned 401")
	expectRead(t, reader(t, a, "demo/llm/queue_depth", metadata{"authMode": ""}, nil), "returned 403")
	p.silence(t)
	awaitUnknown(t, scaler, "returned 404")
}

// As TestTheExamplesTriggersAreUnderstood, of the trigger that does not speak gRPC.
func TestTheMetricsAPIScalerReadsTheExamplesTrigger(t *testing.T) {
	text, err := os.ReadFile("../../manifests/examples/keda/metrics-api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Split(string(text), "\n---\n")
	var object struct {
		Spec struct {
			Triggers []struct {
				Type     string   `json:"type"`
				Metadata metadata `json:"metadata"`
			} `json:"triggers"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(pages[len(pages)-1]), &object); err != nil || len(object.Spec.Triggers) != 1 {
		t.Fatalf("%v, %v", object, err)
	}
	trigger := object.Spec.Triggers[0]
	path, ours := strings.CutPrefix(trigger.Metadata["url"], "https://leadline-adapter.leadline.svc/keda/v1/")
	if trigger.Type != "metrics-api" || !ours {
		t.Fatalf("%v", trigger)
	}
	p := newPod(t, "a")
	p.running.Store(6)
	a := jsonDoor(t, trusted(t), p)
	delete(trigger.Metadata, "url")
	expectRead(t, reader(t, a, path, trigger.Metadata, sesame), "6 true")
}
