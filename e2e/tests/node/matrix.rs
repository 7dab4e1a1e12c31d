//! The enforcer of network policies itself: each row allows one thing and denies the thing beside it, both seen from inside pods. A story
//! about who cannot reach whom is worth what this is worth.

use serde_json::{Value, json};
use tenantry_e2e::node::pods::address;

use crate::pods::pod;
use crate::room::{is_inside, programs};
use crate::stage::Stage;

const NEAR: &str = "near";
const FAR: &str = "far";

#[tokio::test(flavor = "multi_thread")]
async fn network_policies_are_enforced() {
    let programs = match programs() {
        Ok(programs) => programs,
        Err(reason) => tenantry_e2e::skip!("{reason}"),
    };
    if !is_inside("matrix::network_policies_are_enforced") {
        return;
    }
    let mut stage = Stage::start(programs).await;
    stage.policies_are_enforced().await;
    stage.node.check_alive().expect("all of the node runs");
    stage.print_times();
}

/// One policy on the pods `target` (ingress) or `caller` (egress) of `near`; who is answered by whom then, and who is not.
struct Row {
    title: &'static str,
    spec: Value,
    reach: &'static [(&'static str, &'static str)],
    do_not: &'static [(&'static str, &'static str)],
}

fn rows(target: &str) -> Vec<Row> {
    let on = |app: &str| json!({ "matchLabels": { "app": app } });
    let ingress = |rules: Value| json!({ "podSelector": on("target"), "policyTypes": ["Ingress"], "ingress": rules });
    let egress = |rules: Value| json!({ "podSelector": on("caller"), "policyTypes": ["Egress"], "egress": rules });
    let far = json!({ "matchLabels": { "kubernetes.io/metadata.name": FAR } });
    let tcp = |port: Value| json!([{ "protocol": "TCP", "port": port }]);
    let block = format!("{target}/32");
    vec![
        Row {
            title: "default deny in",
            spec: ingress(json!([])),
            reach: &[("near/caller", "other")],
            do_not: &[("near/caller", "target"), ("far/stranger", "target")],
        },
        Row {
            title: "default deny out",
            spec: egress(json!([])),
            reach: &[("near/other", "target")],
            do_not: &[("near/caller", "target"), ("near/caller", "service")],
        },
        Row {
            title: "from the same namespace",
            spec: ingress(json!([{ "from": [{ "podSelector": {} }] }])),
            reach: &[("near/caller", "target"), ("near/caller", "service")],
            do_not: &[("far/stranger", "target"), ("far/stranger", "service")],
        },
        Row {
            title: "from pods by label",
            spec: ingress(json!([{ "from": [{ "podSelector": on("caller") }] }])),
            reach: &[("near/caller", "target")],
            do_not: &[("near/other", "target")],
        },
        Row {
            title: "from namespaces by label",
            spec: ingress(json!([{ "from": [{ "namespaceSelector": far }] }])),
            reach: &[("far/stranger", "target")],
            do_not: &[("near/caller", "target")],
        },
        Row {
            title: "from pods by label in namespaces by label",
            spec: ingress(json!([{ "from": [{ "namespaceSelector": far, "podSelector": on("stranger") }] }])),
            reach: &[("far/stranger", "target")],
            do_not: &[("far/other", "target"), ("near/caller", "target")],
        },
        Row {
            title: "to a port by name",
            spec: ingress(json!([{ "ports": tcp(json!("http")) }])),
            reach: &[("near/caller", "target")],
            do_not: &[("near/caller", "target:8081")],
        },
        Row {
            title: "out to a port by name",
            spec: egress(json!([{ "to": [{ "podSelector": on("target") }], "ports": tcp(json!("http")) }])),
            reach: &[("near/caller", "target"), ("near/caller", "service")],
            do_not: &[("near/caller", "target:8081"), ("near/caller", "other")],
        },
        Row {
            title: "to a range of ports",
            spec: ingress(json!([{ "ports": [{ "protocol": "TCP", "port": 8000, "endPort": 8080 }] }])),
            reach: &[("near/caller", "target")],
            do_not: &[("near/caller", "target:8081")],
        },
        Row {
            title: "to a network",
            // As a Tenant's internet is written: of both versions.
            spec: egress(json!([{ "to": [{ "ipBlock": { "cidr": block } }, { "ipBlock": { "cidr": "::/0" } }] }])),
            reach: &[("near/caller", "target"), ("near/caller", "service")],
            do_not: &[("near/caller", "other")],
        },
        Row {
            title: "to a network but for a part",
            spec: egress(json!([{ "to": [{ "ipBlock": { "cidr": "10.244.0.0/16", "except": [block] } }] }])),
            reach: &[("near/caller", "other")],
            do_not: &[("near/caller", "target"), ("near/caller", "service")],
        },
    ]
}

/// `target` listens on 8081, too, and a Service leads to it.
fn scene() -> Vec<Value> {
    let namespace = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let mut target = pod(NEAR, "target");
    let mut second = target["spec"]["containers"][0].clone();
    second["name"] = "second".into();
    second["args"] = json!(["--name", "target", "--listen", "0.0.0.0:8081"]);
    second["ports"] = json!([]);
    second["readinessProbe"]["httpGet"]["port"] = 8081.into();
    target["spec"]["containers"].as_array_mut().expect("a list").push(second);
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "target", "namespace": NEAR },
        "spec": { "selector": { "app": "target" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    });
    let pods = [pod(NEAR, "caller"), pod(NEAR, "other"), target, pod(FAR, "stranger"), pod(FAR, "other")];
    [namespace(NEAR), namespace(FAR), service].into_iter().chain(pods).collect()
}

impl Stage {
    /// Plays all rows.
    pub async fn policies_are_enforced(&mut self) {
        let scene = scene();
        for object in &scene {
            if object["kind"] == "Pod" {
                let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": object["metadata"]["namespace"] } });
                self.see(&account, "exists", |_| true).await;
            }
            self.apply(object).await;
        }
        let mut addresses = Vec::new();
        for name in ["target", "other"] {
            addresses.push(address(&self.holds(&pod(NEAR, name), "Ready").await).to_owned());
        }
        for stranger in ["stranger", "other"] {
            self.holds(&pod(FAR, stranger), "Ready").await;
        }
        self.holds(&pod(NEAR, "caller"), "Ready").await;
        let url = |to: &str| match to {
            "target" => format!("http://{}:8080/v1/models", addresses[0]),
            "target:8081" => format!("http://{}:8081/v1/models", addresses[0]),
            "other" => format!("http://{}:8080/v1/models", addresses[1]),
            _ => "http://target.near.svc/v1/models".to_owned(),
        };
        // Without a policy, everything below is reached.
        for to in ["target", "target:8081", "other", "service"] {
            for from in ["near/caller", "far/stranger"] {
                self.reaches(from.split_once('/').expect("a pair"), &url(to)).await;
            }
        }
        for row in rows(&addresses[0]) {
            println!("    policy: {}", row.title);
            let policy = json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": { "name": "row", "namespace": NEAR }, "spec": with_names(row.spec),
            });
            tenantry_e2e::objects::create(&self.client, &policy).await.expect("created");
            // First what is denied: it shows that the policy is in force.
            for (from, to) in row.do_not {
                self.does_not_reach(from.split_once('/').expect("a pair"), &url(to)).await;
            }
            for (from, to) in row.reach {
                self.reaches(from.split_once('/').expect("a pair"), &url(to)).await;
            }
            self.gone(&policy).await;
        }
        self.took("matrix of network policies");
        let policy = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "start", "namespace": NEAR },
            "spec": { "podSelector": { "matchLabels": { "app": "denied" } }, "policyTypes": ["Egress"] },
        });
        self.apply(&policy).await;
        let denied = self.says_at_its_start("denied", &url("target")).await;
        assert_eq!(denied["error"], "no answer in time", "{denied}");
        let free = self.says_at_its_start("free", &url("target")).await;
        assert_eq!(free["status"], 200, "{free}");
        self.took("a pod that starts is bound from its first packet on");
    }

    /// What a pod says that does nothing but ask this URL, as soon as it runs.
    async fn says_at_its_start(&self, name: &str, url: &str) -> Value {
        let mut asking = pod(NEAR, name);
        asking["spec"]["restartPolicy"] = "Never".into();
        let container = &mut asking["spec"]["containers"][0];
        container["command"] = json!(["/programs", "ask", url, "--patience", "5000"]);
        container["args"] = json!([]);
        container["readinessProbe"] = Value::Null;
        self.apply(&asking).await;
        self.see(&asking, "has ended", |found| found["status"]["phase"] == "Succeeded").await;
        let said = self.cluster.kubectl(&["logs", "-n", NEAR, name]).await.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Deletes it and waits until it is gone.
    pub async fn gone(&self, object: &Value) {
        tenantry_e2e::objects::delete(&self.client, object).await.expect("deleted");
        let collection = tenantry_e2e::objects::collection(&self.client, object);
        crate::stage::wait(&format!("{} is gone", tenantry_e2e::objects::title(object)), async || {
            match collection.get_opt(tenantry_e2e::objects::name(object)).await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err("it exists".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }
}

/// Where packets are denied on their way out, names must still be found.
fn with_names(mut spec: Value) -> Value {
    if let Some(rules) = spec["egress"].as_array_mut() {
        rules.push(json!({
            "to": [{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } }],
            "ports": [{ "protocol": "UDP", "port": 53 }],
        }));
    }
    spec
}
