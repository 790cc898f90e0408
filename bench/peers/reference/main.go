// reference tells what an answer of the metrics APIs costs Leadline's adapter and, in the same run,
// the Kubernetes reference library: custom-metrics-apiserver's own test adapter, before the same
// kube-apiserver, with the same pods, token and client.
//
//	reference [-pods 1000] [-seconds 10] [-rounds 3] PROGRAMS OTHERS
//
// PROGRAMS is the folder of leadline-adapter and bench_sidecars, OTHERS that of test-adapter and
// remembering. The pods are created through the API, have a label, a status and a stand-in sidecar,
// and are never scheduled. Each adapter serves TLS on loopback, and authenticates the bearer token,
// a service account's, by TokenReview and authorises it by SubjectAccessReview; both remember
// either for 10 s. CPU is user + system of the process while wrk asks, less what it uses when nobody
// does. The adapters take turns: each is started, measured and ended in every round.
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

func main() {
	pods := flag.Int("pods", 1000, "pods in the namespace")
	seconds := flag.Int("seconds", 10, "of each question")
	rounds := flag.Int("rounds", 3, "for each adapter")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: reference [-pods N] [-seconds N] [-rounds N] PROGRAMS OTHERS")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *pods, *seconds, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pods, seconds, rounds int) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("%w: Debian's package wrk has it", err)
	}
	folder, err := os.MkdirTemp("", "leadline-reference-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	plane, err := controlplane.Start(ctx, folder)
	if err != nil {
		return err
	}
	defer plane.Stop()
	c, err := populate(ctx, plane, pods)
	if err != nil {
		return err
	}
	b := &bench{cluster: c, folder: folder, programs: flag.Arg(0), others: flag.Arg(1), seconds: seconds}
	sidecars, err := b.startSidecars(ctx)
	if err != nil {
		return err
	}
	defer sidecars.Kill()
	return b.compare(ctx, rounds)
}
