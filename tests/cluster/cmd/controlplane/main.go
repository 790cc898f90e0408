// controlplane starts a Kubernetes control plane on loopback, prints the path of an administrator's
// kubeconfig on a line of its own and runs until SIGINT or SIGTERM; then all of it is gone.
//
//	tests/cluster/install && cd tests/cluster && ./go run ./cmd/controlplane
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"leadline.dev/tests/cluster/controlplane"
)

func main() {
	if len(os.Args) != 1 {
		fmt.Fprintln(os.Stderr, "controlplane: it takes no arguments")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	folder, err := os.MkdirTemp("", "leadline-controlplane-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	cluster, err := controlplane.Start(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(cluster.Stop(), err) }()
	fmt.Println(cluster.Kubeconfig())
	select {
	case err := <-cluster.Failed():
		return err
	case <-ctx.Done():
		return nil
	}
}
