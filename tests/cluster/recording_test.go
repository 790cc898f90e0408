package cluster

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"leadline.dev/tests/cluster/controlplane"
)

// What the HPA controller decides here, sync by sync, is recorded in a file that tests/contract/scaling
// holds engine/scaling to: both tests fail where the two do not decide the same. To write it anew:
//
//	tests/cluster/go -C tests/cluster test -count=1 -run 'Check(69|7[0-3])' . -update
const recordingPath = "../data/scaling/live.jsonl"

var update = flag.Bool("update", false, "write tests/data/scaling/live.jsonl, of the tests that run")

// situation is a line of the file, whose format is in tests/data/scaling/README.md.
type situation struct {
	Kind      string     `json:"kind"`
	Min       int32      `json:"min"`
	Max       int32      `json:"max"`
	Tolerance float64    `json:"tolerance"`
	Downscale int        `json:"downscale"`
	Metrics   [][]any    `json:"metrics"`
	Syncs     []liveSync `json:"syncs"`
}

// liveSync is what the controller found, and what it made of it.
type liveSync struct {
	at           int // seconds since there is an autoscaler; no two runs have the same
	spec, status int32
	pods         string
	answers      []answer
	desired      int32
	texts        [4]string // AbleToScale, ScalingActive, ScalingLimited, rescale event
	places       [4]int    // of the texts in the file
	current      []*int64
}

// answer is a refusal or values.
type answer struct {
	refusal string
	values  []int64
}

func (a answer) MarshalJSON() ([]byte, error) {
	if a.refusal != "" {
		return json.Marshal(a.refusal)
	}
	return json.Marshal(a.values)
}

func (a *answer) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &a.refusal)
	}
	return json.Unmarshal(text, &a.values)
}

func (s liveSync) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{s.at, s.spec, s.status, s.pods, s.answers, s.desired, s.places, s.current})
}

func (s *liveSync) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&s.at, &s.spec, &s.status, &s.pods, &s.answers, &s.desired, &s.places, &s.current})
}

// inputs are what the controller found.
func (s liveSync) inputs() string {
	text, err := json.Marshal([]any{s.spec, s.status, s.pods, s.answers})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *situation) desired() int32 { return s.Syncs[len(s.Syncs)-1].desired }

// String has all but the time.
func (s *situation) String() string {
	only := *s
	only.Syncs = nil
	text, err := json.Marshal(only)
	for _, one := range s.Syncs {
		line, failed := json.Marshal([]any{one.spec, one.status, one.pods, one.answers, one.desired, one.texts, one.current})
		if failed != nil {
			err = failed
		}
		text = append(append(text, '\n'), line...)
	}
	if err != nil {
		return err.Error()
	}
	return string(text)
}

type recordingHead struct {
	Origin   string   `json:"origin"`
	Selector string   `json:"selector"`
	Texts    []string `json:"texts"`
}

// recorded is the situation of that kind in the file.
func recorded(t *testing.T, kind string) *situation {
	t.Helper()
	all, err := readRecording()
	if err != nil {
		t.Fatal(err)
	}
	found, known := all[kind]
	if !known {
		t.Fatalf("%s has no %s", recordingPath, kind)
	}
	return found
}

var readRecording = sync.OnceValues(func() (map[string]*situation, error) {
	text, err := os.ReadFile(recordingPath)
	if err != nil {
		return nil, err
	}
	lines := json.NewDecoder(bytes.NewReader(text))
	var head recordingHead
	if err := lines.Decode(&head); err != nil {
		return nil, fmt.Errorf("%s: %w", recordingPath, err)
	}
	all := map[string]*situation{}
	for lines.More() {
		one := &situation{}
		if err := lines.Decode(one); err != nil {
			return nil, fmt.Errorf("%s: %w", recordingPath, err)
		}
		for i := range one.Syncs {
			for j, place := range one.Syncs[i].places {
				one.Syncs[i].texts[j] = head.Texts[place]
			}
		}
		all[one.Kind] = one
	}
	return all, nil
})

// live are those that were decided in this run.
var live struct {
	sync.Mutex
	situations []*situation
}

func keep(s *situation) {
	live.Lock()
	defer live.Unlock()
	live.situations = append(live.situations, s)
}

// writeRecording has them in an order that no run changes.
func writeRecording() error {
	live.Lock()
	defer live.Unlock()
	slices.SortFunc(live.situations, func(a, b *situation) int { return strings.Compare(a.Kind, b.Kind) })
	head := recordingHead{Texts: []string{""},
		Origin: "kube-controller-manager v" + controlplane.KubernetesVersion + " on a control plane with our adapter"}
	for _, one := range live.situations {
		for i := range one.Syncs {
			one.Syncs[i].places = head.places(one.Syncs[i].texts)
		}
	}
	var file bytes.Buffer
	lines := json.NewEncoder(&file)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(head); err != nil {
		return err
	}
	for _, one := range live.situations {
		if err := lines.Encode(one); err != nil {
			return err
		}
	}
	return os.WriteFile(recordingPath, file.Bytes(), 0o644)
}

func (h *recordingHead) places(texts [4]string) (found [4]int) {
	for i, text := range texts {
		if found[i] = slices.Index(h.Texts, text); found[i] < 0 {
			found[i] = len(h.Texts)
			h.Texts = append(h.Texts, text)
		}
	}
	return found
}
