// Package network gives a test program a network of its own, in which pods have addresses as in a
// cluster. Kubernetes refuses endpoints on loopback addresses, so that on the machine's own network
// a Service of type ClusterIP could not lead to our pods.
package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Pods is the network of all pods. All its addresses are the machine's own.
var Pods = netip.MustParsePrefix("10.244.0.0/16")

const inside = "LEADLINE_TEST_OWN_NETWORK"

// Enter runs this program again, with the same arguments, in a network namespace with nothing but
// loopback and Pods; in the program that was called it does not return. To be called before anything
// else, and by root, or where the kernel lets users have namespaces.
func Enter() error {
	if os.Getenv(inside) != "" {
		return configure()
	}
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"=yes")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = ownNetwork()
	runtime.LockOSThread() // Pdeathsig speaks of the thread that forked
	err := again.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		os.Exit(max(1, exit.ExitCode())) // -1: by a signal
	}
	if err != nil {
		return fmt.Errorf("no network of its own: %w", err)
	}
	os.Exit(0)
	return nil
}

func ownNetwork() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if user := os.Geteuid(); user != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{HostID: user, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	return attributes
}

// On loopback the kernel takes every address of a prefix for its own.
func configure() error {
	for _, arguments := range [][]string{
		{"address", "add", Pods.String(), "dev", "lo"},
		{"link", "set", "lo", "up"},
	} {
		if output, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %q: %w: %s", arguments, err, output)
		}
	}
	return nil
}
