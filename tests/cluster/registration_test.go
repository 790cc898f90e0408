package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/kubectl"
)

// One `kubectl apply -k` was all: certificate and caBundle are the adapter's own work.
func TestCheck67APIServicesBecomeAvailable(t *testing.T) {
	took := needAdapter(t)
	t.Logf("%.1f s after kubectl apply", took.Seconds())
	if took > 35*time.Second {
		t.Error("that is late")
	}
	for _, name := range apiServices {
		if found, err := apiServiceNamed(name); err != nil || len(found.Spec.CABundle) == 0 {
			t.Errorf("%s has no caBundle: %v", name, err)
		}
	}
}

func TestCheck68AggregatedDiscoveryIsCurrent(t *testing.T) {
	needAdapter(t)
	await.Success(t, patience, func() error {
		versions, err := discovered(t.Context())
		for _, wanted := range []string{"custom.metrics.k8s.io/v1beta2 Current",
			"custom.metrics.k8s.io/v1beta1 Current", "external.metrics.k8s.io/v1beta1 Current"} {
			if !slices.Contains(versions, wanted) {
				err = errors.Join(err, fmt.Errorf("no %s in %q", wanted, versions))
			}
		}
		return err
	})
	listed, err := admin.Run(t.Context(), "api-resources", "--api-group=external.metrics.k8s.io", "-o", "name")
	if err != nil || !strings.Contains(listed, "queue_depth.external.metrics.k8s.io\n") {
		t.Errorf("kubectl api-resources: %v: %s", err, listed)
	}
}

// discovered are `group/version freshness` of the metrics APIs.
func discovered(ctx context.Context) (versions []string, err error) {
	body, err := client.CoreV1().RESTClient().Get().AbsPath("/apis").SetHeader("Accept",
		"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata metav1.ObjectMeta
			Versions []struct {
				Version, Freshness string
				Resources          []any
			}
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	for _, group := range list.Items {
		if !strings.HasSuffix(group.Metadata.Name, "metrics.k8s.io") {
			continue
		}
		for _, v := range group.Versions {
			versions = append(versions, group.Metadata.Name+"/"+v.Version+" "+v.Freshness)
			if len(v.Resources) == 0 {
				err = errors.Join(err, fmt.Errorf("%s/%s lists nothing", group.Metadata.Name, v.Version))
			}
		}
	}
	return versions, err
}

func TestCheck74AdapterThatStopsAndComesBack(t *testing.T) {
	s := newScene(t, "check74", 1)
	s.queue(30)
	s.autoscale(10, external("queue_depth", average("10")))
	s.awaitReplicas(3)

	scaleAdapter(t, 0)
	stopped := time.Now()
	await.Success(t, patience, noneAvailable)
	if took := time.Since(stopped); took > 35*time.Second {
		t.Errorf("unavailable after %s", took)
	}
	await.Success(t, decided, func() error { return s.expectHold(3, "FailedGetExternalMetric", "") })

	scaleAdapter(t, 2)
	begin := time.Now()
	await.Success(t, 90*time.Second, allAvailable)
	await.Success(t, 90*time.Second-time.Since(begin), func() error { return s.expectReplicas(3) })
	t.Logf("right again after %.1f s", time.Since(begin).Seconds())
}

func scaleAdapter(t *testing.T, replicas int) {
	t.Helper()
	_, err := admin.Run(t.Context(), "scale", "deployment/leadline-adapter", "-n", "leadline",
		fmt.Sprint("--replicas=", replicas))
	if err != nil {
		t.Fatal(err)
	}
}

// The role that Kubernetes itself gives the HPA controller is enough, and nobody else reads values
// who was not allowed to.
func TestCheck76WhoMayReadValues(t *testing.T) {
	s := newScene(t, "check76", 1)
	s.queue(5)
	_, err := admin.Run(t.Context(), "delete", "clusterrolebinding", "leadline-metrics-reader-hpa-controller")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := applyOurs(context.Background()); err != nil {
			t.Error(err)
		}
	})
	controller := rest.ImpersonationConfig{UserName: "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"}}
	for _, path := range valuePaths(s.namespace) {
		await.Success(t, patience, func() error { return expectAnswer(t.Context(), controller, path, "200") })
		nobody := rest.ImpersonationConfig{UserName: "nobody", Groups: []string{"system:authenticated"}}
		if err := expectAnswer(t.Context(), nobody, path, "403"); err != nil {
			t.Error(err)
		}
	}
	viewerReadsOneNamespaceOnly(t, s)
}

func valuePaths(namespace string) []string {
	return []string{
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/" + namespace + "/queue_depth",
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/" + namespace + "/pods/*/queue_depth",
		"/apis/custom.metrics.k8s.io/v1beta1/namespaces/" + namespace + "/deployments.apps/llm/queue_depth",
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/" + namespace + "/metrics/queue_depth",
	}
}

// Whoever may `view` a namespace sees its values, by a certificate of their own and through kubectl.
func viewerReadsOneNamespaceOnly(t *testing.T, s *scene) {
	t.Helper()
	file, err := plane.KubeconfigFor("viewer")
	if err != nil {
		t.Fatal(err)
	}
	viewer := kubectl.For{Kubeconfig: file}
	_, err = admin.Run(t.Context(), "create", "rolebinding", "viewer", "-n", s.namespace,
		"--clusterrole=view", "--user=viewer")
	if err != nil {
		t.Fatal(err)
	}
	await.Success(t, patience, func() error {
		_, err := viewer.Run(t.Context(), "get", "--raw", valuePaths(s.namespace)[0])
		return err
	})
	for _, path := range valuePaths("default") {
		if _, err := viewer.Run(t.Context(), "get", "--raw", path); err == nil || !strings.Contains(err.Error(), "orbidden") {
			t.Errorf("viewer reads %s: %v", path, err)
		}
	}
}

// expectAnswer asks as somebody, through kube-apiserver.
func expectAnswer(ctx context.Context, user rest.ImpersonationConfig, path, wanted string) error {
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	if err != nil {
		return err
	}
	config.Impersonate = user
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	response, err := http.Get(config.Host + strings.ReplaceAll(path, "*", "%2A"))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if !strings.HasPrefix(response.Status, wanted) {
		return fmt.Errorf("%s as %s: %s, wanted %s", path, user.UserName, response.Status, wanted)
	}
	return nil
}

// What is behind the adapter is dead: it must answer discovery all the same, or no namespace of the
// cluster could be deleted.
func TestCheck77NamespaceIsDeletedWhileNoSidecarAnswers(t *testing.T) {
	s := newScene(t, "check77", 2)
	for _, pod := range s.readyPods(2) {
		hang(t, pod)
	}
	other := emptyScene(t, "check77-deleted")
	other.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: content, namespace: check77-deleted}\n")
	if _, err := admin.Run(t.Context(), "delete", "namespace", other.namespace, "--wait=false"); err != nil {
		t.Fatal(err)
	}
	await.Success(t, patience, func() error {
		found, err := client.CoreV1().Namespaces().Get(t.Context(), other.namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("%v: %+v", err, found.Status)
	})
}
