// remembering is the test adapter of custom-metrics-apiserver, its main and its provider, with a
// Kubernetes client that lists what it is asked for once and remembers it: what the library itself
// costs where listing costs nothing.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/emicklei/go-restful/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/component-base/metrics/legacyregistry"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/apiserver/metrics"
	basecmd "sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/test-adapter/provider"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	adapter := &basecmd.AdapterBase{Name: "test-adapter"}
	if err := adapter.Flags().Parse(os.Args); err != nil {
		return err
	}
	client, err := adapter.DynamicClient()
	if err != nil {
		return err
	}
	mapper, err := adapter.RESTMapper()
	if err != nil {
		return err
	}
	values, writing := provider.NewFakeProvider(&rememberingClient{Interface: client}, mapper)
	adapter.WithCustomMetrics(values)
	adapter.WithExternalMetrics(values)
	if err := metrics.RegisterMetrics(legacyregistry.Register); err != nil {
		return err
	}
	restful.DefaultContainer.Add(writing)
	go func() {
		server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 3 * time.Second}
		log.Fatal(server.ListenAndServe())
	}()
	return adapter.Run(context.Background())
}

// rememberingClient is safe for use by several goroutines; so are what it returns.
type rememberingClient struct {
	dynamic.Interface
	lists sync.Map // of *unstructured.UnstructuredList by question
}

type question struct {
	resource            schema.GroupVersionResource
	namespace, selector string
}

func (c *rememberingClient) Resource(resource schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return namespaceable{c.Interface.Resource(resource), c, resource}
}

type namespaceable struct {
	dynamic.NamespaceableResourceInterface
	client   *rememberingClient
	resource schema.GroupVersionResource
}

func (n namespaceable) Namespace(namespace string) dynamic.ResourceInterface {
	return namespaced{n.NamespaceableResourceInterface.Namespace(namespace), n, namespace}
}

type namespaced struct {
	dynamic.ResourceInterface
	of        namespaceable
	namespace string
}

func (n namespaced) List(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	key := question{n.of.resource, n.namespace, options.LabelSelector}
	if known, ok := n.of.client.lists.Load(key); ok {
		return known.(*unstructured.UnstructuredList), nil
	}
	list, err := n.ResourceInterface.List(ctx, options)
	if err == nil {
		n.of.client.lists.Store(key, list)
	}
	return list, err
}
