// Package kubelet stands in for the scheduler and the kubelets of a cluster. There is one node. Each
// pod gets an address of its own, and for its containers real processes that listen there:
//
//	leadline/sidecar   leadline-sidecar, with the environment that the pod gives it
//	leadline/adapter   leadline-adapter, with a kubeconfig for the pod's service account
//	with a command     that command, above all in a Job, whose pods end with it
//	any other          leadline-sim engine, which passes for the engine of that image
//
// It does what our daemons and the controllers can tell from a kubelet: native sidecars start first
// and end last, startup and readiness probes over HTTP decide on Ready, what ends is started again
// after a pause that doubles, and a deleted pod is Terminating until its processes have ended, at
// SIGTERM or after the grace period at SIGKILL.
//
// Secrets are mounted for what a variable names, and looked at again every second. It does not look at
// images, other volumes, resources, security contexts and liveness probes. Probes come every 250 ms
// whatever their period, so that no test waits for minutes; their thresholds hold.
package kubelet

import (
	"context"
	"fmt"
	"log"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// NodeName is that of the one node.
const NodeName = "stand-in"

// How long one request to the Kubernetes API may take.
const requestLimit = 10 * time.Second

// Options say where things are. All fields are needed but Server.
type Options struct {
	Config    *rest.Config // an administrator's
	Folder    string       // of the pods' logs and files; it must exist
	Programs  string       // folder of leadline-sidecar, leadline-sim and leadline-adapter
	Addresses netip.Prefix // of the pods; all of it must be this machine's own
	Server    string       // the Kubernetes API's URL as pods know it; empty: Config's
}

// Kubelet runs the pods of a cluster. Safe for use by several goroutines.
type Kubelet struct {
	options Options
	client  kubernetes.Interface
	log     *log.Logger
	cancel  context.CancelFunc
	running sync.WaitGroup

	mutex sync.Mutex // guards what follows
	pods  map[types.UID]*Pod
	last  netip.Addr          // that was given to a pod
	flags map[string][]string // of engines, by namespace
}

// Start makes the node and runs pods until Stop.
func Start(options Options) (*Kubelet, error) {
	config := rest.CopyConfig(options.Config)
	config.QPS, config.Burst = 500, 1000 // a kubelet of a node with few pods; here they are many
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	file, err := os.Create(filepath.Join(options.Folder, "kubelet.log"))
	if err != nil {
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	if options.Server == "" {
		options.Server = config.Host
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := &Kubelet{
		options: options, client: client, cancel: cancel,
		log:  log.New(file, "", log.Ltime|log.Lmicroseconds),
		pods: map[types.UID]*Pod{}, last: options.Addresses.Masked().Addr(), flags: map[string][]string{},
	}
	k.running.Go(func() {
		<-ctx.Done()
		_ = file.Close()
	})
	if err := k.makeNode(ctx); err != nil {
		cancel()
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	k.watch(ctx)
	return k, nil
}

// Stop kills all processes and returns when none is left. The pods stay in the API as they were.
func (k *Kubelet) Stop() {
	k.cancel()
	k.running.Wait()
}

// EngineFlags are given to engines of the namespace that start from now on, above all
// --startup-delay-ms, with which they stay loading.
func (k *Kubelet) EngineFlags(namespace string, flags ...string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.flags[namespace] = flags
}

// Pod finds one that runs or is Terminating; nil where there is none of that name.
func (k *Kubelet) Pod(namespace, name string) *Pod {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for _, pod := range k.pods {
		if object := pod.object.Load(); object.Namespace == namespace && object.Name == name {
			return pod
		}
	}
	return nil
}

// LogClients has a file for what client-go tells of connections that end, as they do here.
func LogClients(path string) error {
	file, err := os.Create(path)
	klog.LogToStderr(false)
	klog.SetOutput(file)
	return err
}

// PodsOf are those of a namespace that run and are not Terminating.
func (k *Kubelet) PodsOf(namespace string) (found []*Pod) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for _, pod := range k.allPods() {
		object := pod.object.Load()
		if object.Namespace == namespace && !pod.Terminating() {
			found = append(found, pod)
		}
	}
	return found
}

func (k *Kubelet) makeNode(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	node, err := k.client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:   NodeName,
			Labels: map[string]string{corev1.LabelHostname: NodeName, corev1.LabelTopologyZone: "here"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	_, err = k.client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

func (k *Kubelet) watch(ctx context.Context) {
	factory := informers.NewSharedInformerFactory(k.client, 0)
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.changed(ctx, object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { k.changed(ctx, object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if last, missed := object.(cache.DeletedFinalStateUnknown); missed {
				object = last.Obj
			}
			k.gone(object.(*corev1.Pod).UID)
		},
	}
	// It fails for an informer that has stopped, and this one has not begun.
	_, _ = factory.Core().V1().Pods().Informer().AddEventHandler(handler)
	factory.Start(ctx.Done())
	k.running.Go(factory.Shutdown)
}

func (k *Kubelet) changed(ctx context.Context, object *corev1.Pod) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	pod, known := k.pods[object.UID]
	if !known {
		if object.Spec.NodeName != "" && object.Spec.NodeName != NodeName || ctx.Err() != nil {
			return
		}
		pod = newPod(k, k.freeAddress(), k.flags[object.Namespace])
		k.pods[object.UID] = pod
	}
	pod.object.Store(object)
	pod.wake()
	if !known {
		k.running.Go(func() {
			pod.run(ctx)
			k.forget(object.UID)
		})
	}
}

func (k *Kubelet) gone(uid types.UID) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if pod, known := k.pods[uid]; known {
		close(pod.gone)
	}
}

func (k *Kubelet) forget(uid types.UID) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	delete(k.pods, uid)
}

// The next one that no pod has, so that an address of a pod that is no more stays unused for long.
func (k *Kubelet) freeAddress() netip.Addr {
	for {
		k.last = k.last.Next()
		if !k.options.Addresses.Contains(k.last.Next()) { // the last one is a broadcast address
			k.last = k.options.Addresses.Masked().Addr().Next()
		}
		taken := func(pod *Pod) bool { return pod.address == k.last }
		if !slices.ContainsFunc(k.allPods(), taken) {
			return k.last
		}
	}
}

func (k *Kubelet) allPods() []*Pod { return slices.Collect(maps.Values(k.pods)) }
