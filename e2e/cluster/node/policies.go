package main

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// enforceNetworkPolicies keeps one nftables table as all NetworkPolicies want it, written whole in one transaction after each
// change. It is a test tool for one node and IPv4.
func enforceNetworkPolicies(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("network-policies", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of a user who may list and watch pods, namespaces and network policies")
	network := flags.String("pod-network", "10.244.0.0/16", "addresses of pods")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// Before anything is known, nothing may pass.
	if err := load(ctx, (&world{network: *network}).ruleset()); err != nil {
		return err
	}
	client, _, err := clientFor(*kubeconfig, "tenantry-network-policies")
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	note := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { note() }, UpdateFunc: func(any, any) { note() }, DeleteFunc: func(any) { note() },
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, spaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), spaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	klog.InfoS("Judging")
	note()
	loaded := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		now := world{network: *network, namespaces: map[string]labels.Set{}}
		now.pods, _ = pods.Lister().List(labels.Everything())
		now.policies, _ = policies.Lister().List(labels.Everything())
		listed, _ := spaces.Lister().List(labels.Everything())
		for _, space := range listed {
			now.namespaces[space.Name] = space.Labels
		}
		if text := now.ruleset(); text != loaded {
			if err := load(ctx, text); err != nil {
				return err
			}
			loaded = text
		}
	}
}

func load(ctx context.Context, text string) error {
	command := exec.CommandContext(ctx, "nft", "-f", "-")
	command.Stdin = strings.NewReader(text)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s\n%s", err, said, text)
	}
	return nil
}

// world is what policies are judged by.
type world struct {
	network    string
	pods       []*core.Pod
	namespaces map[string]labels.Set
	policies   []*networking.NetworkPolicy
}

// judged says whether a pod has an address of its own that packets can come from.
func judged(pod *core.Pod) bool {
	ended := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
	return pod.Status.PodIP != "" && !pod.Spec.HostNetwork && !ended
}

func (w *world) isolating(pod *core.Pod, direction networking.PolicyType) []*networking.NetworkPolicy {
	var found []*networking.NetworkPolicy
	for _, policy := range w.policies {
		if policy.Namespace != pod.Namespace || !selects(&policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		for _, kind := range policy.Spec.PolicyTypes {
			if kind == direction {
				found = append(found, policy)
			}
		}
	}
	return found
}
