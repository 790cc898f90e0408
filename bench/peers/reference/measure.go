package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

const idleTime = 5 * time.Second

type measurement struct {
	adapter   *adapter
	apiserver int // process id
	token     string
	limits    string
	seconds   int
}

// spent is processor time, user and system, in seconds.
type spent struct{ adapter, apiserver float64 }

// measure prints one line.
func (m *measurement) measure(ctx context.Context, q question) error {
	body, err := m.adapter.ask(ctx, q.path, m.token)
	if err != nil {
		return err
	}
	var list struct{ Items []struct{} }
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	idle, err := m.over(func() error { return sleep(ctx, idleTime) })
	if err != nil {
		return err
	}
	var report report
	busy, err := m.over(func() error {
		report, err = m.wrk(ctx, q)
		return err
	})
	if err != nil {
		return err
	}
	memory, err := residentMiB(m.adapter.process.Pid())
	if err != nil {
		return err
	}
	perAnswer := func(busy, idle float64) float64 {
		return 1e6 * (busy - idle*report["seconds"]/idleTime.Seconds()) / report["answers"]
	}
	fmt.Printf("peers what=reference_%s client_limits=%s items=%d bytes=%d connections=%d answers=%.0f late=%.0f "+
		"per_second=%.1f cpu_us_per_answer=%.1f apiserver_cpu_us_per_answer=%.1f p50_ms=%.3f p99_ms=%.3f rss_mib=%.0f\n",
		q.what, m.limits, len(list.Items), len(body), q.connections, report["answers"], report["timeouts"],
		report["answers"]/report["seconds"], perAnswer(busy.adapter, idle.adapter),
		perAnswer(busy.apiserver, idle.apiserver), report["p50_ms"], report["p99_ms"], memory)
	if report["bad_status"] > 0 {
		return fmt.Errorf("%.0f answers other than 200", report["bad_status"])
	}
	return nil
}

// over is what both processes spend while work runs.
func (m *measurement) over(work func() error) (spent, error) {
	adapter, err1 := processorTime(m.adapter.process.Pid())
	apiserver, err2 := processorTime(m.apiserver)
	err3 := work()
	adapterEnd, err4 := processorTime(m.adapter.process.Pid())
	apiserverEnd, err5 := processorTime(m.apiserver)
	return spent{adapterEnd - adapter, apiserverEnd - apiserver}, errors.Join(err1, err2, err3, err4, err5)
}

// report is what bench/api/report.lua says at wrk's end, by name.
type report map[string]float64

var reportNumber = regexp.MustCompile(` (\w+)=([\d.]+)`)

func (m *measurement) wrk(ctx context.Context, q question) (report, error) {
	output, err := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", q.connections),
		fmt.Sprintf("-d%ds", m.seconds), "-s", "bench/api/report.lua",
		"-H", "Authorization: Bearer "+m.token, m.adapter.url+q.path).CombinedOutput()
	said := report{}
	for _, number := range reportNumber.FindAllSubmatch(output[max(0, bytes.Index(output, []byte("\nreport "))):], -1) {
		said[string(number[1])], _ = strconv.ParseFloat(string(number[2]), 64)
	}
	if err == nil && said["answers"] == 0 {
		err = errors.New("no answer")
	}
	if err != nil {
		return nil, fmt.Errorf("wrk: %w; it says:\n%s", err, output)
	}
	return said, nil
}

// processorTime reads /proc/PID/stat (proc_pid_stat(5)): utime and stime are fields 14 and 15, in
// hundredths of a second; the name before them may hold anything, and ends with the last bracket.
func processorTime(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	user, err1 := strconv.ParseFloat(string(fields[11]), 64)
	system, err2 := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / 100, errors.Join(err1, err2)
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func residentMiB(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := residentLine.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
	}
	kib, err := strconv.ParseFloat(string(found[1]), 64)
	return kib / 1024, err
}

func sleep(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(duration):
		return nil
	}
}
