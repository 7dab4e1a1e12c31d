package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	certificates "k8s.io/client-go/util/cert"
	"k8s.io/klog/v2"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// What kubelet says of one container: its processor time since it started, or its memory now.
var sampleLine = regexp.MustCompile(
	`(?m)^container_(cpu_usage_seconds_total|memory_working_set_bytes)\{container="([^"]+)",namespace="([^"]+)",pod="([^"]+)"\} (\S+) (\d+)$`)

type container struct{ namespace, pod, name string }

type sample struct {
	at     time.Time
	value  float64
	rate   float64 // per second, since the sample before
	window time.Duration
}

type measured struct {
	mutex       sync.RWMutex
	cpu, memory map[container]sample
	pods        corelisters.PodLister
}

// serveMetrics is metrics.k8s.io/v1beta1 for pods, fed by the kubelet's /metrics/resource: what the autoscaler of
// kube-controller-manager and `kubectl top pods` ask.
func serveMetrics(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("metrics", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of a user who may list and watch pods and read the kubelet's metrics")
	kubelet := flags.String("kubelet", "", "address and port of the kubelet")
	address := flags.String("listen", "127.0.0.1:0", "where to listen")
	every := flags.Duration("every", 2*time.Second, "how often to ask the kubelet")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, config, err := clientFor(*kubeconfig, "tenantry-metrics")
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	known := &measured{cpu: map[container]sample{}, memory: map[container]sample{}, pods: factory.Core().V1().Pods().Lister()}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go known.follow(ctx, config, *kubelet, *every)

	certificate, key, err := certificates.GenerateSelfSignedCertKey("localhost", nil, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	// On loopback of the test's own network: whoever reaches it may ask.
	server := &http.Server{Addr: *address, Handler: known.routes(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	klog.InfoS("Serving", "address", *address)
	return server.ListenAndServeTLS("", "")
}

func (u *measured) follow(ctx context.Context, config *rest.Config, kubelet string, every time.Duration) {
	// The kubelet's own certificate is not what is tested here.
	config = rest.CopyConfig(config)
	config.TLSClientConfig.Insecure, config.TLSClientConfig.CAData, config.TLSClientConfig.CAFile = true, nil, ""
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		klog.ErrorS(err, "Making the kubelet's client")
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := u.look(ctx, client, "https://"+kubelet+"/metrics/resource"); err != nil {
			klog.ErrorS(err, "Asking the kubelet")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (u *measured) look(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	u.mutex.Lock()
	defer u.mutex.Unlock()
	for _, found := range sampleLine.FindAllStringSubmatch(string(body), -1) {
		value, err := strconv.ParseFloat(found[5], 64)
		milliseconds, err2 := strconv.ParseInt(found[6], 10, 64)
		if err != nil || err2 != nil {
			continue
		}
		key := container{namespace: found[3], pod: found[4], name: found[2]}
		now := sample{at: time.UnixMilli(milliseconds), value: value}
		if found[1] != "cpu_usage_seconds_total" {
			u.memory[key] = now
			continue
		}
		before, any := u.cpu[key]
		if any && !now.at.After(before.at) {
			continue
		}
		// A counter that fell is that of a container that was started again.
		if any && value >= before.value {
			now.window = now.at.Sub(before.at)
			now.rate = (value - before.value) / now.window.Seconds()
		}
		u.cpu[key] = now
	}
	return nil
}

func (u *measured) routes() http.Handler {
	const root = "/apis/metrics.k8s.io"
	version := meta.GroupVersionForDiscovery{GroupVersion: "metrics.k8s.io/v1beta1", Version: "v1beta1"}
	group := meta.APIGroup{
		TypeMeta: meta.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}, Name: "metrics.k8s.io",
		Versions: []meta.GroupVersionForDiscovery{version}, PreferredVersion: version,
	}
	resources := meta.APIResourceList{
		TypeMeta: meta.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version.GroupVersion,
		APIResources: []meta.APIResource{{Name: "pods", Namespaced: true, Kind: "PodMetrics", Verbs: meta.Verbs{"get", "list"}}},
	}
	routes := http.NewServeMux()
	constant := func(body any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, body) }
	}
	routes.HandleFunc("GET /apis", constant(meta.APIGroupList{
		TypeMeta: meta.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []meta.APIGroup{group},
	}))
	routes.HandleFunc("GET "+root, constant(group))
	routes.HandleFunc("GET "+root+"/v1beta1", constant(resources))
	routes.HandleFunc("GET "+root+"/v1beta1/pods", u.list)
	routes.HandleFunc("GET "+root+"/v1beta1/namespaces/{namespace}/pods", u.list)
	return routes
}

func (u *measured) list(w http.ResponseWriter, request *http.Request) {
	selector, err := labels.Parse(request.URL.Query().Get("labelSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pods, err := u.pods.Pods(request.PathValue("namespace")).List(selector)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	list := metrics.PodMetricsList{
		TypeMeta: meta.TypeMeta{Kind: "PodMetricsList", APIVersion: "metrics.k8s.io/v1beta1"}, Items: []metrics.PodMetrics{},
	}
	u.mutex.RLock()
	defer u.mutex.RUnlock()
	for _, pod := range pods {
		if found := u.of(pod); found != nil {
			list.Items = append(list.Items, *found)
		}
	}
	answer(w, http.StatusOK, list)
}

// of answers nothing for a pod of which a container has not been seen twice.
func (u *measured) of(pod *core.Pod) *metrics.PodMetrics {
	found := metrics.PodMetrics{ObjectMeta: meta.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels}}
	for _, one := range pod.Spec.Containers {
		key := container{namespace: pod.Namespace, pod: pod.Name, name: one.Name}
		cpu, known := u.cpu[key]
		if !known || cpu.window == 0 {
			return nil
		}
		found.Timestamp, found.Window = meta.NewTime(cpu.at), meta.Duration{Duration: cpu.window}
		found.Containers = append(found.Containers, metrics.ContainerMetrics{Name: one.Name, Usage: core.ResourceList{
			core.ResourceCPU:    *resource.NewScaledQuantity(int64(cpu.rate*1e9), resource.Nano),
			core.ResourceMemory: *resource.NewQuantity(int64(u.memory[key].value), resource.BinarySI),
		}})
	}
	return &found
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil && !strings.Contains(err.Error(), "broken pipe") {
		klog.ErrorS(err, "Answering")
	}
}
