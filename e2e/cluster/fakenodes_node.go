package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	// The controller-manager gives up on a node whose lease is 40 s old; kubelet renews every 10 s.
	heartbeat      = 10 * time.Second
	leaseSeconds   = int32(40)
	nodeLeaseSpace = "kube-node-lease"
	// Selects the nodes that are ours, for people and tests.
	fakeLabel = "tenantry.dev/fake-node"
)

// keepNodesReady registers the nodes and renews their leases until the context ends. A failure is logged and tried again at
// once a second, so that an API server that is away for a while (tests kill it) finds the nodes as they were.
func keepNodesReady(ctx context.Context, client kubernetes.Interface, names map[string]bool) {
	for ctx.Err() == nil {
		pause := heartbeat
		for name := range names {
			if err := errors.Join(ensureReady(ctx, client, name), renewLease(ctx, client, name)); err != nil {
				klog.ErrorS(err, "Keeping node ready", "node", name)
				pause = time.Second
			}
		}
		_ = wait.PollUntilContextTimeout(ctx, pause, pause, false, func(context.Context) (bool, error) { return true, nil })
	}
}

// ensureReady creates the node if it is absent and marks it Ready if it is not, as after a time in which nobody renewed its lease.
func ensureReady(ctx context.Context, client kubernetes.Interface, name string) error {
	node, err := client.CoreV1().Nodes().Get(ctx, name, meta.GetOptions{ResourceVersion: "0"})
	if apierrors.IsNotFound(err) {
		// The cache behind resourceVersion 0 may be behind our own create.
		node, err = client.CoreV1().Nodes().Create(ctx, newNode(name), meta.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("registering node %s: %w", name, err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady && condition.Status == core.ConditionTrue {
			return nil
		}
	}
	body, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": readyConditions()}})
	if err != nil {
		return err
	}
	if _, err = client.CoreV1().Nodes().PatchStatus(ctx, name, body); err != nil {
		return fmt.Errorf("marking node %s ready: %w", name, err)
	}
	return nil
}

func renewLease(ctx context.Context, client kubernetes.Interface, name string) error {
	leases := client.CoordinationV1().Leases(nodeLeaseSpace)
	now := meta.NewMicroTime(time.Now())
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"renewTime": now}})
	if err != nil {
		return err
	}
	_, err = leases.Patch(ctx, name, types.MergePatchType, body, meta.PatchOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, &coordination.Lease{
			ObjectMeta: meta.ObjectMeta{Name: name, Namespace: nodeLeaseSpace},
			Spec: coordination.LeaseSpec{
				HolderIdentity:       ptr.To(name),
				LeaseDurationSeconds: ptr.To(leaseSeconds),
				RenewTime:            &now,
			},
		}, meta.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("renewing lease of node %s: %w", name, err)
	}
	return nil
}

func newNode(name string) *core.Node {
	room := core.ResourceList{
		core.ResourceCPU:              resource.MustParse("64"),
		core.ResourceMemory:           resource.MustParse("256Gi"),
		core.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		core.ResourcePods:             resource.MustParse("1000"),
	}
	return &core.Node{
		ObjectMeta: meta.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				core.LabelHostname: name, core.LabelOSStable: "linux", core.LabelArchStable: "amd64", fakeLabel: "true",
			},
		},
		Status: core.NodeStatus{
			Capacity:    room,
			Allocatable: room,
			Conditions:  readyConditions(),
			NodeInfo: core.NodeSystemInfo{
				OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: "v1.36.3", ContainerRuntimeVersion: "fake://0",
			},
		},
	}
}

func readyConditions() []core.NodeCondition {
	now := meta.Now()
	condition := func(kind core.NodeConditionType, status core.ConditionStatus) core.NodeCondition {
		return core.NodeCondition{
			Type: kind, Status: status, Reason: "FakeNode", Message: "this node does not exist",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return []core.NodeCondition{
		condition(core.NodeReady, core.ConditionTrue),
		condition(core.NodeMemoryPressure, core.ConditionFalse),
		condition(core.NodeDiskPressure, core.ConditionFalse),
		condition(core.NodePIDPressure, core.ConditionFalse),
	}
}
