package main

import (
	"fmt"
	"slices"
	"strings"
)

// figures are what one measurement showed, by name.
type figures map[string]float64

// In the order in which they are printed.
var printed = []string{
	"answers", "timeouts", "cpu_us", "cpu_us_with_idle", "idle_percent", "apiserver_cpu_us", "both_cpu_us",
	"p50_ms", "p99_ms", "reviews", "rss_mib", "first_p50_ms", "first_reviews", "second_p50_ms", "second_reviews"}

func (f figures) String() string {
	var text strings.Builder
	for _, name := range printed {
		if number, ok := f[name]; ok {
			fmt.Fprintf(&text, " %s=%.4g", name, number)
		}
	}
	return text.String()
}

// topic is what was measured, of which adapter.
type topic struct{ server, what string }

type results struct {
	order []topic
	taken map[topic][]figures
}

// add prints them, too.
func (r *results) add(server, what string, found figures) {
	of := topic{server, what}
	if r.taken == nil {
		r.taken = map[topic][]figures{}
	}
	if _, ok := r.taken[of]; !ok {
		r.order = append(r.order, of)
	}
	r.taken[of] = append(r.taken[of], found)
	fmt.Printf("peers what=%s server=%s%s\n", what, server, found)
}

// summarise prints the median of each figure over the rounds, and how many times ours it is.
func (r *results) summarise() {
	for _, of := range r.order {
		theirs, ours := r.medians(of), r.medians(topic{"leadline", of.what})
		fmt.Printf("peers median what=%s server=%s%s\n", of.what, of.server, theirs)
		if of.server == "leadline" {
			continue
		}
		times := figures{}
		for _, name := range []string{"cpu_us", "cpu_us_with_idle", "both_cpu_us", "p50_ms", "first_p50_ms"} {
			if ours[name] > 0 {
				times[name] = theirs[name] / ours[name]
			}
		}
		fmt.Printf("peers times_ours what=%s server=%s%s\n", of.what, of.server, times)
	}
}

func (r *results) medians(of topic) figures {
	found := figures{}
	all := r.taken[of]
	if len(all) == 0 {
		return found
	}
	for name := range all[0] {
		var values []float64
		for _, one := range all {
			values = append(values, one[name])
		}
		found[name] = median(values)
	}
	return found
}

// REQUIRES: not empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
