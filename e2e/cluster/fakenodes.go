package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// fakeNodes registers nodes that do not exist, keeps them Ready, and plays kubelet for the pods bound to them: pods run at
// once, and go at once when they are deleted. Nothing is ever executed, pulled or mounted, and nothing answers at a pod's address.
func fakeNodes(args []string) int {
	flags := flag.NewFlagSet("fake-nodes", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of a user who may write nodes, leases and pod status")
	count := flags.Int("nodes", 1, "number of nodes: fake-node-0, fake-node-1, …")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	client, err := clientFor(*kubeconfig)
	if err != nil {
		fmt.Fprintf(os.Stderr, "fake-nodes: reading kubeconfig %q: %v\n", *kubeconfig, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	names := make(map[string]bool, *count)
	for i := range *count {
		names[fmt.Sprintf("fake-node-%d", i)] = true
	}
	klog.InfoS("Playing kubelet", "nodes", len(names))
	go keepNodesReady(ctx, client, names)
	playKubelet(ctx, client, names)
	return 0
}

func clientFor(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	// The pods of a whole benchmark come at once; client-go's default of 5 requests a second is for polite clients.
	config.QPS, config.Burst = 500, 1000
	config.UserAgent = "tenantry-fake-nodes"
	return kubernetes.NewForConfig(config)
}
