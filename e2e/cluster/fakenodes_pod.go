package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

// phaseAnnotation says how a pod ends up when running for ever is not what the test wants: Succeeded, Failed (a Job's pod), or
// Pending (a pod that never starts).
const phaseAnnotation = "fake-nodes.tenantry.dev/phase"

// playKubelet works until the context ends.
func playKubelet(ctx context.Context, client kubernetes.Interface, names map[string]bool) {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())
	addresses := &addressPool{taken: map[string]types.UID{}}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *meta.ListOptions) {
		o.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	}))
	pods := factory.Core().V1().Pods()
	enqueue := func(object any) {
		if pod, ok := object.(*core.Pod); ok && names[pod.Spec.NodeName] {
			addresses.note(pod)
			queue.Add(cache.MetaObjectToName(pod))
		}
	}
	_, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, current any) { enqueue(current) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			if pod, ok := object.(*core.Pod); ok {
				addresses.release(pod)
			}
		},
	})
	if err != nil {
		klog.ErrorS(err, "Watching pods")
		return
	}
	factory.Start(ctx.Done())
	// Addresses in use must all be known before the first new one is handed out.
	factory.WaitForCacheSync(ctx.Done())

	work := func() {
		for {
			name, stopped := queue.Get()
			if stopped {
				return
			}
			pod, err := pods.Lister().Pods(name.Namespace).Get(name.Name)
			if err == nil {
				err = playPod(ctx, client, addresses, pod)
			}
			if err != nil && !apierrors.IsNotFound(err) {
				klog.ErrorS(err, "Playing pod", "pod", name)
				queue.AddRateLimited(name)
			} else {
				queue.Forget(name)
			}
			queue.Done(name)
		}
	}
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(work)
	}
	<-ctx.Done()
	queue.ShutDown()
	workers.Wait()
}

// playPod makes the one write a kubelet would end up with for this pod, or none.
func playPod(ctx context.Context, client kubernetes.Interface, addresses *addressPool, pod *core.Pod) error {
	if pod.DeletionTimestamp != nil {
		return client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, meta.DeleteOptions{
			GracePeriodSeconds: ptr.To(int64(0)),
			Preconditions:      meta.NewUIDPreconditions(string(pod.UID)),
		})
	}
	if pod.Status.Phase != core.PodPending && pod.Status.Phase != "" {
		return nil
	}
	phase := core.PodRunning
	if wanted, ok := pod.Annotations[phaseAnnotation]; ok {
		phase = core.PodPhase(wanted)
	}
	if phase == core.PodPending {
		return nil
	}
	body, err := json.Marshal(map[string]any{
		// A pod of the same name that came later is another pod: the server refuses the patch on it.
		"metadata": map[string]any{"uid": pod.UID},
		"status":   statusOf(pod, phase, addresses.take(pod)),
	})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, body, meta.PatchOptions{}, "status")
	return err
}

func statusOf(pod *core.Pod, phase core.PodPhase, address string) core.PodStatus {
	now := meta.Now()
	running := phase == core.PodRunning
	condition := func(kind core.PodConditionType, holds bool) core.PodCondition {
		status := core.ConditionFalse
		if holds {
			status = core.ConditionTrue
		}
		return core.PodCondition{Type: kind, Status: status, LastTransitionTime: now}
	}
	state := core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}}
	switch phase {
	case core.PodSucceeded:
		state = ended("Completed", 0, now)
	case core.PodFailed:
		state = ended("Error", 1, now)
	}
	status := core.PodStatus{
		Phase:     phase,
		StartTime: &now,
		HostIP:    "192.0.2.1", HostIPs: []core.HostIP{{IP: "192.0.2.1"}},
		PodIP: address, PodIPs: []core.PodIP{{IP: address}},
		Conditions: []core.PodCondition{
			condition(core.PodInitialized, true),
			condition(core.ContainersReady, running),
			condition(core.PodReady, running),
		},
	}
	for _, container := range pod.Spec.InitContainers {
		sidecar := container.RestartPolicy != nil && *container.RestartPolicy == core.ContainerRestartPolicyAlways
		if sidecar {
			status.InitContainerStatuses = append(status.InitContainerStatuses, containerStatus(container, state))
		} else {
			status.InitContainerStatuses = append(status.InitContainerStatuses, containerStatus(container, ended("Completed", 0, now)))
		}
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(container, state))
	}
	return status
}

func ended(reason string, code int32, at meta.Time) core.ContainerState {
	return core.ContainerState{Terminated: &core.ContainerStateTerminated{
		Reason: reason, ExitCode: code, StartedAt: at, FinishedAt: at,
	}}
}

func containerStatus(container core.Container, state core.ContainerState) core.ContainerStatus {
	done := state.Terminated != nil && state.Terminated.ExitCode == 0
	return core.ContainerStatus{
		Name: container.Name, Image: container.Image, ImageID: "fake://" + container.Image, ContainerID: "fake://" + container.Name,
		State: state, Ready: state.Running != nil || done, Started: ptr.To(state.Running != nil),
	}
}

// addressPool hands out 10.244.0.1 … 10.244.255.254, each to one pod at a time.
type addressPool struct {
	mutex sync.Mutex
	taken map[string]types.UID
	last  int
}

func (p *addressPool) note(pod *core.Pod) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if pod.Status.PodIP != "" {
		p.taken[pod.Status.PodIP] = pod.UID
	}
}

func (p *addressPool) release(pod *core.Pod) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.taken[pod.Status.PodIP] == pod.UID {
		delete(p.taken, pod.Status.PodIP)
	}
}

func (p *addressPool) take(pod *core.Pod) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for range 1 << 16 {
		p.last = (p.last + 1) % (1 << 16)
		address := fmt.Sprintf("10.244.%d.%d", p.last>>8, p.last&255)
		if _, taken := p.taken[address]; !taken && p.last&255 != 0 && p.last&255 != 255 {
			p.taken[address] = pod.UID
			return address
		}
	}
	return "10.244.255.254"
}
