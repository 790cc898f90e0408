package keda_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/protobuf/encoding/protowire"
)

// Within so long every call is answered, whatever else hangs; tens of milliseconds more are the machine's.
const answeredWithin = 500 * time.Millisecond

// expectUnknown is that KEDA is told so soon and for some time, and never a number; but always the spec.
func expectUnknown(t *testing.T, scaler scalers.Scaler, why string) {
	t.Helper()
	expectRead(t, scaler, why)
	for range 20 {
		begin := time.Now()
		got, specs := read(scaler), scaler.GetMetricSpecForScaling(context.Background())
		if took := time.Since(begin); took > answeredWithin {
			t.Errorf("KEDA waited %v", took)
		}
		if !strings.Contains(got, "Unavailable") || len(specs) != 1 {
			t.Fatalf("KEDA read %q and %d specs", got, len(specs))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// newMutePod has a sidecar that accepts and never answers.
func newMutePod(t *testing.T, name string) *pod {
	t.Helper()
	p := &pod{name: name, address: freshAddress()}
	listener, err := net.Listen("tcp", p.address+":9733")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	return p
}

func TestSidecarsThatNeverAnswerHoldUpNobody(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, insecureDoor, newMutePod(t, "a"), newMutePod(t, "b"))
	for _, more := range []metadata{nil, {"scaleToZero": "true"}} {
		expectUnknown(t, external(t, a.trigger(more)), "Unavailable")
	}
}

// Work that is known keeps a workload up; that the others are idle is not known.
func TestASidecarThatNeverAnswersIsNotIdle(t *testing.T) {
	t.Parallel()
	p := newPod(t, "a")
	p.running.Store(3)
	scaler := external(t, newAdapter(t, insecureDoor, p, newMutePod(t, "b")).trigger(metadata{"scaleToZero": "true"}))
	expectRead(t, scaler, "6 true") // two pods' worth, as far as is known
	p.running.Store(0)
	expectUnknown(t, scaler, "not known: b")
}

// lie is a sidecar's answer, changed on its way.
type lie func(snapshot []byte) []byte

// newLiar is a pod as newPod's whose snapshots are changed on their way to the adapter.
func newLiar(t *testing.T, name string, change lie) *pod {
	t.Helper()
	honest := newPod(t, name)
	honest.running.Store(3)
	p := &pod{name: name, address: freshAddress()}
	listener, err := net.Listen("tcp", p.address+":9733")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Get("http://" + honest.address + ":9733" + r.URL.RequestURI())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		for key, values := range answer.Header {
			if key != "Content-Length" {
				w.Header()[key] = values
			}
		}
		w.WriteHeader(answer.StatusCode)
		if len(body) > 0 {
			_, _ = w.Write(change(body))
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}

// edited has each field of a message replaced by what `edit` makes of it; nil leaves it as it is.
func edited(message []byte, edit func(number protowire.Number, kind protowire.Type, value []byte) []byte) []byte {
	var out []byte
	for len(message) > 0 {
		number, kind, head := protowire.ConsumeTag(message)
		size := protowire.ConsumeFieldValue(number, kind, message[head:])
		field := message[:head+size]
		if changed := edit(number, kind, message[head:head+size]); changed != nil {
			field = append(bytes.Clone(message[:head]), changed...)
		}
		out, message = append(out, field...), message[head+size:]
	}
	return out
}

// Numbers of engine/snapshot.proto.
const (
	podUID, series         = 7, 13
	firstGauge, lastGauge  = 3, 9 // of a series
	otherUID, notASnapshot = "somebody-else", "\xff\xff\xff\xff"
)

func gaugesAre(number float64) lie {
	return func(snapshot []byte) []byte {
		return edited(snapshot, func(field protowire.Number, _ protowire.Type, value []byte) []byte {
			if field != series {
				return nil
			}
			one, _ := protowire.ConsumeBytes(value)
			return protowire.AppendBytes(nil, edited(one, func(field protowire.Number, kind protowire.Type, _ []byte) []byte {
				if kind != protowire.Fixed64Type || field < firstGauge || field > lastGauge {
					return nil
				}
				return protowire.AppendFixed64(nil, math.Float64bits(number))
			}))
		})
	}
}

func uidIs(uid string) lie {
	return func(snapshot []byte) []byte {
		return edited(snapshot, func(field protowire.Number, _ protowire.Type, _ []byte) []byte {
			if field != podUID {
				return nil
			}
			return protowire.AppendString(nil, uid)
		})
	}
}

func TestSidecarsThatLieAreNotBelieved(t *testing.T) {
	t.Parallel()
	honest := newLiar(t, "a", func(snapshot []byte) []byte { return snapshot })
	expectRead(t, external(t, newAdapter(t, insecureDoor, honest).trigger(nil)), "3 true")
	for name, change := range map[string]lie{
		"NaN": gaugesAre(math.NaN()), "negative": gaugesAre(-5), "infinite": gaugesAre(math.Inf(1)),
		"of another pod": uidIs(otherUID), "no snapshot": func([]byte) []byte { return []byte(notASnapshot) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAdapter(t, insecureDoor, newLiar(t, "a", change))
			for _, more := range []metadata{nil, {"scaleToZero": "true"}} {
				expectUnknown(t, external(t, a.trigger(more)), "Unavailable")
			}
		})
	}
}

// kill ends it as a node that fails does, or a livenessProbe that it did not answer.
func (a *adapter) kill(t *testing.T) {
	t.Helper()
	if err := a.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = a.process.Wait()
}

// KEDA waits twice as long after each stream that broke, up to a minute, and 2 s after one that ended with OK:
// one restart in good order forgives all kills before it.
func TestAPushScalerForgivesKillsAfterARestart(t *testing.T) {
	t.Parallel()
	p := newPod(t, "a")
	p.running.Store(1)
	a := newAdapter(t, insecureDoor, p)
	_, active := pushed(t, a.trigger(metadata{"scaleToZero": "true"}))
	expectPush(t, active, "at first")
	for kill := range 8 {
		a.kill(t)
		a.start(t)
		if kill < 3 { // it waits 2, 4 and 8 s; the other kills fall into the 16 s that follow
			expectPush(t, active, "after a kill")
		}
	}
	begin := time.Now()
	expectPush(t, active, "after eight kills")
	t.Logf("after eight kills: %v", time.Since(begin))
	a.stop(t)
	a.start(t)
	begin = time.Now()
	expectPush(t, active, "after a restart")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("KEDA came back after %v: its backoff was not reset", took)
	}
}

// newPair is two replicas behind one name, which KEDA asks in turn, as those behind a headless Service.
func newPair(t *testing.T, pods ...*pod) (first, second *adapter, scaler scalers.Scaler) {
	t.Helper()
	first, second = newAdapter(t, insecureDoor, pods...), newAdapter(t, insecureDoor, pods...)
	// KEDA shares connections by the address it was given, so that each pair needs one of its own.
	names := manual.NewBuilderWithScheme("pair-" + first.address)
	names.InitialState(resolver.State{Endpoints: []resolver.Endpoint{
		{Addresses: []resolver.Address{{Addr: first.endpoint()}}},
		{Addresses: []resolver.Address{{Addr: second.endpoint()}}}}})
	resolver.Register(names)
	return first, second, external(t, first.trigger(metadata{
		"scalerAddress": names.Scheme() + ":///adapters", "scaleToZero": "true"}))
}

func TestTwoReplicasSayTheSame(t *testing.T) {
	t.Parallel()
	p := newPod(t, "a")
	p.running.Store(7)
	first, second, scaler := newPair(t, p)
	eventually(t, func() error { return expectCalls(first, scaler) })
	eventually(t, func() error { return expectCalls(second, scaler) })
	for range 100 {
		if got := read(scaler); got != "7 true" {
			t.Fatalf("KEDA read %q", got)
		}
	}
}

// KEDA sets no deadline: of a replica that is stopped it waits for its answer until the livenessProbe has that
// one killed. Meanwhile it reads no number that is not, and then asks the other.
func TestAStoppedReplicaDoesNotSpeakForALiveOne(t *testing.T) {
	t.Parallel()
	p := newPod(t, "a")
	p.running.Store(7)
	_, second, scaler := newPair(t, p)
	eventually(t, func() error { return expectCalls(second, scaler) })
	if err := second.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { // it stops some milliseconds later
		got := readWithin(scaler, 2*time.Second)
		if got != "late" && got != "7 true" {
			t.Fatalf("KEDA read %q", got)
		}
		if got != "late" {
			return fmt.Errorf("KEDA read %q, half of which the stopped one had to say", got)
		}
		return nil
	})
	waiting := make(chan string)
	go func() { waiting <- read(scaler) }()
	time.Sleep(time.Second)
	begin := time.Now()
	second.kill(t)
	got := <-waiting
	t.Logf("KEDA read %q %v after it was killed", got, time.Since(begin))
	if !strings.Contains(got, "Unavailable") && got != "7 true" {
		t.Error("that is no error, and not what is so")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("KEDA waited %v for one that is no more", took)
	}
	expectRead(t, scaler, "7 true")
	for range 20 {
		if got := read(scaler); got != "7 true" {
			t.Errorf("KEDA read %q of the one that lives", got)
		}
	}
}

// expectCalls complains where the adapter hears nothing of what the scaler asks.
func expectCalls(a *adapter, scaler scalers.Scaler) error {
	if got := read(scaler); got != "7 true" {
		return fmt.Errorf("KEDA read %q", got)
	}
	answer, err := http.Get("http://" + a.address + ":9735/metrics")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Contains(page, []byte("leadline_adapter_keda_requests_total{")) {
		err = fmt.Errorf("it was not asked:\n%s", page)
	}
	return err
}

// readWithin is read(), or `late`.
func readWithin(scaler scalers.Scaler, limit time.Duration) string {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	values, active, err := scaler.GetMetricsAndActivity(ctx, metric)
	if ctx.Err() != nil {
		return "late"
	}
	if err != nil || len(values) != 1 {
		return fmt.Sprintf("%d values, %v", len(values), err)
	}
	return fmt.Sprintf("%s %t", values[0].Value.String(), active)
}
