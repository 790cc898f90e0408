package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

const idleTime = 10 * time.Second

// measurement is of one adapter that runs.
type measurement struct {
	adapter *adapter
	cluster *cluster
	seconds int
	idle    spent // a second, of both processes while nobody asks
}

// spent is processor time, user and system, in seconds.
type spent struct{ adapter, apiserver float64 }

// rest measures what both use while nobody asks.
func (m *measurement) rest(ctx context.Context) error {
	idle, err := m.over(func() error { return sleep(ctx, idleTime) })
	m.idle = spent{idle.adapter / idleTime.Seconds(), idle.apiserver / idleTime.Seconds()}
	return err
}

// ask lets wrk ask, and fails where the answers are not whole before and after.
func (m *measurement) ask(ctx context.Context, q question) (figures, error) {
	if err := m.adapter.expectItems(ctx, q, m.cluster.token); err != nil {
		return nil, err
	}
	before, err := m.cluster.reviews(ctx)
	if err != nil {
		return nil, err
	}
	var said figures
	busy, err := m.over(func() error {
		said, err = m.wrk(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	after, err := m.cluster.reviews(ctx)
	if err != nil {
		return nil, err
	}
	if said["bad_status"] > 0 {
		return nil, fmt.Errorf("%.0f answers other than 200", said["bad_status"])
	}
	said["reviews"] = after - before
	m.account(q, said, busy)
	if said["rss_mib"], err = residentMiB(m.adapter.process.Pid()); err != nil {
		return nil, err
	}
	return said, m.adapter.expectItems(ctx, q, m.cluster.token)
}

// account says what an answer costs. What is in work when wrk stops counts as answered, so that slow
// answers look no dearer than they are.
func (m *measurement) account(q question, said figures, busy spent) {
	begun := said["answers"] + float64(q.connections)
	perAnswer := func(seconds float64) float64 { return 1e6 * seconds / begun }
	said["idle_percent"] = 100 * m.idle.adapter
	said["cpu_us"] = perAnswer(busy.adapter - m.idle.adapter*said["seconds"])
	said["cpu_us_with_idle"] = perAnswer(busy.adapter)
	said["apiserver_cpu_us"] = perAnswer(busy.apiserver - m.idle.apiserver*said["seconds"])
	said["both_cpu_us"] = said["cpu_us"] + max(0, said["apiserver_cpu_us"])
}

// over is what both processes spend while work runs.
func (m *measurement) over(work func() error) (spent, error) {
	apiserver := m.cluster.plane.Pid("kube-apiserver")
	adapterBegin, err1 := processorTime(m.adapter.process.Pid())
	apiserverBegin, err2 := processorTime(apiserver)
	err3 := work()
	adapterEnd, err4 := processorTime(m.adapter.process.Pid())
	apiserverEnd, err5 := processorTime(apiserver)
	return spent{adapterEnd - adapterBegin, apiserverEnd - apiserverBegin}, errors.Join(err1, err2, err3, err4, err5)
}

var reportNumber = regexp.MustCompile(` (\w+)=([\d.]+)`)

// wrk returns what bench/api/report.lua says at its end.
func (m *measurement) wrk(ctx context.Context, q question) (figures, error) {
	output, err := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", q.connections),
		fmt.Sprintf("-d%ds", m.seconds), "-s", "bench/api/report.lua",
		"-H", "Authorization: Bearer "+m.cluster.token, m.adapter.url+q.path).CombinedOutput()
	said := figures{}
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

var reviewCount = regexp.MustCompile(
	`(?m)^apiserver_request_total\{.*resource="(?:tokenreviews|subjectaccessreviews)".*\} (\d+)$`)

// reviews is how many kube-apiserver has answered since its start.
func (c *cluster) reviews(ctx context.Context) (float64, error) {
	page, err := c.client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	sum := 0.0
	for _, line := range reviewCount.FindAllSubmatch(page, -1) {
		count, _ := strconv.ParseFloat(string(line[1]), 64)
		sum += count
	}
	return sum, err
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
