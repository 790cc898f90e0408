//go:build bench

package operator_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// onList scales a Deployment that does nothing on a list, from zero as soon as can be.
const onList = `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: workers, namespace: %[1]s}
spec:
  scaleTargetRef: {name: workers}
  minReplicaCount: 0
  maxReplicaCount: 5
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
    - type: %[2]s
`

// activations is how long after LPUSH the Deployment was to have a replica, as the API's watch tells it.
func activations(t *testing.T, namespace, trigger string, trials int) (took []time.Duration) {
	newDeployment(t, namespace, `[/bin/sleep, "3600"]`)
	apply(t, fmt.Sprintf(onList, namespace, trigger))
	changes, err := client.AppsV1().Deployments(namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer changes.Stop()
	time.Sleep(10 * time.Second) // KEDA drops what is pushed before its first reconciliation
	for range trials {
		time.Sleep(2*time.Second + time.Duration(rand.IntN(1000))*time.Millisecond)
		begin := time.Now()
		store.LPush(t.Context(), namespace, "job")
		awaitReplicas(t, changes, 1)
		took = append(took, time.Since(begin))
		store.Del(t.Context(), namespace)
		awaitReplicas(t, changes, 0)
	}
	return took
}

func awaitReplicas(t *testing.T, changes watch.Interface, wanted int32) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case event, open := <-changes.ResultChan():
			if !open {
				t.Fatal("the watch ended")
			}
			if deployment, is := event.Object.(*appsv1.Deployment); is && *deployment.Spec.Replicas == wanted {
				return
			}
		case <-limit:
			t.Fatalf("never %d replicas", wanted)
		}
	}
}

// Ours and KEDA's own redis trigger, in one cluster at the same time.
func TestActivationInTheCluster(t *testing.T) {
	trials, err := strconv.Atoi(os.Getenv("CLUSTER_TRIALS"))
	if err != nil || trials < 1 {
		trials = 50
	}
	for namespace, trigger := range map[string]string{
		"theirs": fmt.Sprintf("redis\n      metadata: {address: %q, listName: theirs}", server),
		"ours": fmt.Sprintf("external-push\n      metadata: {scalerAddress: %q, server: main, listName: ours}\n"+
			"      authenticationRef: {kind: ClusterTriggerAuthentication, name: leadline}", service.Address()),
	} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			took := activations(t, namespace, trigger, trials)
			slices.Sort(took)
			t.Logf("%s: LPUSH -> .spec.replicas 1, %d trials: p50 %v, p99 %v, max %v", namespace, len(took),
				took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
		})
	}
}
