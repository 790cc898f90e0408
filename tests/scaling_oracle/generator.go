package oracle

import (
	"math"
	"math/rand/v2"
	"strings"
)

// kind is a sort of situation: what its random draws may be.
type kind struct {
	name      string
	share     int     // situations of it in a recording
	sources   string  // of its metrics: P, O, E
	metrics   int     // at most
	syncs     int     // at most
	pods      string  // letters of podStates; each pod is one of them
	missing   float64 // probability that a pod's value is missing
	extra     int     // values of unknown pods, at most
	refused   float64 // probability that a metrics API refuses, or has nothing
	edges     bool    // values lie where tolerance ends, or a milli unit beside
	huge      bool    // values lie where 64 bits end
	outside   bool    // replica counts lie outside the bounds
	fromZero  bool    // minReplicas is 0
	behavior  bool    // there is one
	defaulted bool    // there is one, and it leaves much out
}

var kinds = []kind{
	{name: "values", share: 350, sources: "P", pods: "R"},
	{name: "missing", share: 400, sources: "P", pods: "RRRS", missing: 0.35},
	{name: "unready", share: 350, sources: "P", pods: "RRUPP"},
	{name: "terminating", share: 350, sources: "P", pods: "RRrpuF"},
	{name: "extra", share: 300, sources: "P", pods: "R", extra: 3},
	{name: "any pods", share: 500, sources: "P", pods: "RRRRUPSFXrup", missing: 0.2, extra: 2},
	{name: "edges", share: 450, sources: "POE", pods: "RRRRRU", edges: true},
	{name: "edges per direction", share: 200, sources: "POE", pods: "R", edges: true, defaulted: true},
	{name: "object", share: 250, sources: "O", pods: "RRRUPSFr"},
	{name: "external", share: 250, sources: "E", pods: "RRRUPSFr"},
	{name: "several", share: 350, sources: "POE", metrics: 4, pods: "RRRRUP", missing: 0.1, refused: 0.15},
	{name: "refused", share: 200, sources: "POE", metrics: 2, pods: "RRP", refused: 0.6},
	{name: "outside", share: 150, sources: "POE", pods: "R", outside: true},
	{name: "huge", share: 150, sources: "PE", pods: "RRP", huge: true},
	{name: "zero", share: 150, sources: "OE", metrics: 2, syncs: 6, pods: "R", refused: 0.1, fromZero: true},
	{name: "no behavior", share: 200, sources: "PE", syncs: 10, pods: "R"},
	{name: "default behavior", share: 150, sources: "PE", syncs: 10, pods: "R", defaulted: true},
	{name: "behavior", share: 350, sources: "E", syncs: 12, pods: "R", behavior: true},
	{name: "everything", share: 150, sources: "POE", metrics: 3, syncs: 8, pods: "RRRRUPr", missing: 0.1,
		extra: 1, refused: 0.1, outside: true, behavior: true},
}

// dice draws one situation: the same seed and number, the same situation.
type dice struct {
	*rand.Rand
	kind
	situation *Situation
}

func newDice(of kind, seed, number uint64) *dice {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, number)), kind: of}
	d.situation = d.drawSituation()
	return d
}

func one[T any](d *dice, of ...T) T { return of[d.IntN(len(of))] }

func (d *dice) chance(probability float64) bool { return d.Float64() < probability }

func (d *dice) between(low, high int32) int32 { return low + d.Int32N(high-low+1) }

func (d *dice) drawSituation() *Situation {
	s := &Situation{
		Kind:      d.name,
		Min:       d.between(1, 3),
		Tolerance: one(d, 0.1, 0.1, 0.1, 0.1, 0, 0.05, 0.2),
		Downscale: one[int32](d, 300, 300, 300, 60, 0),
		Metrics:   make([]Metric, 1+d.IntN(max(1, d.metrics))),
		Syncs:     make([]Sync, 1),
		period:    one[int32](d, 1, 5, 15, 15, 15, 30, 60),
	}
	if d.fromZero {
		s.Min = 0
	}
	s.Max = max(1, s.Min+d.between(0, 12))
	if d.syncs > 1 {
		s.Syncs = make([]Sync, d.between(3, int32(d.syncs)))
	}
	for i := range s.Metrics {
		s.Metrics[i] = d.drawMetric()
	}
	s.Behavior = d.drawBehavior()
	return s
}

func (d *dice) drawMetric() Metric {
	metric := Metric{
		Goal:     one(d, "Value", "AverageValue"),
		Milli:    one[int64](d, 1000, 1000, 10_000, 50_000, 500, 333, 7, 80_000),
		Selector: d.chance(0.1),
	}
	switch d.sources[d.IntN(len(d.sources))] {
	case 'P':
		metric.Source, metric.Goal = "Pods", "AverageValue"
		if d.huge { // else the product would leave 32 bits, and what then comes is the processor's
			metric.Milli = one[int64](d, 1<<61, 1<<62, math.MaxInt64)
		}
	case 'O':
		metric.Source = "Object"
	case 'E':
		metric.Source = "External"
	}
	return metric
}

func (d *dice) drawBehavior() *Behavior {
	if !d.behavior && !d.defaulted {
		return nil
	}
	behavior := &Behavior{}
	if !d.defaulted || d.chance(0.5) {
		behavior.Up = d.drawRules()
	}
	if !d.defaulted || d.chance(0.5) {
		behavior.Down = d.drawRules()
	}
	return behavior
}

func (d *dice) drawRules() *Rules {
	rules := &Rules{}
	if d.chance(0.6) {
		window := one[int32](d, 0, 0, 15, 30, 60, 120, 300, 3600)
		rules.Window = &window
	}
	rules.Select = one(d, "", "Max", "Max", "Min", "Min", "Disabled")
	if !d.defaulted {
		for range d.between(1, 3) {
			rules.Policies = append(rules.Policies, d.drawPolicy())
		}
	}
	if d.edges || d.chance(0.3) {
		tolerance := one(d, 0, 0.05, 0.2, 0.5, 0.015)
		rules.Tolerance = &tolerance
	}
	return rules
}

func (d *dice) drawPolicy() Policy {
	period := one[int32](d, 1, 15, 15, 30, 60, 120, 600, 1800)
	if d.chance(0.5) {
		return Policy{"Pods", one[int32](d, 1, 1, 2, 3, 4, 8), period}
	}
	return Policy{"Percent", one[int32](d, 1, 10, 25, 33, 50, 100, 150, 300), period}
}

// look is what the cluster is like at the next sync, and how many periods away that is. Mostly the
// workload has as many replicas as the last sync left it; sometimes somebody else has scaled it.
func (d *dice) look(replicas int32) (int32, *Observation) {
	s := d.situation
	first := s.Syncs[0].At == 0
	if first || d.chance(0.06) {
		replicas = d.drawReplicas()
	}
	observed := &Observation{Spec: replicas, Status: replicas}
	if d.chance(0.2) {
		observed.Status = max(0, replicas+d.between(-2, 2))
	}
	observed.Pods = d.drawPods(observed.Status)
	for _, metric := range s.Metrics {
		observed.Answers = append(observed.Answers, d.drawAnswer(metric, observed))
	}
	return one[int32](d, 1, 1, 1, 1, 2, 3, 7), observed
}

func (d *dice) drawReplicas() int32 {
	s := d.situation
	if d.outside {
		return d.between(0, s.Max+4)
	}
	if d.fromZero && d.chance(0.9) {
		return d.between(min(1, s.Max), s.Max)
	}
	return d.between(s.Min, s.Max)
}

func (d *dice) drawPods(replicas int32) string {
	count := replicas
	if d.chance(0.1) {
		count = max(0, count+d.between(-3, 3))
	}
	states := strings.Builder{}
	for range count {
		states.WriteByte(d.pods[d.IntN(len(d.pods))])
	}
	return states.String()
}

func (d *dice) drawAnswer(metric Metric, observed *Observation) Answer {
	if d.chance(d.refused) {
		return d.drawRefusal(metric)
	}
	ratio := d.drawRatio()
	if metric.Source == "Pods" {
		return Answer{Values: d.drawPodValues(metric, observed.Pods, ratio)}
	}
	total := float64(metric.Milli) * ratio
	if metric.Goal == "AverageValue" {
		total *= float64(max(1, observed.Status))
	}
	if metric.Source == "Object" {
		return Answer{Values: []int64{d.milli(total)}}
	}
	return Answer{Values: d.drawItems(d.milli(total))}
}

func (d *dice) drawRefusal(metric Metric) Answer {
	if d.chance(0.3) {
		return Answer{}
	}
	if metric.Source == "Object" && d.chance(0.2) {
		return Answer{Values: []int64{1, 2}}
	}
	return Answer{Refusal: one(d,
		"the server could not find the requested resource",
		"coverage 1/3 below 0.5; stale: p1",
		"100%d of what %s was asked (100% sure)")}
}

// drawRatio: of a value to its goal.
func (d *dice) drawRatio() float64 {
	s := d.situation
	if d.edges {
		tolerance := s.Tolerance
		if s.Behavior != nil {
			tolerance = one(d, s.Tolerance, 0.05, 0.2, 0.5, 0.015)
		}
		return one(d, 1-tolerance, 1+tolerance, 1)
	}
	switch d.IntN(12) {
	case 0:
		return 0
	case 1:
		return 1
	case 2:
		return one(d, 1-s.Tolerance, 1+s.Tolerance)
	case 3:
		return one(d, 10, 30, -0.5, -2)
	case 4, 5, 6:
		return 0.8 + d.Float64()*0.4
	default:
		return d.Float64() * 3
	}
}

func (d *dice) milli(value float64) int64 {
	if d.huge {
		return d.drawHuge()
	}
	milli := int64(math.Round(value))
	if d.edges {
		milli += int64(d.between(-1, 1))
	}
	return milli
}

func (d *dice) drawHuge() int64 {
	return one[int64](d, math.MaxInt64, math.MaxInt64-1, math.MaxInt64-600, 1<<62, 1<<61, 1<<40, 1000)
}

func (d *dice) drawPodValues(metric Metric, pods string, ratio float64) []int64 {
	values := []int64{}
	known := len(pods)
	if d.extra > 0 {
		known += d.IntN(d.extra + 1)
	}
	even := d.edges || d.chance(0.3)
	for i := range known {
		if d.chance(d.missing) {
			continue
		}
		value := float64(metric.Milli) * ratio
		if !even {
			value *= 0.5 + d.Float64()
		}
		values = append(values, int64(i), d.milli(value))
	}
	if d.extra > 0 && len(values) > 0 && d.chance(0.1) { // one name twice
		values = append(values, values[0], d.milli(float64(metric.Milli)))
	}
	return values
}

func (d *dice) drawItems(total int64) []int64 {
	switch {
	case d.huge && d.chance(0.5):
		return []int64{total, d.drawHuge()}
	case d.chance(0.2):
		part := d.Int64N(1000)
		return []int64{total - part, part}
	default:
		return []int64{total}
	}
}
