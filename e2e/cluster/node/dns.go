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

const (
	zone = ".svc.cluster.local."
	// Names may stand for each other in a circle.
	longestChain = 8
)

type names struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

// answerNames answers NAME.NAMESPACE.svc.cluster.local by UDP: with the Service's address, or its endpoints' if it has none, or of type
// ExternalName with the name that it stands for and what is known of that. Other names do not exist, as in a cluster without an uplink.
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
	answers, exists := n.answers(asked.Questions[0])
	header := dnsmessage.Header{
		ID: asked.ID, Response: true, Authoritative: true, RecursionDesired: asked.RecursionDesired, RecursionAvailable: true,
	}
	if !exists {
		header.RCode = dnsmessage.RCodeNameError
	}
	answer := dnsmessage.Message{Header: header, Questions: asked.Questions, Answers: answers}
	return answer.Pack()
}

// answers tells all at once, from name to name, as who asks does not ask again. Whether it exists is said of the last name.
func (n names) answers(question dnsmessage.Question) (answers []dnsmessage.Resource, exists bool) {
	name := question.Name
	add := func(body dnsmessage.ResourceBody) {
		header := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 1}
		answers = append(answers, dnsmessage.Resource{Header: header, Body: body})
	}
	for range longestChain {
		service := n.service(strings.ToLower(name.String()))
		if service == nil {
			return answers, false
		}
		if service.Spec.Type != core.ServiceTypeExternalName {
			if question.Type == dnsmessage.TypeA {
				for _, address := range n.addresses(service) {
					add(&dnsmessage.AResource{A: [4]byte(address)})
				}
			}
			return answers, true
		}
		target, err := dnsmessage.NewName(strings.TrimSuffix(service.Spec.ExternalName, ".") + ".")
		if err != nil {
			return answers, false
		}
		add(&dnsmessage.CNAMEResource{CNAME: target})
		name = target
	}
	return answers, false
}

// service is nil where there is none of this name.
func (n names) service(name string) *core.Service {
	labelled, ours := strings.CutSuffix(name, zone)
	service, namespace, two := strings.Cut(labelled, ".")
	if !ours || !two || strings.Contains(namespace, ".") {
		return nil
	}
	object, err := n.services.Services(namespace).Get(service)
	if err != nil {
		return nil
	}
	return object
}

func (n names) addresses(service *core.Service) (found []net.IP) {
	add := func(text string) {
		if address := net.ParseIP(text).To4(); address != nil {
			found = append(found, address)
		}
	}
	if service.Spec.ClusterIP != core.ClusterIPNone {
		add(service.Spec.ClusterIP)
		return found
	}
	selector := labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: service.Name})
	slices, _ := n.slices.EndpointSlices(service.Namespace).List(selector)
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
				add(endpoint.Addresses[0])
			}
		}
	}
	return found
}
