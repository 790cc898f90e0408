// Package process starts programs for tests and benchmarks. They end with the program that started
// them, however that ends, and what they print goes to a log file.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Process is a program that was started. Safe for use by several goroutines.
type Process struct {
	command *exec.Cmd
	log     string
	ended   chan struct{} // closed once it is reaped; command.ProcessState says how it ended
}

// Linux kills a child with the thread that forked it, not with the process (prctl(2),
// PR_SET_PDEATHSIG); so one thread that never ends forks them all.
var forks = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for fork := range work {
			fork()
		}
	}()
	return work
})

// Program is what can be started, as often as needed. It runs in Folder, which is also its home and
// where its log is, NAME.log; of the environment it gets HOME and Environment, above all no proxy.
type Program struct {
	Folder, Path           string
	Arguments, Environment []string
}

// Start runs a program with no environment but its home.
func Start(folder, path string, arguments ...string) (*Process, error) {
	return Program{Folder: folder, Path: path, Arguments: arguments}.Start()
}

// Start appends to the log of an earlier run.
func (program Program) Start() (*Process, error) {
	p := &Process{
		command: exec.Command(program.Path, program.Arguments...),
		log:     filepath.Join(program.Folder, filepath.Base(program.Path)+".log"),
		ended:   make(chan struct{}),
	}
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command.Dir = program.Folder
	p.command.Env = append([]string{"HOME=" + program.Folder}, program.Environment...)
	p.command.Stdout, p.command.Stderr = log, log
	// A group of its own: Ctrl-C is for the one who started it, and then ends it.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	forks() <- func() { started <- p.command.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	return p, nil
}

// Name is the program's.
func (p *Process) Name() string { return filepath.Base(p.command.Path) }

// Pid is its process id, also after its end.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Log is the path of the file that holds what it printed.
func (p *Process) Log() string { return p.log }

// Signal tells of a process that has ended, too.
func (p *Process) Signal(signal os.Signal) error { return p.command.Process.Signal(signal) }

// Ended is closed once it has ended, by itself or not.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// ExitCode is what it ended with; -1 while it runs, and after a signal.
func (p *Process) ExitCode() int {
	select {
	case <-p.ended:
		return p.command.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Await returns once ready does not complain any more, which it is asked every 50 ms for limit.
func (p *Process) Await(ctx context.Context, limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready after %s", limit))
	defer cancel()
	for {
		complaint := ready(ctx)
		if complaint == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.Failure("ended by itself: " + p.command.ProcessState.String())
		case <-ctx.Done():
			return errors.Join(p.Failure(context.Cause(ctx).Error()), complaint)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Failure is an error that carries the end of its log.
func (p *Process) Failure(what string) error {
	const lines = 15
	text, _ := os.ReadFile(p.log)
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	end := bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
	return fmt.Errorf("%s: %s; the end of its log:\n%s", p.Name(), what, end)
}

// Terminate asks it to end, waits for grace and then kills it.
func (p *Process) Terminate(grace time.Duration) error {
	_ = p.Signal(syscall.SIGTERM) // an error says that it has ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(grace):
		return p.Kill()
	}
}

// Kill returns once it has ended. What we start here keeps nothing that a slow goodbye would save.
func (p *Process) Kill() error {
	_ = p.command.Process.Kill() // an error says that it has ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s (pid %d) lives 10 s after SIGKILL", p.Name(), p.Pid())
	}
}

// Naming are the arguments of all processes of this machine that name a folder.
func Naming(folder string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is a good one
	for _, file := range files {
		arguments, _ := os.ReadFile(file) // it may have ended meanwhile
		if bytes.Contains(arguments, []byte(folder)) {
			found = append(found, string(arguments))
		}
	}
	return found
}
