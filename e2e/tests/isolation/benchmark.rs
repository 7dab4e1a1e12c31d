//! The checks of the Kubernetes Multi-Tenancy Benchmark by their ids, made anew: the pods conform to the restricted level but
//! for one field, a refusal must come from where it should, and each has a request that is accepted. Of its pending checks, those
//! that need no node.

use serde_json::{Value, json};

use crate::access::{self, VERBS};
use crate::check::{Check, Expected, Kind, Who};
use crate::network;
use crate::reach::{Direction, End};
use crate::request::Request;
use crate::samples;
use crate::stage::Stage;

/// Row of the matrix.
pub const FAMILY: &str = "Multi-Tenancy Benchmark";
const RBAC: &str = "rbac.authorization.k8s.io";

/// All checks, by admins of the first tenant.
pub async fn checks(stage: &Stage) -> Vec<Check> {
    let cluster = access::cluster_scoped(&stage.admin).await;
    let namespaced = access::namespaced(&stage.admin).await;
    let mut checks = Vec::new();
    for who in Kind::MEMBERS.map(|kind| stage.member(0, "admin", kind)) {
        let profile = Profile { stage, who, dev: stage.tenants[0].dev() };
        checks.extend(profile.pods());
        checks.extend(profile.objects());
        checks.extend(profile.rights(&cluster, &namespaced));
        checks.extend(profile.quotas());
        checks.extend(profile.self_service());
        checks.extend(profile.network());
    }
    checks
}

struct Profile<'a> {
    stage: &'a Stage,
    who: Who,
    dev: String,
}

impl Profile<'_> {
    fn check(&self, id: &str, request: Request, expected: Expected) -> Check {
        Check::new(FAMILY, id, &self.who, request, expected)
    }

    /// What the pod security level refuses, in its words.
    fn pods(&self) -> Vec<Check> {
        let dev = &self.dev;
        let security = |change: Value| samples::pod_with_container(dev, &json!({ "securityContext": change }));
        let volume = |source: Value| samples::pod_with_volume(dev, &source);
        let refused = [
            (
                "PL1-BC-CPI-3 Block add capabilities",
                security(json!({ "capabilities": { "drop": ["ALL"], "add": ["SETPCAP"] } })),
                "unrestricted capabilities",
            ),
            (
                "PL1-BC-CPI-4 Require run as non-root user",
                security(json!({ "runAsNonRoot": false })),
                "runAsNonRoot != true",
            ),
            (
                "PL1-BC-CPI-5 Block privileged containers",
                security(json!({ "privileged": true, "allowPrivilegeEscalation": null })),
                "privileged",
            ),
            (
                "PL1-BC-CPI-6 Block privilege escalation",
                security(json!({ "allowPrivilegeEscalation": true })),
                "allowPrivilegeEscalation != false",
            ),
            ("PL1-BC-HI-1 Block use of host path volumes", volume(json!({ "hostPath": { "path": "/" } })), "hostPath"),
            (
                "PL1-BC-HI-3 Block use of host networking",
                samples::pod_with(dev, &json!({ "hostNetwork": true })),
                "host namespaces (hostNetwork=true)",
            ),
            (
                "PL1-BC-HI-3 Block use of host ports",
                samples::pod_with_container(dev, &json!({ "ports": [{ "containerPort": 8086, "hostPort": 8086 }] })),
                "hostPort",
            ),
            (
                "PL1-BC-HI-4 Block use of host PID",
                samples::pod_with(dev, &json!({ "hostPID": true })),
                "host namespaces (hostPID=true)",
            ),
            (
                "PL1-BC-HI-5 Block use of host IPC",
                samples::pod_with(dev, &json!({ "hostIPC": true })),
                "host namespaces (hostIPC=true)",
            ),
            (
                "pending: storage by claims only",
                volume(json!({ "nfs": { "server": "192.0.2.1", "path": "/" } })),
                "restricted volume types",
            ),
        ];
        let control = Request::Create(samples::pod(dev));
        let check = |(id, pod, words): (&str, Value, &str)| {
            let expected = Expected::refused(&["violates PodSecurity \"restricted:", words]);
            self.check(id, Request::Create(pod), expected).with_control(control.clone())
        };
        refused.into_iter().map(check).collect()
    }

    /// What our policies refuse.
    fn objects(&self) -> Vec<Check> {
        let dev = &self.dev;
        let conforming = [
            Request::Create(samples::service(dev, &Value::Null)),
            Request::Create(samples::pod(dev)),
            Request::Create(samples::claim(dev, &Value::Null)),
            Request::Create(samples::pod_with_volume(dev, &json!({ "persistentVolumeClaim": { "claimName": "x" } }))),
        ];
        let node_port = samples::service(dev, &json!({ "type": "NodePort" }));
        let never = samples::pod_with_container(dev, &json!({ "imagePullPolicy": "Never" }));
        let bound = samples::claim(dev, &json!({ "volumeName": "pv-of-another" }));
        let kept = samples::claim(dev, &json!({ "storageClassName": "retains" }));
        let managed = |kind: &str, version: &str, name: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": dev } });
        let policy = managed("NetworkPolicy", "networking.k8s.io/v1", "tenantry-default-deny");
        let rights = managed("RoleBinding", "rbac.authorization.k8s.io/v1", "tenantry-admin");
        let label = |object: &Value| Request::Change {
            object: object.clone(),
            subresource: String::new(),
            change: json!({ "metadata": { "labels": { "own": "x" } } }),
        };
        let own_policy = Request::Create(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "own", "namespace": dev },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"] },
        }));
        let by = |policy, rule| Expected::refused_by(policy, rule);
        let multitenant = "PL1-BC-CPI-2 Block modification of multi-tenancy resources";
        let (by_network, by_rbac) = (by("tenantry-network", "managed-objects"), by("tenantry-rbac", "managed-objects"));
        vec![
            self.check(
                "PL1-BC-HI-1 Block use of NodePort services",
                Request::Create(node_port),
                by("tenantry-services", "service-type"),
            )
            .with_control(conforming[0].clone()),
            self.check(
                "PL1-CC-DI-1 Require always imagePullPolicy",
                Request::Create(never),
                by("tenantry-pods", "pull-policy"),
            )
            .with_control(conforming[1].clone()),
            self.check(
                "pending: no volumes that are bound already",
                Request::Create(bound),
                by("tenantry-storage", "volume-name"),
            )
            .with_control(conforming[2].clone()),
            self.check(
                "pending: only storage classes whose volumes are deleted",
                Request::Create(kept),
                by("tenantry-storage", "storage-class"),
            )
            .with_control(conforming[3].clone()),
            self.check(multitenant, Request::Delete(policy.clone()), by_network.clone())
                .with_control(own_policy.clone()),
            self.check(multitenant, label(&policy), by_network).with_control(own_policy.clone()),
            self.check(multitenant, Request::Delete(rights.clone()), by_rbac.clone()).with_control(own_policy.clone()),
            self.check(multitenant, label(&rights), by_rbac).with_control(own_policy),
        ]
    }

    fn rights(&self, cluster: &[(String, String)], namespaced: &[(String, String)]) -> Vec<Check> {
        let (dev, other) = (&self.dev, self.stage.tenants[1].dev());
        let (yes, answer) = access::yes(&self.who, dev);
        let none = || Expected::Answer("none".to_owned());
        let name = |names: &[(&str, &str)]| -> Vec<(String, String)> {
            names.iter().map(|(group, resource)| ((*group).to_owned(), (*resource).to_owned())).collect()
        };
        let others: Vec<(String, String)> =
            cluster.iter().filter(|(_, resource)| access::everybody_may(resource) == "none").cloned().collect();
        let foreign = self.stage.member(1, "admin", self.who.kind);
        let (foreign_yes, _) = access::yes(&foreign, &other);
        let quota = name(&[("", "resourcequotas")]);
        let writes = ["create", "update", "patch", "delete", "deletecollection"];
        let roles = name(&[(RBAC, "roles"), (RBAC, "clusterroles")]);
        let cluster_admin = name(&[(RBAC, "clusterroles:cluster-admin"), (RBAC, "clusterroles")]);
        let mut greedy =
            samples::role(dev, &json!([{ "apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["update"] }]));
        greedy["metadata"]["name"] = "greedy".into();
        let modest = samples::role(dev, &json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }]));
        let bind = |role: &str| Request::Create(samples::binding(dev, role));
        let escalation = "PL2-CC-TI-1 Block role privilege escalation";
        vec![
            self.check(
                "PL1-CC-CPI-1 Block access to cluster resources",
                rights_on(&self.who, "", &others, &VERBS),
                none(),
            )
            .with_answer(yes.clone(), answer),
            self.check(
                "PL1-CC-TI-1 Block modification of resource quotas",
                rights_on(&self.who, dev, &quota, &writes),
                none(),
            )
            .with_answer(rights_on(&self.who, dev, &quota, &["get", "list"]), "get list resourcequotas"),
            self.check(
                "PL1-CC-TI-2 Block access to other tenant resources",
                rights_on(&self.who, &other, namespaced, &VERBS),
                none(),
            )
            .with_answer(yes.clone(), answer),
            self.check(
                "PL1-CC-TI-2 Block access to other tenant resources, the other way",
                rights_on(&foreign, dev, namespaced, &VERBS),
                none(),
            )
            .with_answer(foreign_yes, answer),
            self.check(escalation, rights_on(&self.who, dev, &roles, &["escalate"]), none())
                .with_answer(yes.clone(), answer),
            self.check(escalation, rights_on(&self.who, dev, &cluster_admin, &["bind"]), none())
                .with_answer(yes, answer),
            self.check(
                escalation,
                Request::Create(greedy),
                Expected::refused(&["attempting to grant RBAC permissions not currently held"]),
            )
            .with_control(Request::Create(modest)),
            self.check(
                escalation,
                bind("cluster-admin"),
                Expected::refused(&["attempting to grant RBAC permissions not currently held"]),
            )
            .with_control(bind("tenantry:viewer")),
        ]
    }

    fn quotas(&self) -> Vec<Check> {
        let ask = |names: &[&'static str]| Request::Quota { namespace: self.dev.clone(), names: names.to_vec() };
        let amounts = [
            "requests.cpu",
            "limits.cpu",
            "requests.memory",
            "limits.memory",
            "requests.ephemeral-storage",
            "limits.ephemeral-storage",
        ];
        let counts = [
            "pods",
            "services",
            "replicationcontrollers",
            "resourcequotas",
            "secrets",
            "configmaps",
            "persistentvolumeclaims",
            "services.nodeports",
            "services.loadbalancers",
        ];
        let check = |id, names: &[&'static str]| {
            let check = self.check(id, ask(names), Expected::Answer(names.join(" ")));
            // The question can be answered with no.
            check.with_answer(ask(&["count/never.example"]), "")
        };
        vec![
            check("PL1-CC-FNS-1 Configure namespace resource quotas", &amounts),
            check("PL1-CC-FNS-2 Configure namespace object limits", &counts),
        ]
    }

    fn self_service(&self) -> Vec<Check> {
        let dev = &self.dev;
        let other = self.stage.tenants[1].dev();
        let verbs = VERBS;
        let on = |place: &str, resource: &str, group: &str| {
            rights_on(&self.who, place, &[(group.to_owned(), resource.to_owned())], &verbs)
        };
        let all = |resource: &str| format!("{} {resource}", verbs.join(" "));
        let policy = Request::Create(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "own", "namespace": dev },
            "spec": { "podSelector": { "matchLabels": { "app": "x" } }, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "podSelector": {} }] }] },
        }));
        let role = samples::role(dev, &json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }]));
        let mut checks = vec![
            self.check(
                "PL2-BC-OPS-3 Create role bindings",
                Request::Create(samples::binding(dev, "tenantry:viewer")),
                Expected::Accepted,
            ),
            self.check("PL2-BC-OPS-3 Create roles", Request::Create(role), Expected::Accepted),
            self.check("PL2-BC-OPS-4 Create network policies", policy, Expected::Accepted),
        ];
        for (id, resource, group) in [
            ("PL2-BC-OPS-3 Create role bindings: every verb", "rolebindings", RBAC),
            ("PL2-BC-OPS-3 Create roles: every verb", "roles", RBAC),
            ("PL2-BC-OPS-4 Create network policies: every verb", "networkpolicies", "networking.k8s.io"),
        ] {
            let check = self.check(id, on(dev, resource, group), Expected::Answer(all(resource)));
            // And not everywhere.
            checks.push(check.with_answer(on(&other, resource, group), "none"));
        }
        checks
    }

    /// Whether network policies of one tenant leave a way to the other. Pending there, and static here.
    fn network(&self) -> Vec<Check> {
        let other = self.stage.tenants[1].dev();
        let reach = |direction, end: &str| Request::Reach { at: self.dev.clone(), direction, other: End::pods(end) };
        let check = |direction| {
            let check = self.check(
                "pending: network isolation between tenants",
                reach(direction, &other),
                Expected::Answer("closed".to_owned()),
            );
            check.with_answer(reach(direction, &self.dev), "open")
        };
        assert!(!network::grants(self.stage).allow(&self.dev, Direction::Ingress, &End::pods(&other)));
        Direction::BOTH.map(check).into()
    }
}

fn rights_on(who: &Who, place: &str, resources: &[(String, String)], verbs: &[&'static str]) -> Request {
    Request::Rights {
        subject: who.subject.clone(),
        namespace: place.to_owned(),
        resources: resources.to_vec(),
        verbs: verbs.to_vec(),
    }
}
