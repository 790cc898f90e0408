// Package suite runs a package's tests as those on a control plane must be: in a network of their own,
// with a folder for the logs of all programs that stays where something failed.
package suite

import (
	"fmt"
	"os"

	"leadline.dev/tests/cluster/network"
)

// Main ends the process with the status of `tests`, or a failure where it has an error. The folder's
// name begins with `prefix`.
func Main(prefix string, tests func(folder string) (status int, err error)) {
	if err := network.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status, err := inFolder(prefix, tests)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = max(status, 1)
	}
	os.Exit(status)
}

func inFolder(prefix string, tests func(folder string) (status int, err error)) (status int, err error) {
	folder, err := os.MkdirTemp("", prefix)
	if err != nil {
		return 1, err
	}
	status, err = tests(folder)
	if status != 0 || err != nil {
		fmt.Fprintf(os.Stderr, "the logs of all programs are in %s\n", folder)
		return status, err
	}
	return status, os.RemoveAll(folder)
}
