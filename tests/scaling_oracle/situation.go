// Package oracle asks the real HorizontalPodAutoscaler controller what it decides in random
// situations, and records it for the tests of engine/scaling.
//
//	go test .          the controller still decides what tests/data/scaling/decisions.jsonl says
//	go test . -update  writes that file; its README.md has the format
package oracle

import "encoding/json"

// Situation is one autoscaler and its life, sync by sync. What a manifest leaves out is absent.
type Situation struct {
	Kind      string    `json:"kind"`
	Min       int32     `json:"min"`
	Max       int32     `json:"max"`
	Tolerance float64   `json:"tolerance"` // --horizontal-pod-autoscaler-tolerance
	Downscale int32     `json:"downscale"` // --horizontal-pod-autoscaler-downscale-stabilization, seconds
	Metrics   []Metric  `json:"metrics"`
	Behavior  *Behavior `json:"behavior,omitempty"`
	Syncs     []Sync    `json:"syncs"`

	period int32 // --horizontal-pod-autoscaler-sync-period, seconds
}

// Metric is named m0, m1, … by its place.
type Metric struct {
	Source   string // Pods, Object, External
	Goal     string // Value, AverageValue
	Milli    int64
	Selector bool // the manifest narrows it by labels
}

type Behavior struct {
	Up   *Rules `json:"up,omitempty"`
	Down *Rules `json:"down,omitempty"`
}

type Rules struct {
	Window    *int32   `json:"window,omitempty"` // seconds
	Select    string   `json:"select,omitempty"`
	Policies  []Policy `json:"policies,omitempty"`
	Tolerance *float64 `json:"tolerance,omitempty"`
}

type Policy struct {
	Type   string // Pods, Percent
	Value  int32
	Period int32 // seconds
}

// Sync is one look at the cluster, and the decision that it led to.
type Sync struct {
	At int32 // seconds since the controller started
	Observation
	Decision
}

// Observation is what the controller finds.
type Observation struct {
	Spec    int32    // scale.spec.replicas
	Status  int32    // scale.status.replicas
	Pods    string   // one letter a pod, p0, p1, …: podStates tells which
	Answers []Answer // one a metric
}

// Answer is a metrics API's: a refusal, or values. A Pods metric's values are pairs of a pod's
// number and its value; numbers beyond the listed pods are pods that the controller does not know.
type Answer struct {
	Refusal string
	Values  []int64
}

// Decision is what the controller left behind.
type Decision struct {
	Desired int32    // scale.spec.replicas afterwards
	Texts   [4]int   // AbleToScale, ScalingActive, ScalingLimited, rescale event: places in Recording.Texts
	Current []*int64 // status.currentMetrics, milli; null for a metric that failed
}

func row(cells ...any) ([]byte, error) { return json.Marshal(cells) }

func (m Metric) MarshalJSON() ([]byte, error) {
	if m.Selector {
		return row(m.Source, m.Goal, m.Milli, true)
	}
	return row(m.Source, m.Goal, m.Milli)
}

func (p Policy) MarshalJSON() ([]byte, error) { return row(p.Type, p.Value, p.Period) }

func (a Answer) MarshalJSON() ([]byte, error) {
	if a.Refusal != "" {
		return json.Marshal(a.Refusal)
	}
	return row(anys(a.Values)...)
}

func (s Sync) MarshalJSON() ([]byte, error) {
	return row(s.At, s.Spec, s.Status, s.Pods, s.Answers, s.Desired, s.Texts, s.Current)
}

func anys(values []int64) []any {
	cells := make([]any, len(values))
	for i, value := range values {
		cells[i] = value
	}
	return cells
}
