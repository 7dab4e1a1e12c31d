// Command node is what makes a machine with root a Kubernetes node for tests: the real kubelet and kube-proxy, each a
// subcommand that takes its usual flags, and small stand-ins for what a cluster has besides: `network-policies`, `dns`
// and `metrics`. They are test tools. It decides nothing itself: e2e/src/node.rs picks flags and order.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

const usage = "usage: node {kubelet|kube-proxy|network-policies|dns|metrics} [flags]"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = os.Args[1:]
	switch name {
	case "kubelet":
		os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
	case "kube-proxy":
		os.Exit(cli.Run(proxy.NewProxyCommand()))
	case "network-policies":
		end(name, enforceNetworkPolicies)
	case "dns":
		end(name, answerNames)
	case "metrics":
		end(name, serveMetrics)
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
}

// end runs a tool of ours until it fails or is told to end.
func end(name string, tool func(context.Context, []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := tool(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// clientFor reads a kubeconfig; without one, it is the client of the pod that this runs in.
func clientFor(kubeconfig, agent string) (kubernetes.Interface, *rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, fmt.Errorf("reading kubeconfig %q: %w", kubeconfig, err)
	}
	config.UserAgent = agent
	client, err := kubernetes.NewForConfig(config)
	return client, config, err
}
