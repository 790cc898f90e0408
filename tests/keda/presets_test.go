package keda_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hibiken/asynq"
)

// What Asynq's own client and server put into Redis is what the preset counts.
func TestThePresetOfAsynqCountsWhatAsynqPutsThere(t *testing.T) {
	q := newQueues(t)
	connection := asynq.RedisClientOpt{Addr: q.server}
	client := asynq.NewClient(connection)
	t.Cleanup(func() { _ = client.Close() })
	enqueue := func(options ...asynq.Option) {
		t.Helper()
		task := asynq.NewTask("mail", nil)
		if _, err := client.Enqueue(task, append(options, asynq.Queue("mail"))...); err != nil {
			t.Fatal(err)
		}
	}
	scaler := q.ours(t, metadata{"listName": "mail", "preset": "asynq"})
	expectShown(t, "nothing yet", scaler, " 0 of 5, active false")
	for range 5 {
		enqueue()
	}
	enqueue(asynq.ProcessIn(time.Hour)) // is no work yet
	expectShown(t, "five wait", scaler, " 5 of 5, active true")

	enqueue(asynq.ProcessIn(2 * time.Second)) // nobody moves it: there is no server
	expectShown(t, "a scheduled one is due", scaler, " 6 of 5, active true")

	release := make(chan struct{})
	server := asynq.NewServer(connection, asynq.Config{Concurrency: 2, Queues: map[string]int{"mail": 1},
		LogLevel: asynq.FatalLevel, RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour }})
	handler := asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		<-release
		return nil
	})
	if err := server.Start(handler); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	of := metadata{"listName": "mail", "preset": "asynq", "metric": "redis_queue_in_flight"}
	expectShown(t, "two are in work", q.ours(t, of), " 2 of 5, active true")
	expectShown(t, "six in all", scaler, " 6 of 5, active true")
	close(release)
	expectShown(t, "all are done", scaler, " 0 of 5, active false")
	if left, err := asynq.NewInspector(connection).GetQueueInfo("mail"); err != nil || left.Scheduled != 1 {
		t.Errorf("%v, %v", fmt.Sprint(left), err)
	}
}

// python runs one of presets/ with the libraries that ./dev keda-test installs.
func python(t *testing.T, script, url, mode string) *exec.Cmd {
	t.Helper()
	interpreter, err := filepath.Abs("../../.cache/venv/bin/python3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(interpreter); err != nil {
		t.Fatalf("%v: ./dev keda-test makes it", err)
	}
	return startIn(t, "presets", interpreter, script, url, mode)
}

// What the libraries' own producers and workers put into Redis is what their presets count.
func TestPresetsCountWhatTheirLibrariesPutThere(t *testing.T) {
	for preset, scene := range map[string]struct {
		script, queue  string
		jobs, inFlight int
	}{
		"bullmq": {"bullmq_jobs.py", "video", 4, 2},
		"celery": {"celery_jobs.py", "clips", 5, 2},
		"rq":     {"rq_jobs.py", "mail", 3, 1},
	} {
		t.Run(preset, func(t *testing.T) {
			q := newQueues(t)
			url := "redis://" + q.server
			of := metadata{"listName": scene.queue, "preset": preset}
			scaler := q.ours(t, of)
			if err := python(t, scene.script, url, "add").Wait(); err != nil {
				t.Fatal(err)
			}
			expectShown(t, "all wait", scaler, fmt.Sprintf(" %d of 5, active true", scene.jobs))

			python(t, scene.script, url, "work")
			flying := metadata{"listName": scene.queue, "preset": preset, "metric": "redis_queue_in_flight"}
			expectShown(t, "some are in work", q.ours(t, flying), fmt.Sprintf(" %d of 5, active true", scene.inFlight))
			expectShown(t, "none is counted twice", scaler, fmt.Sprintf(" %d of 5, active true", scene.jobs))
			q.say(t, "SET", "release", "now")
			expectShown(t, "all are done", scaler, " 0 of 5, active false")
		})
	}
}
