package main

import (
	"context"
	"fmt"
	"time"
)

// settleTime is for what a program does only at its start.
const settleTime = 3 * time.Second

type bench struct {
	*cluster
	folder           string // for logs and the like
	programs, others string
	seconds          int // of wrk, for each question
	certificate, key string

	all results
}

type question struct {
	what, path         string
	items, connections int
}

func everyPod(count int) question {
	return question{"pods", "/apis/custom.metrics.k8s.io/v1beta2/namespaces/" + namespace +
		"/pods/*/queue_depth?labelSelector=app%3Dllm", count, 4}
}

// One sum over all pods.
var ourExternal = question{"external", "/apis/external.metrics.k8s.io/v1beta1/namespaces/" + namespace +
	"/in_flight_requests?labelSelector=workload%3Dllm", 1, 8}

// Built into the test adapter: two constants.
var theirExternal = question{"external", "/apis/external.metrics.k8s.io/v1beta1/namespaces/" + namespace +
	"/my-external-metric", 2, 8}

type contender struct {
	name      string
	start     func(context.Context) (*adapter, error)
	questions []question
	first     *question // asked by callers that it does not know; nil: none
}

func (b *bench) contenders() []contender {
	reference := func(program string, flags ...string) func(context.Context) (*adapter, error) {
		return func(ctx context.Context) (*adapter, error) { return b.startReference(ctx, program, flags...) }
	}
	pods := everyPod(len(b.pods))
	// What client-go lets it ask of kube-apiserver a second: its default, or as good as all.
	unlimited := []string{"--client-qps=100000", "--client-burst=100000"}
	return []contender{
		{"leadline", b.startLeadline, []question{pods, ourExternal}, &ourExternal},
		{"reference", reference("test-adapter"), []question{pods, theirExternal}, &theirExternal},
		{"reference_unlimited", reference("test-adapter", unlimited...), []question{pods}, nil},
		{"reference_remembering", reference("remembering"), []question{pods}, nil},
	}
}

func (b *bench) compare(ctx context.Context, rounds int) (err error) {
	if b.certificate, b.key, err = b.plane.ServingCertificate("adapter", "localhost", "127.0.0.1"); err != nil {
		return err
	}
	contenders := b.contenders()
	for range rounds {
		for _, one := range contenders {
			if err := b.take(ctx, one); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	b.all.summarise()
	return nil
}

// take is one turn of an adapter.
func (b *bench) take(ctx context.Context, one contender) error {
	adapter, err := one.start(ctx)
	if err != nil {
		return err
	}
	defer adapter.process.Kill()
	// An adapter that has just begun may know some of its pods.
	err = adapter.process.Await(ctx, time.Minute, func(ctx context.Context) error {
		return adapter.expectItems(ctx, one.questions[0], b.token)
	})
	if err != nil {
		return err
	}
	if one.first != nil {
		figures, err := b.measureFirst(ctx, *one.first, adapter)
		if err != nil {
			return err
		}
		b.all.add(one.name, "first", figures)
	}
	return b.measure(ctx, one, adapter)
}

func (b *bench) measure(ctx context.Context, one contender, adapter *adapter) error {
	m := measurement{adapter: adapter, cluster: b.cluster, seconds: b.seconds}
	if err := sleep(ctx, settleTime); err != nil {
		return err
	}
	if err := m.rest(ctx); err != nil {
		return err
	}
	for _, q := range one.questions {
		figures, err := m.ask(ctx, q)
		if err != nil {
			return err
		}
		b.all.add(one.name, q.what, figures)
	}
	return nil
}
