package main

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Packets are judged after kube-proxy has rewritten a Service's address to a pod's. What the node itself sends to pods (probes)
// is never judged. A pod that no chain knows yet is denied. Between pods on one bridge, IPv6 would go past all this.
const frame = `add table inet tenantry
delete table inet tenantry
table inet tenantry {
%[1]s	chain egress {
		ip saddr != %[2]s return
%[3]s		drop
	}
	chain ingress {
		ip daddr != %[2]s return
%[4]s		drop
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		meta nfproto ipv6 drop
		ct state established,related accept
		jump egress
		jump ingress
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		jump egress
	}
}
`

// ruleset is the whole table as text for nft; equal worlds give equal texts.
func (w *world) ruleset() string {
	var chains strings.Builder
	var out, in []string
	pods := slices.DeleteFunc(slices.Clone(w.pods), func(pod *core.Pod) bool { return !judged(pod) })
	slices.SortFunc(pods, func(a, b *core.Pod) int { return strings.Compare(string(a.UID), string(b.UID)) })
	w.pods = pods
	seen := map[string]bool{}
	for _, pod := range pods {
		address := pod.Status.PodIP
		if seen[address] {
			// Of two that claim it one has just ended; denied until it is clear which.
			continue
		}
		seen[address] = true
		out = append(out, w.verdict(&chains, pod, networking.PolicyTypeEgress))
		in = append(in, w.verdict(&chains, pod, networking.PolicyTypeIngress))
	}
	return fmt.Sprintf(frame, chains.String(), w.network, verdicts("saddr", out), verdicts("daddr", in))
}

func verdicts(field string, elements []string) string {
	if len(elements) == 0 {
		return ""
	}
	return fmt.Sprintf("\t\tip %s vmap { %s }\n", field, strings.Join(elements, ", "))
}

// verdict is where packets of a pod go: straight on if no policy isolates it, else through a chain of its own, which this adds.
func (w *world) verdict(chains *strings.Builder, pod *core.Pod, direction networking.PolicyType) string {
	policies := w.isolating(pod, direction)
	if len(policies) == 0 {
		return pod.Status.PodIP + " : return"
	}
	slices.SortFunc(policies, func(a, b *networking.NetworkPolicy) int { return strings.Compare(a.Name, b.Name) })
	chain := fmt.Sprintf("%s-%s", strings.ToLower(string(direction)), pod.Status.PodIP)
	fmt.Fprintf(chains, "\tchain %s {\n", chain)
	for _, policy := range policies {
		if direction == networking.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				w.allow(chains, "saddr", policy.Namespace, rule.From, rule.Ports, pod)
			}
			continue
		}
		for _, rule := range policy.Spec.Egress {
			w.allow(chains, "daddr", policy.Namespace, rule.To, rule.Ports, nil)
		}
	}
	chains.WriteString("\t\tdrop\n\t}\n")
	return fmt.Sprintf("%s : goto %s", pod.Status.PodIP, chain)
}

// allow adds one rule's lines. Named ports are those of the pod that is called: `own` for ingress, each peer for egress.
func (w *world) allow(
	chains *strings.Builder, field, namespace string, peers []networking.NetworkPolicyPeer, ports []networking.NetworkPolicyPort, own *core.Pod,
) {
	line := func(parts ...string) {
		parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
		fmt.Fprintf(chains, "\t\t%s\n", strings.Join(append(parts, "return"), " "))
	}
	pods, blocks := w.resolve(field, namespace, peers)
	if len(ports) == 0 {
		ports = []networking.NetworkPolicyPort{{}}
	}
	for _, port := range ports {
		if port.Port == nil || port.Port.Type == intstr.Int || own != nil {
			text, known := portMatch(port, own)
			if !known {
				continue
			}
			if len(peers) == 0 {
				line(text)
			}
			if len(pods) > 0 {
				var addresses []string
				for _, pod := range pods {
					addresses = append(addresses, pod.Status.PodIP)
				}
				slices.Sort(addresses)
				line(fmt.Sprintf("ip %s { %s }", field, strings.Join(slices.Compact(addresses), ", ")), text)
			}
			for _, block := range blocks {
				line(block, text)
			}
			continue
		}
		if len(peers) == 0 {
			pods = w.pods
		}
		for _, pod := range pods {
			if text, known := portMatch(port, pod); known {
				line(fmt.Sprintf("ip %s %s", field, pod.Status.PodIP), text)
			}
		}
	}
}

// resolve answers the pods that the peers select, and matches of their blocks.
func (w *world) resolve(field, namespace string, peers []networking.NetworkPolicyPeer) (pods []*core.Pod, blocks []string) {
	for _, peer := range peers {
		if peer.IPBlock != nil {
			// Of IPv6 there are no pods here, and its packets go nowhere.
			if strings.Contains(peer.IPBlock.CIDR, ":") {
				continue
			}
			block := fmt.Sprintf("ip %s %s", field, peer.IPBlock.CIDR)
			if len(peer.IPBlock.Except) > 0 {
				block += fmt.Sprintf(" ip %s != { %s }", field, strings.Join(peer.IPBlock.Except, ", "))
			}
			blocks = append(blocks, block)
			continue
		}
		for _, pod := range w.pods {
			home := pod.Namespace == namespace
			if peer.NamespaceSelector != nil {
				home = selects(peer.NamespaceSelector, w.namespaces[pod.Namespace])
			}
			if home && (peer.PodSelector == nil || selects(peer.PodSelector, pod.Labels)) {
				pods = append(pods, pod)
			}
		}
	}
	return pods, blocks
}

// portMatch is the match of one port; unknown when a pod has no port of that name.
func portMatch(port networking.NetworkPolicyPort, pod *core.Pod) (string, bool) {
	protocol := core.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	name := strings.ToLower(string(protocol))
	switch {
	case port.Port == nil && port.Protocol == nil:
		return "", true
	case port.Port == nil:
		return "meta l4proto " + name, true
	case port.Port.Type == intstr.Int && port.EndPort != nil:
		return fmt.Sprintf("%s dport %d-%d", name, port.Port.IntVal, *port.EndPort), true
	case port.Port.Type == intstr.Int:
		return fmt.Sprintf("%s dport %d", name, port.Port.IntVal), true
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, known := range container.Ports {
			if known.Name == port.Port.StrVal && known.Protocol == protocol {
				return fmt.Sprintf("%s dport %d", name, known.ContainerPort), true
			}
		}
	}
	return "", false
}

func selects(selector *meta.LabelSelector, of map[string]string) bool {
	compiled, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && compiled.Matches(labels.Set(of))
}
