// cluster is a Kubernetes cluster on loopback with a workload that Leadline's metrics scale: a control
// plane, the stand-in kubelet, the adapter as manifests/base has it, manifests/examples/vllm and an
// HPA. `leadline-demo --cluster` runs it. It says on a line each what it has done, at last
//
//	ready {"port":…,"ca":…,"token":…,"kubeconfig":…,"kubectl":…}
//
// and runs until SIGINT or SIGTERM; then no process is left. Its files stay in the folder.
//
//	cd tests/cluster && ./go build -o ../../build/release/bin/leadline-cluster ./cmd/cluster
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	folder       string // of all files; it must exist
	sources      string // the repository
	programs     string // folder of the daemons and of leadline-sim
	hpa          string // a manifest for the workload
	namespace    string
	workload     string // name of its Deployment
	replicas     int    // before the HPA decides
	syncPeriod   time.Duration
	startupDelay time.Duration // of an engine
}

func main() {
	o := options{}
	flag.StringVar(&o.folder, "folder", "", "where logs and keys go; must exist")
	flag.StringVar(&o.sources, "sources", ".", "the repository, for its manifests")
	flag.StringVar(&o.programs, "programs", ownFolder(), "where leadline-adapter, -sidecar and -sim are")
	flag.StringVar(&o.hpa, "hpa", "manifests/examples/hpa-in-flight.yaml", "the HPA to scale with")
	flag.StringVar(&o.namespace, "namespace", "demo", "of the workload")
	flag.StringVar(&o.workload, "workload", "llm", "the Deployment that the HPA names")
	flag.IntVar(&o.replicas, "replicas", 1, "of the workload, before the HPA decides")
	flag.DurationVar(&o.syncPeriod, "sync-period", 15*time.Second, "between two decisions of the HPA controller")
	flag.DurationVar(&o.startupDelay, "startup-delay", 6*time.Second, "how long a stand-in engine takes to start")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "leadline-cluster:", err)
		os.Exit(1)
	}
}

func ownFolder() string {
	path, err := os.Executable()
	if err != nil {
		return "."
	}
	return filepath.Dir(path)
}

func run(o options) (err error) {
	if o.folder == "" || flag.NArg() > 0 {
		return errors.New("it needs --folder, and takes flags only")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	c, err := start(ctx, o)
	defer func() { err = errors.Join(err, c.stop()) }()
	if ctx.Err() != nil {
		return nil // it was told to end while it started
	}
	if err != nil {
		return err
	}
	select {
	case err := <-c.plane.Failed():
		return err
	case <-ctx.Done():
		return nil
	}
}
