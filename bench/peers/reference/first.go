package main

import (
	"context"
	"time"
)

// How many callers that it does not know an adapter is asked by, one after another.
const strangers = 50

// measureFirst is how long the first answer to a caller takes, for whom kube-apiserver must be asked,
// and the second.
func (b *bench) measureFirst(ctx context.Context, q question, adapter *adapter) (figures, error) {
	var tokens []string
	for range strangers {
		token, err := b.newToken(ctx)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	found := figures{}
	for _, turn := range []string{"first", "second"} {
		before, err := b.reviews(ctx)
		if err != nil {
			return nil, err
		}
		if found[turn+"_p50_ms"], err = medianLatency(ctx, adapter, q, tokens); err != nil {
			return nil, err
		}
		after, err := b.reviews(ctx)
		if err != nil {
			return nil, err
		}
		found[turn+"_reviews"] = (after - before) / strangers
	}
	return found, nil
}

// medianLatency is in milliseconds, over a connection that is there already.
func medianLatency(ctx context.Context, adapter *adapter, q question, tokens []string) (float64, error) {
	var all []float64
	for _, token := range tokens {
		begin := time.Now()
		if _, err := adapter.ask(ctx, q.path, token); err != nil {
			return 0, err
		}
		all = append(all, 1e3*time.Since(begin).Seconds())
	}
	return median(all), nil
}
