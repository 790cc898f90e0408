package keda_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"sigs.k8s.io/yaml"
)

// told is one round of KEDA's: `7 true`, or `error: why`.
func told(s *scaler) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	values, err := s.client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: s.ref, MetricName: "m"})
	if err != nil {
		return "error: " + err.Error()
	}
	active, err := s.client.IsActive(ctx, s.ref)
	if err != nil {
		return "error: " + err.Error()
	}
	if len(values.MetricValues) != 1 {
		return fmt.Sprintf("%d values", len(values.MetricValues))
	}
	return fmt.Sprintf("%v %t", values.MetricValues[0].MetricValueFloat, active.Result)
}

func expectTold(t *testing.T, s *scaler, want string) {
	t.Helper()
	eventually(t, func() error {
		if got := told(s); !strings.Contains(got, want) {
			return fmt.Errorf("KEDA was told %q, not %q", got, want)
		}
		return nil
	})
}

func expectOneSpec(t *testing.T, s *scaler, target float64) {
	t.Helper()
	specs, err := s.client.GetMetricSpec(context.Background(), s.ref)
	if err != nil || len(specs.MetricSpecs) != 1 {
		t.Fatalf("%v, %v: KEDA's fallback rests on one spec", specs, err)
	}
	if got := specs.MetricSpecs[0].TargetSizeFloat; got != target {
		t.Errorf("the target is %v", got)
	}
}

func TestAWorkloadWithoutPodsIsUnknownAtFirst(t *testing.T) {
	s := newAdapter(t, insecureDoor).scaler(t, nil, nil)
	expectTold(t, s, "no pod of Deployment demo/llm is listed")
	expectOneSpec(t, s, 4)
}

func TestMalformedMetadataIsRefusedWithEveryError(t *testing.T) {
	s := newAdapter(t, insecureDoor).scaler(t, nil, metadata{"workload": "LLM", "targetValue": "x"})
	_, err := s.client.GetMetricSpec(context.Background(), s.ref)
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("code %v", err)
	}
	for _, each := range []string{"workload", "targetValue"} {
		if !strings.Contains(err.Error(), each) {
			t.Errorf("%q does not name %s", err, each)
		}
	}
}

// stream opens StreamIsActive until the test ends.
func stream(t *testing.T, s *scaler) pb.ExternalScaler_StreamIsActiveClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	opened, err := s.client.StreamIsActive(ctx, s.ref)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func expectTrue(t *testing.T, activity pb.ExternalScaler_StreamIsActiveClient) {
	t.Helper()
	if said, err := activity.Recv(); err != nil || !said.Result {
		t.Fatalf("%v, %v", said, err)
	}
}

// KEDA forgets how long it last waited only after such an end.
func TestStreamsEndWithOKWhenTheAdapterStops(t *testing.T) {
	a := newAdapter(t, insecureDoor)
	s := a.scaler(t, nil, nil)
	activity := stream(t, s)
	expectTrue(t, activity)
	specs, err := s.client.StreamMetricSpec(context.Background(), s.ref)
	if err != nil {
		t.Fatal(err)
	}
	if said, err := specs.Recv(); err != nil || len(said.MetricSpecs) != 1 {
		t.Fatalf("%v, %v", said, err)
	}
	a.stop(t)
	for err == nil {
		_, err = activity.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("StreamIsActive ended with %v", err)
	}
	if _, err := specs.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("StreamMetricSpec ended with %v", err)
	}
}

// Their metadata, where KEDA's API takes any.
func TestTheExamplesTriggersAreUnderstood(t *testing.T) {
	a := newAdapter(t, append([]string{"--redis",
		`{servers: [{name: jobs, address: "127.0.0.1:1", namespaces: [demo]}]}`}, insecureDoor...))
	pages, err := filepath.Glob("../../manifests/examples/keda/scaled*.yaml")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var object struct {
			Spec struct {
				Triggers []struct {
					Type     string            `json:"type"`
					Metadata map[string]string `json:"metadata"`
				} `json:"triggers"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		for _, trigger := range object.Spec.Triggers {
			if !strings.HasPrefix(trigger.Type, "external") {
				continue
			}
			s := a.scaler(t, nil, nil)
			s.ref.ScalerMetadata = trigger.Metadata
			specs, err := s.client.GetMetricSpec(context.Background(), s.ref)
			if err != nil || len(specs.MetricSpecs) != 1 {
				t.Errorf("%s: %v, %v", page, specs, err)
			}
		}
	}
}
