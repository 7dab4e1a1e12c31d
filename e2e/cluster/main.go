// Command cluster is a whole Kubernetes control plane for tests in one program: the real etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and kubectl, each a subcommand that takes its usual flags, and `fake-nodes`,
// which plays kubelet for nodes that do not exist. `exec` runs somebody else's program so that it, too, ends with its
// parent. It decides nothing itself: e2e/src/cluster.rs picks flags and order.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const usage = "usage: cluster {etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kubectl|fake-nodes|exec PROGRAM} [flags]"

func main() {
	// Called by a link named `kubectl` (or kube-apiserver, …) it is that program.
	name := filepath.Base(os.Args[0])
	if !isComponent(name) {
		if len(os.Args) < 2 || !isComponent(os.Args[1]) {
			fmt.Fprintln(os.Stderr, usage)
			os.Exit(2)
		}
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	run(name)
}

func isComponent(name string) bool {
	switch name {
	case "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "fake-nodes", "exec":
		return true
	}
	return false
}

func run(name string) {
	if name != "kubectl" {
		dieWithParent()
	}
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kubectl":
		os.Exit(cli.Run(kubectl.NewDefaultKubectlCommand()))
	case "fake-nodes":
		os.Exit(fakeNodes(os.Args[1:]))
	case "exec":
		// What dieWithParent arranged survives execve.
		err := fmt.Errorf("no program named")
		if len(os.Args) > 1 {
			err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
		}
		fmt.Fprintln(os.Stderr, "exec:", err)
		os.Exit(127)
	}
}
