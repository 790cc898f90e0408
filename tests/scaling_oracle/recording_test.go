package oracle

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/features"
)

const origin = "k8s.io/kubernetes v1.36.3, pkg/controller/podautoscaler"

var (
	path   = flag.String("recording", "../data/scaling/decisions.jsonl", "the recording to compare or to write")
	update = flag.Bool("update", false, "write the recording")
	seed   = flag.Uint64("seed", 1, "of the situations")
	scale  = flag.Int("scale", 1, "times as many situations")
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Thousands of refused metrics would be logged, and the handler of errors sleeps in between.
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

// The controller still decides as it did when the recording was made.
func TestRecordingIsWhatTheControllerDecides(t *testing.T) {
	var now bytes.Buffer
	if err := record(t).write(&now); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(*path, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	recorded, err := os.ReadFile(*path)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, recorded, now.Bytes())
}

func record(t *testing.T) *Recording {
	recording := &Recording{Origin: origin, Seed: *seed, Selector: fmt.Sprintf("%+v", metricSelector)}
	texts := newTexts()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			featuregatetesting.SetFeatureGateDuringTest(
				t, utilfeature.DefaultFeatureGate, features.HPAScaleToZero, kind.fromZero)
			for range kind.share * *scale {
				d := newDice(kind, *seed, uint64(len(recording.situations)))
				play(t, d, texts)
				recording.situations = append(recording.situations, d.situation)
			}
		})
	}
	recording.Texts = texts.list
	return recording
}

func play(t *testing.T, d *dice, texts *texts) {
	synctest.Test(t, func(t *testing.T) {
		if err := d.situation.play(t.Context(), texts, d.look); err != nil {
			t.Fatalf("%v\n%+v", err, d.situation)
		}
	})
}

func compare(t *testing.T, recorded, now []byte) {
	before, after := bytes.Split(recorded, []byte("\n")), bytes.Split(now, []byte("\n"))
	if len(before) != len(after) {
		t.Errorf("%d lines recorded, %d now", len(before), len(after))
	}
	different := 0
	for i := range min(len(before), len(after)) {
		if bytes.Equal(before[i], after[i]) {
			continue
		}
		if different++; different <= 5 {
			t.Errorf("line %d\nrecorded %s\nnow      %s", i+1, before[i], after[i])
		}
	}
	if different > 0 {
		t.Errorf("%d lines differ", different)
	}
}
