package keda_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	v2 "k8s.io/api/autoscaling/v2"
)

const metric = "s0-in_flight_requests"

// external is KEDA's client of a trigger of type external.
func external(t *testing.T, config *scalersconfig.ScalerConfig) scalers.Scaler {
	t.Helper()
	scaler, err := scalers.NewExternalScaler(config)
	if err != nil {
		t.Fatal(err)
	}
	return scaler
}

// read is what KEDA makes of one round: `7 true`, or `error: why`.
func read(scaler scalers.Scaler) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	values, active, err := scaler.GetMetricsAndActivity(ctx, metric)
	if err != nil {
		return "error: " + err.Error()
	}
	if len(values) != 1 {
		return fmt.Sprintf("%d values", len(values))
	}
	return fmt.Sprintf("%s %t", values[0].Value.String(), active)
}

func expectRead(t *testing.T, scaler scalers.Scaler, want string) {
	t.Helper()
	eventually(t, func() error {
		if got := read(scaler); !strings.Contains(got, want) {
			return fmt.Errorf("KEDA read %q, not %q", got, want)
		}
		return nil
	})
}

func TestKedaReadsOneSpecAndOneValue(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(5)
	p.waiting.Store(2)
	scaler := external(t, newAdapter(t, insecureDoor, p).trigger(metadata{"targetValue": "2.5"}))
	specs := scaler.GetMetricSpecForScaling(context.Background())
	if len(specs) != 1 {
		t.Fatalf("%d specs", len(specs))
	}
	if got := specs[0].External.Metric.Name; got != metric {
		t.Errorf("the metric is called %q", got)
	}
	if got := specs[0].External.Target.AverageValue.AsApproximateFloat64(); got != 2.5 {
		t.Errorf("the target is %v", got)
	}
	expectRead(t, scaler, "7 true")
}

func TestOnlyWorkKeepsAWorkloadThatMayGoToZero(t *testing.T) {
	p := newPod(t, "a")
	a := newAdapter(t, insecureDoor, p)
	scaler := external(t, a.trigger(metadata{"scaleToZero": "true"}))
	expectRead(t, scaler, "0 false")
	p.running.Store(1)
	expectRead(t, scaler, "1 true")
	p.running.Store(0)
	expectRead(t, scaler, "0 false")
	expectRead(t, external(t, a.trigger(nil)), "0 true")
}

func TestAnActivationIsAReasonMore(t *testing.T) {
	p := newPod(t, "a")
	a := newAdapter(t, insecureDoor, p)
	scaler := external(t, a.trigger(metadata{"scaleToZero": "true", "activationTargetValue": "50"}))
	expectRead(t, scaler, "0 false")
	p.running.Store(1)
	expectRead(t, scaler, "1 true") // work is never dropped, whatever the activation
}

// silence stops the pod's sidecar, as a node that hangs does.
func (p *pod) silence(t *testing.T) {
	t.Helper()
	if err := p.sidecar.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// awaitUnknown waits for an error with all these words; a zero on the way fails the test.
func awaitUnknown(t *testing.T, scaler scalers.Scaler, words ...string) {
	t.Helper()
	eventually(t, func() error {
		got := read(scaler)
		if strings.HasPrefix(got, "0") {
			t.Fatalf("KEDA read a silent pod as %q", got)
		}
		for _, word := range words {
			if !strings.Contains(got, word) {
				return fmt.Errorf("KEDA read %q", got)
			}
		}
		return nil
	})
}

func TestUnknownIsAnErrorAndNeverZero(t *testing.T) {
	t.Parallel()
	p := newPod(t, "a")
	p.running.Store(3)
	scaler := external(t, newAdapter(t, insecureDoor, p).trigger(metadata{"scaleToZero": "true"}))
	expectRead(t, scaler, "3 true")
	p.silence(t)
	awaitUnknown(t, scaler, "Unavailable", "stale: a")
	if specs := scaler.GetMetricSpecForScaling(context.Background()); len(specs) != 1 {
		t.Errorf("%d specs: KEDA's fallback rests on them", len(specs))
	}
}

func TestKedasCertificateSpeaksForItsNamespacesOnly(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(2)
	ca := newAuthority(t, "ca")
	d := newDoor(t, ca)
	a := newAdapterAt(t, d.address, d.arguments(), p)
	as := func(san string) scalers.Scaler {
		config := a.trigger(metadata{"enableTLS": "true"})
		certificate, key := ca.client(t, san)
		config.AuthParams = map[string]string{"caCert": ca.pem, "tlsClientCert": certificate, "tlsClientKey": key}
		return external(t, config)
	}
	expectRead(t, as("keda.demo"), "2 true")
	expectRead(t, as("keda.other"), "PermissionDenied")
}

// pushed is a push scaler that runs until the test ends, and what it says.
func pushed(t *testing.T, config *scalersconfig.ScalerConfig) (scalers.PushScaler, <-chan bool) {
	t.Helper()
	scaler, err := scalers.NewExternalPushScaler(config)
	if err != nil {
		t.Fatal(err)
	}
	active := make(chan bool, 100)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go scaler.Run(ctx, active)
	return scaler, active
}

func expectPush(t *testing.T, active <-chan bool, when string) {
	t.Helper()
	select {
	case said := <-active:
		if !said {
			t.Fatalf("false was pushed %s", when)
		}
	case <-time.After(patience):
		t.Fatalf("nothing was pushed %s", when)
	}
}

func TestWorkIsPushed(t *testing.T) {
	p := newPod(t, "a")
	config := newAdapter(t, insecureDoor, p).trigger(metadata{"scaleToZero": "true"})
	expectRead(t, external(t, config), "0 false")
	scaler, active := pushed(t, config)
	select {
	case specs := <-scaler.(interface{ MetricSpecChan() <-chan []v2.MetricSpec }).MetricSpecChan():
		if len(specs) != 1 {
			t.Errorf("%d specs were pushed", len(specs))
		}
	case <-time.After(patience):
		t.Fatal("no spec was pushed")
	}
	if len(active) != 0 {
		t.Fatal("an idle workload was pushed")
	}
	p.running.Store(1)
	expectPush(t, active, "when a request came")
}

func TestAWorkloadAtZeroIsWokenAgainAndAgain(t *testing.T) {
	t.Parallel()
	_, active := pushed(t, newAdapter(t, insecureDoor).trigger(nil))
	for _, when := range []string{"at once", "five seconds later", "ten seconds later"} {
		expectPush(t, active, when)
	}
}

// KEDA waits 2 s after a stream that ended with OK, and up to a minute after others.
func TestAPushScalerComesBackSoonAfterARestart(t *testing.T) {
	t.Parallel()
	p := newPod(t, "a")
	p.running.Store(1)
	a := newAdapter(t, insecureDoor, p)
	_, active := pushed(t, a.trigger(metadata{"scaleToZero": "true"}))
	expectPush(t, active, "at first")
	for restart := range 6 {
		a.stop(t)
		a.start(t)
		begin := time.Now()
		expectPush(t, active, "by the adapter that came after")
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("restart %d: KEDA came back after %v: its backoff was not reset", restart, took)
		}
	}
}

// As KEDA's own TestExternalPushScaler_Run, with our servers as its peers.
func TestFiveServersWithFiveHundredStreamsEach(t *testing.T) {
	const servers, streams = 5, 500
	p := newPod(t, "a")
	var idle []scalers.Scaler
	var channels []<-chan bool
	for range servers {
		config := newAdapter(t, insecureDoor, p).trigger(metadata{"scaleToZero": "true"})
		idle = append(idle, external(t, config))
		expectRead(t, idle[len(idle)-1], "0 false")
		for range streams {
			_, active := pushed(t, config)
			channels = append(channels, active)
		}
	}
	p.running.Store(1)
	for number, active := range channels {
		expectPush(t, active, fmt.Sprintf("on stream %d", number))
	}
	var rounds []time.Duration
	for _, scaler := range idle {
		expectRead(t, scaler, "1 true")
		for range 100 {
			begin := time.Now()
			read(scaler)
			rounds = append(rounds, time.Since(begin))
		}
	}
	slices.Sort(rounds)
	p99 := rounds[len(rounds)*99/100]
	t.Logf("a round takes %v, at p99 %v, beside %d streams on its connection", rounds[len(rounds)/2], p99, streams)
	if p99 > answeredWithin {
		t.Error("the streams hold up the calls")
	}
}
