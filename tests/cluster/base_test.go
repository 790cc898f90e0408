package cluster

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/controlplane"
	"leadline.dev/tests/cluster/kubectl"
	"leadline.dev/tests/cluster/kubelet"
)

// Of a second cluster beside the one that the tests share, which begins at the other end of
// network.Pods and never comes so far.
var otherPods = netip.MustParsePrefix("10.244.128.0/17")

// As in a cluster whose external metrics are KEDA's: nothing is said of that group. In a control plane
// of its own, since in the other the component is there from the begin.
func TestBaseAloneRegistersCustomMetricsOnly(t *testing.T) {
	admin := startOtherCluster(t)
	run := func(arguments ...string) string {
		t.Helper()
		output, err := admin.Run(t.Context(), arguments...)
		if err != nil {
			t.Fatal(err)
		}
		return output
	}
	run("apply", "-k", manifests+"/base")
	run("wait", "--for=condition=Available", "--timeout=60s", "apiservice", "-l", "app.kubernetes.io/part-of=leadline")
	names := run("get", "apiservice", "-l", "app.kubernetes.io/part-of=leadline", "--no-headers",
		"-o=custom-columns=:metadata.name,:status.conditions[?(@.type==\"Available\")].reason")
	if got, wanted := strings.Join(strings.Fields(names), " "),
		"v1beta1.custom.metrics.k8s.io Passed v1beta2.custom.metrics.k8s.io Passed"; got != wanted {
		t.Errorf("APIServices are %s, wanted %s", got, wanted)
	}
	groups := run("get", "--raw", "/apis")
	if !strings.Contains(groups, "custom.metrics.k8s.io/v1beta2") || strings.Contains(groups, "external.metrics.k8s.io") {
		t.Errorf("the groups are %s", groups)
	}
	if all := run("get", "apiservice", "-o", "name"); strings.Contains(all, "external.metrics.k8s.io") {
		t.Errorf("somebody registered external metrics: %s", all)
	}
	run("get", "--raw", "/apis/custom.metrics.k8s.io/v1beta1")
	run("get", "--raw", "/apis/custom.metrics.k8s.io/v1beta2")
}

// startOtherCluster returns its administrator. It ends with the test.
func startOtherCluster(t *testing.T) kubectl.For {
	t.Helper()
	planes, logs := filepath.Join(folder, "other-plane"), filepath.Join(folder, "other-pods")
	if err := errors.Join(os.Mkdir(planes, 0o700), os.Mkdir(logs, 0o700)); err != nil {
		t.Fatal(err)
	}
	other, err := controlplane.Start(context.Background(), planes, "--enable-aggregator-routing=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := clientcmd.BuildConfigFromFlags("", other.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(programs)
	if err != nil {
		t.Fatal(err)
	}
	others, err := kubelet.Start(kubelet.Options{Config: config, Folder: logs, Programs: path, Addresses: otherPods})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(others.Stop)
	return kubectl.For{Kubeconfig: other.Kubeconfig()}
}
