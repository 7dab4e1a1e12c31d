//! What the Tenant grants, and one step beyond, in the namespace that the operator has made: that the annotations, labels,
//! quotas and rights there are those of the Tenant, and that the policies go by them.

use serde_json::{Value, json};

use crate::check::{Check, Expected, Kind};
use crate::request::Request;
use crate::samples;
use crate::stage::Stage;

/// Row of the matrix.
pub const FAMILY: &str = "grants";

/// Each field of the first tenant, by its admins, with the rights that they have from it.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn checks(stage: &Stage) -> Vec<Check> {
    let tenant = &stage.tenants[0];
    let (dev, other) = (tenant.dev(), stage.tenants[1].dev());
    let pod = || samples::pod(&dev);
    let service = |change: Value| samples::service(&dev, &change);
    let claim = |change: Value| samples::claim(&dev, &change);
    let ingress = |change: Value| samples::ingress(&dev, &change);
    let route = |change: Value| samples::route(&dev, &change);
    let mut foreign_subject = samples::binding(&dev, "tenantry:viewer");
    foreign_subject["subjects"][0]["namespace"] = other.as_str().into();
    let mut everybody = foreign_subject.clone();
    everybody["subjects"] =
        json!([{ "kind": "Group", "name": "system:authenticated", "apiGroup": "rbac.authorization.k8s.io" }]);
    let no = Value::Null;
    let attempts = [
        (
            "an image of another registry",
            samples::pod_with_container(&dev, &json!({ "image": "registry.example/other/app:1" })),
            pod(),
            "pods",
            "image-registry",
        ),
        (
            "an image without a registry",
            samples::pod_with_container(&dev, &json!({ "image": "app:1" })),
            pod(),
            "pods",
            "image-registry",
        ),
        (
            "an image from the node's cache",
            samples::pod_with_container(&dev, &json!({ "imagePullPolicy": "Never" })),
            pod(),
            "pods",
            "pull-policy",
        ),
        (
            "a priority class",
            samples::pod_with(&dev, &json!({ "priorityClassName": "system-node-critical" })),
            pod(),
            "pods",
            "priority-class",
        ),
        ("a node's name", samples::pod_with(&dev, &json!({ "nodeName": "node-1" })), pod(), "pods", "node-name"),
        (
            "a Service on every node",
            service(json!({ "type": "NodePort" })),
            service(no.clone()),
            "services",
            "service-type",
        ),
        (
            "a load balancer",
            service(json!({ "type": "LoadBalancer" })),
            service(no.clone()),
            "services",
            "service-type",
        ),
        (
            "addresses outside",
            service(json!({ "externalIPs": ["192.0.2.1"] })),
            service(no.clone()),
            "services",
            "external-ips",
        ),
        (
            "another storage class",
            claim(json!({ "storageClassName": "fast" })),
            claim(no.clone()),
            "storage",
            "storage-class",
        ),
        ("another's volume", claim(json!({ "volumeName": "pv-other" })), claim(no.clone()), "storage", "volume-name"),
        (
            "another ingress class",
            ingress(json!({ "ingressClassName": "internal" })),
            ingress(no.clone()),
            "routes",
            "ingress-class",
        ),
        (
            "another's host",
            ingress(json!({ "rules": [{ "host": "shop.other.example" }] })),
            ingress(no.clone()),
            "routes",
            "ingress-hosts",
        ),
        (
            "another's hostname",
            route(json!({ "hostnames": ["shop.other.example"] })),
            route(no.clone()),
            "routes",
            "route-hostnames",
        ),
        ("no hostname", route(json!({ "hostnames": null })), route(no.clone()), "routes", "route-hostnames"),
        (
            "another's gateway",
            route(json!({ "parentRefs": [{ "name": "shared", "namespace": other }] })),
            route(no.clone()),
            "routes",
            "route-parents",
        ),
        (
            "rights for another tenant's ServiceAccount",
            foreign_subject,
            samples::binding(&dev, "tenantry:viewer"),
            "rbac",
            "binding-subjects",
        ),
        ("rights for everybody", everybody, samples::binding(&dev, "tenantry:viewer"), "rbac", "binding-subjects"),
    ];
    let mut checks = Vec::new();
    for who in Kind::MEMBERS.map(|kind| stage.member(0, "admin", kind)) {
        for (name, object, conforming, group, rule) in attempts.clone() {
            let expected = Expected::refused_by(&format!("tenantry-{group}"), rule);
            let check = Check::new(FAMILY, name, &who, Request::Create(object), expected);
            checks.push(check.with_control(Request::Create(conforming)));
        }
    }
    checks
}
