// Package kubectl runs the real one.
package kubectl

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"leadline.dev/tests/cluster/controlplane"
)

// No command waits longer for kube-apiserver: one that may itself wait for a minute, as README.md has it,
// ends before and says what it waited for.
const limit = 75 * time.Second

// For a user.
type For struct{ Kubeconfig string }

// Run returns what it prints; an error carries what it complains of.
func (k For) Run(ctx context.Context, arguments ...string) (string, error) {
	return k.Feed(ctx, "", arguments...)
}

// Feed runs it with something to read.
func (k For) Feed(ctx context.Context, input string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	command := exec.CommandContext(ctx, controlplane.Kubectl(),
		append([]string{"--kubeconfig", k.Kubeconfig}, arguments...)...)
	command.Env = []string{"HOME=/nonexistent"} // no cache and no settings of whoever runs the tests
	command.Stdin = strings.NewReader(input)
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	if err := command.Run(); err != nil {
		return output.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(arguments, " "), err, complaint.Bytes())
	}
	return output.String(), nil
}
