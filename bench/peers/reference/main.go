// reference tells what an answer of the Kubernetes reference library for metrics APIs costs:
// custom-metrics-apiserver's own test adapter before a real kube-apiserver.
//
//	reference [-pods 1000] [-seconds 10] TEST_ADAPTER
//
// The pods are created through the API, have a label and are never scheduled. The adapter serves
// TLS on loopback, and authenticates wrk's bearer token, a service account's, by TokenReview and
// authorizes it by SubjectAccessReview; its library caches both for 10 s. CPU is user + system of
// the process while wrk asks, less what it uses when nobody does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"leadline.dev/tests/cluster/controlplane"
)

const namespace = "bench"

type question struct {
	what        string
	path        string
	connections int
}

var questions = []question{
	{"pods", "/apis/custom.metrics.k8s.io/v1beta2/namespaces/" + namespace +
		"/pods/*/queue_depth?labelSelector=app%3Dllm", 4},
	// Built into the test adapter: two items.
	{"external", "/apis/external.metrics.k8s.io/v1beta1/namespaces/" + namespace + "/my-external-metric", 8},
}

// What the adapter may ask of kube-apiserver a second: its default, and as good as all.
var clientLimits = []struct {
	name  string
	flags []string
}{
	{"default", nil},
	{"none", []string{"--client-qps=100000", "--client-burst=100000"}},
}

func main() {
	pods := flag.Int("pods", 1000, "pods in the namespace")
	seconds := flag.Int("seconds", 10, "of each question")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: reference [-pods N] [-seconds N] TEST_ADAPTER")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, flag.Arg(0), *pods, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program string, pods, seconds int) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("%w: Debian's package wrk has it", err)
	}
	folder, err := os.MkdirTemp("", "leadline-reference-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	cluster, err := controlplane.Start(ctx, folder)
	if err != nil {
		return err
	}
	defer cluster.Stop()
	names, token, err := populate(ctx, cluster, pods)
	if err != nil {
		return err
	}
	for _, limits := range clientLimits {
		adapter, err := startAdapter(ctx, cluster, folder, program, limits.flags)
		if err != nil {
			return err
		}
		if err := adapter.setValues(ctx, names); err != nil {
			return err
		}
		m := measurement{adapter, cluster.Pid("kube-apiserver"), token, limits.name, seconds}
		for _, q := range questions {
			if err := m.measure(ctx, q); err != nil {
				return err
			}
		}
		if err := adapter.process.Kill(); err != nil {
			return err
		}
	}
	return nil
}
