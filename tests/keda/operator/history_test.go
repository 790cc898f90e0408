package operator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"leadline.dev/tests/cluster/await"
)

// history is every number of replicas that the Deployment of a namespace was to have, in order,
// from when it is made until the test ends: what flaps between two looks is in it.
type history struct {
	mutex sync.Mutex
	seen  []int
}

func newHistory(t *testing.T, namespace string) *history {
	t.Helper()
	options := metav1.ListOptions{}
	deployments := client.AppsV1().Deployments(namespace)
	list, err := deployments.List(t.Context(), options)
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d Deployments, %v", len(list.Items), err)
	}
	h := &history{seen: []int{int(*list.Items[0].Spec.Replicas)}}
	options.ResourceVersion = list.ResourceVersion
	ctx, cancel := context.WithCancel(context.Background())
	changes, err := deployments.Watch(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.follow(changes)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
			t.Error("the watch ended before the test: what followed was not seen")
		default:
		}
		cancel()
		t.Logf("replicas of %s: %v", namespace, h)
	})
	return h
}

func (h *history) follow(changes watch.Interface) {
	for event := range changes.ResultChan() {
		deployment, known := event.Object.(*appsv1.Deployment)
		if !known || event.Type == watch.Deleted {
			continue
		}
		h.mutex.Lock()
		if now := int(*deployment.Spec.Replicas); now != h.seen[len(h.seen)-1] {
			h.seen = append(h.seen, now)
		}
		h.mutex.Unlock()
	}
}

func (h *history) all() []int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return slices.Clone(h.seen)
}

func (h *history) String() string { return fmt.Sprint(h.all()) }

// is complains where it was anything else.
func (h *history) is(wanted ...int) error {
	if all := h.all(); !slices.Equal(all, wanted) {
		return fmt.Errorf("replicas were %v, not %v", all, wanted)
	}
	return nil
}

// rose complains where it ever fell; fell where it ever rose.
func (h *history) rose() error {
	if all := h.all(); !slices.IsSorted(all) {
		return fmt.Errorf("replicas were %v: they flap", all)
	}
	return nil
}

func (h *history) fell() error {
	all := h.all()
	slices.Reverse(all)
	if !slices.IsSorted(all) {
		return fmt.Errorf("replicas were %v: they flap", h)
	}
	return nil
}

// awaitNow returns once it is so many, and how long that took.
func (h *history) awaitNow(t *testing.T, wanted int) time.Duration {
	t.Helper()
	begin := time.Now()
	await.Success(t, patience, func() error {
		if all := h.all(); all[len(all)-1] != wanted {
			return fmt.Errorf("replicas were %v, never %d", all, wanted)
		}
		return nil
	})
	return time.Since(begin)
}

// awaitAtLeast returns once it is so many or more.
func (h *history) awaitAtLeast(t *testing.T, wanted int) {
	t.Helper()
	await.Success(t, patience, func() error {
		if all := h.all(); all[len(all)-1] < wanted {
			return fmt.Errorf("replicas were %v, never %d", all, wanted)
		}
		return nil
	})
}
