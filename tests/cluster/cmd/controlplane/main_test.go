package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadline.dev/tests/cluster/process"
)

// The tests run this binary as the command.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestItsSignalEndsItAndAllThatItStarted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			command, folder := start(t)
			if left := process.Naming(folder); len(left) != 3 {
				t.Errorf("runs %q", left)
			}
			end(t, command, signal)
			if !command.ProcessState.Success() {
				t.Error(command.ProcessState)
			}
			if left := process.Naming(folder); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
			if _, err := os.Stat(folder); !os.IsNotExist(err) {
				t.Errorf("folder left behind: %v", err)
			}
		})
	}
}

func TestNothingOutlivesItWhenItIsKilled(t *testing.T) {
	command, folder := start(t)
	end(t, command, syscall.SIGKILL)
	deadline := time.Now().Add(10 * time.Second)
	for left := process.Naming(folder); len(left) != 0; left = process.Naming(folder) {
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %q", left)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// start returns once it has printed the kubeconfig's path; folder is where that lies.
func start(t *testing.T) (command *exec.Cmd, folder string) {
	t.Helper()
	command = exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "RUN_AS_COMMAND=yes", "TMPDIR="+t.TempDir())
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal("it prints no kubeconfig: ", err)
	}
	kubeconfig := strings.TrimSpace(line)
	if _, err := os.Stat(kubeconfig); err != nil {
		t.Fatal(err)
	}
	return command, filepath.Dir(kubeconfig)
}

func end(t *testing.T, command *exec.Cmd, signal syscall.Signal) {
	t.Helper()
	if err := command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	_ = command.Wait() // its status is in command.ProcessState
}
