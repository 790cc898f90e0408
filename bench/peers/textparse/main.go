// textparse tells how long Prometheus' own text parser takes for one page: every sample with its
// labels, as its scrape loop reads them. Processor time, median of 30 rounds.
//
//	textparse FILE
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

const (
	rounds  = 30
	atLeast = 100 * time.Millisecond
)

// parse returns how many samples the page has.
func parse(page []byte, symbols *labels.SymbolTable) (int, error) {
	parser, err := textparse.New(page, "text/plain; version=0.0.4", symbols, textparse.ParserOptions{})
	if err != nil {
		return 0, err
	}
	samples := 0
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return samples, nil
		}
		if err != nil {
			return 0, err
		}
		if entry == textparse.EntrySeries {
			var set labels.Labels
			parser.Series()
			parser.Labels(&set)
			samples++
		}
	}
}

// processorTime is what this process has used, its garbage collector included.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// round returns the processor time of one page, over at least atLeast.
func round(page []byte, symbols *labels.SymbolTable) time.Duration {
	begin, pages := processorTime(), 0
	for processorTime()-begin < atLeast {
		for range 20 {
			if _, err := parse(page, symbols); err != nil {
				fail(err)
			}
			pages++
		}
	}
	return (processorTime() - begin) / time.Duration(pages)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "textparse:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: textparse FILE"))
	}
	page, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	symbols := labels.NewSymbolTable()
	samples, err := parse(page, symbols)
	if err != nil {
		fail(err)
	}
	times := make([]time.Duration, rounds)
	for i := range times {
		times[i] = round(page, symbols)
	}
	slices.Sort(times)
	median := times[rounds/2]
	fmt.Printf("peers what=prometheus_textparse bytes=%d samples=%d us_per_page=%.1f mb_per_second=%.0f least_us=%.1f\n",
		len(page), samples, float64(median.Nanoseconds())/1e3,
		float64(len(page))/median.Seconds()/1e6, float64(times[0].Nanoseconds())/1e3)
}
