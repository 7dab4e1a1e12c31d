package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"strings"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/klog/v2"

	"golang.org/x/net/dns/dnsmessage"
)

const zone = ".svc.cluster.local."

type names struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

// answerNames answers NAME.NAMESPACE.svc.cluster.local by UDP: with the Service's address, or its endpoints' if it has none.
// Other names do not exist, as in a cluster without an uplink.
func answerNames(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("dns", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of a user who may list and watch services and endpoint slices; absent: of the pod")
	address := flags.String("listen", ":53", "where to listen")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, _, err := clientFor(*kubeconfig, "tenantry-dns")
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	known := names{services: factory.Core().V1().Services().Lister(), slices: factory.Discovery().V1().EndpointSlices().Lister()}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	socket, err := net.ListenPacket("udp4", *address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	klog.InfoS("Answering", "address", socket.LocalAddr())
	packet := make([]byte, 1500)
	for {
		length, from, err := socket.ReadFrom(packet)
		if err != nil {
			return err
		}
		answer, err := known.answer(packet[:length])
		if err == nil {
			_, err = socket.WriteTo(answer, from)
		}
		if err != nil {
			klog.ErrorS(err, "Answering", "from", from)
		}
	}
}

func (n names) answer(packet []byte) ([]byte, error) {
	var asked dnsmessage.Message
	if err := asked.Unpack(packet); err != nil {
		return nil, err
	}
	if len(asked.Questions) != 1 {
		return nil, errors.New("not one question")
	}
	question := asked.Questions[0]
	addresses, exists := n.addresses(strings.ToLower(question.Name.String()))
	header := dnsmessage.Header{
		ID: asked.ID, Response: true, Authoritative: true, RecursionDesired: asked.RecursionDesired, RecursionAvailable: true,
	}
	if !exists {
		header.RCode = dnsmessage.RCodeNameError
	}
	answer := dnsmessage.Message{Header: header, Questions: asked.Questions}
	if question.Type == dnsmessage.TypeA {
		for _, address := range addresses {
			answer.Answers = append(answer.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte(address)},
			})
		}
	}
	return answer.Pack()
}

func (n names) addresses(name string) (found []net.IP, exists bool) {
	labelled, ours := strings.CutSuffix(name, zone)
	service, namespace, two := strings.Cut(labelled, ".")
	if !ours || !two || strings.Contains(namespace, ".") {
		return nil, false
	}
	object, err := n.services.Services(namespace).Get(service)
	if err != nil {
		return nil, false
	}
	add := func(text string) {
		if address := net.ParseIP(text).To4(); address != nil {
			found = append(found, address)
		}
	}
	if object.Spec.ClusterIP != core.ClusterIPNone {
		add(object.Spec.ClusterIP)
		return found, true
	}
	selector := labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: service})
	slices, _ := n.slices.EndpointSlices(namespace).List(selector)
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
				add(endpoint.Addresses[0])
			}
		}
	}
	return found, true
}
