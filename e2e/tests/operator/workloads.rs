//! Workloads on a real control plane: connected to what they name and to nothing else, truthful about their state, repaired, quiet,
//! and gone when they are deleted. Fake nodes make pods Ready; what runs in them is another test's business.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_core::content::hash_observed;
use tenantry_core::kinds::KINDS;
use tenantry_core::resources::{
    HORIZONTAL_POD_AUTOSCALER, MANAGED_DEPLOYMENT, NETWORK_POLICY, POD_DISRUPTION_BUDGET, Resource, SCALED_OBJECT,
    SERVICE, SERVICE_ACCOUNT, VERTICAL_POD_AUTOSCALER,
};
use tenantry_core::world::World;
use tenantry_e2e::audit::{Audit, Request};
use tenantry_e2e::operator::USER;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::autoscalers;
use crate::exact::{Listed, stored_as_wanted};
use crate::program::{Operator, SOON};
use crate::scene::{self, get, onboard, plain_tenant, stage};
use crate::verified::{Mood, Server, open_tenant};

/// Kinds of objects that workloads consist of.
const PARTS: [&Resource; 6] = [
    &NETWORK_POLICY,
    &SERVICE_ACCOUNT,
    &SERVICE,
    &MANAGED_DEPLOYMENT,
    &POD_DISRUPTION_BUDGET,
    &HORIZONTAL_POD_AUTOSCALER,
];

/// A workload of ours.
pub fn workload(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

/// A model, an MCP server that nobody checks, an agent that calls both, and an application that calls the agent.
pub fn team(namespace: &str) -> [Value; 4] {
    [
        workload(
            "ModelDeployment",
            namespace,
            "small",
            &json!({ "model": { "uri": "hf://example/small" }, "runtime": { "image": "registry.example/model:1" } }),
        ),
        workload(
            "McpServer",
            namespace,
            "tickets",
            &json!({ "image": "registry.example/mcp:1", "verification": { "mode": "Off" } }),
        ),
        workload(
            "Agent",
            namespace,
            "helper",
            &json!({
                "image": "registry.example/agent:1",
                "models": [{ "name": "chat", "modelDeploymentRef": { "name": "small" } }],
                "tools": [{ "mcpServerRef": { "name": "tickets" } }],
            }),
        ),
        workload(
            "Application",
            namespace,
            "desk",
            &json!({
                "image": "registry.example/desk:1", "ports": [{ "name": "http", "port": 8080 }],
                "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
                "scaling": { "minReplicas": 2, "maxReplicas": 4 },
                "peers": [{ "agentRef": { "name": "helper" } }],
            }),
        ),
    ]
}

async fn found(client: &Client, given: &Value) -> Option<Value> {
    let kind = given["kind"].as_str().unwrap_or_default();
    let namespace = given["metadata"]["namespace"].as_str();
    get(client, "tenantry.dev/v1alpha1", kind, namespace, objects::name(given)).await
}

/// Waits until a condition of a workload is so, for its present generation.
pub async fn is(client: &Client, given: &Value, type_: &str, status: &str, reason: &str) -> Value {
    eventually(SOON, &format!("{} is {type_}={status} ({reason})", objects::title(given)), async || {
        let found = found(client, given).await.ok_or("it does not exist")?;
        let condition = objects::condition(&found, type_).cloned().unwrap_or_default();
        let current = condition["observedGeneration"] == found["metadata"]["generation"];
        let fits = condition["status"] == status && current && (reason.is_empty() || condition["reason"] == reason);
        if fits { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

/// Makes them, and waits until all are ready.
pub async fn run(client: &Client, workloads: &[Value]) -> Vec<Value> {
    for workload in workloads {
        objects::apply(client, workload).await.expect("applied");
    }
    let mut ready = Vec::new();
    for workload in workloads {
        ready.push(is(client, workload, "Ready", "True", "").await);
    }
    ready
}

/// Everything that a workload of this kind and name consists of, by title.
async fn parts(client: &Client, kind: &str, namespace: &str, name: &str) -> BTreeMap<String, Value> {
    let labels = format!("tenantry.dev/kind={kind},tenantry.dev/name={name}");
    let mut found = BTreeMap::new();
    for resource in PARTS {
        let list = objects::list(client, &resource.api_version(), resource.kind, Some(namespace), &labels).await;
        for mut object in list.expect("listed") {
            object["apiVersion"] = resource.api_version().into();
            object["kind"] = resource.kind.into();
            found.insert(objects::title(&object), object);
        }
    }
    found
}

fn resource_of(object: &Value) -> &'static Resource {
    PARTS
        .into_iter()
        .chain([&SCALED_OBJECT, &VERTICAL_POD_AUTOSCALER])
        .find(|resource| object["kind"] == resource.kind)
        .expect("a part")
}

async fn policy(client: &Client, namespace: &str, name: &str) -> Value {
    get(client, "networking.k8s.io/v1", "NetworkPolicy", Some(namespace), name).await.expect("exists")["spec"].clone()
}

/// One life of workloads, in which the operator uses everything it may do with their parts.
pub async fn use_every_right(client: &Client, namespace: &str) {
    autoscalers::install_smallest(client).await;
    run(client, &team(namespace)).await;
    let mut before = parts(client, "Application", namespace, "desk").await;
    assert_eq!(before.len(), PARTS.len(), "{:?}", before.keys());
    let scaled = autoscalers::scaled(namespace);
    objects::apply(client, &scaled).await.expect("applied");
    for (version, kind) in [autoscalers::KEDA, autoscalers::VERTICAL] {
        let mut object = autoscalers::told(client, (version, kind), namespace, "scaled-app").await;
        (object["apiVersion"], object["kind"]) = (version.into(), kind.into());
        before.insert(objects::title(&object), object);
    }
    // Drift is replaced; what was stripped of its marks is out of sight, and is read before it is judged.
    for spoil in
        [json!({ "labels": { "tenantry.dev/environment": "changed" } }), json!({ "labels": null, "annotations": null })]
    {
        for object in before.values() {
            let patch = Patch::Merge(json!({ "metadata": spoil }));
            let collection = objects::collection(client, object);
            collection.patch(objects::name(object), &PatchParams::default(), &patch).await.expect("changed");
        }
        for object in before.values() {
            put_back(client, object, &spoil.to_string()).await;
        }
    }
    // What is not wanted any more is deleted, kind by kind.
    autoscalers::switch_off(client, &scaled).await;
    objects::delete(client, &scaled).await.expect("deleted");
    let mut team = team(namespace);
    team[3]["spec"] = json!({ "image": "registry.example/desk:1", "serviceAccount": { "name": "default" } });
    team[1]["spec"] = json!({ "remote": { "url": "https://mcp.example/mcp" }, "verification": { "mode": "Off" } });
    // The whole of it, not what an apply would merge.
    for given in &team {
        objects::apply(client, given).await.expect("applied");
    }
    for (kind, name, left) in [("Application", "desk", 2), ("McpServer", "tickets", 0)] {
        eventually(SOON, &format!("{kind} {name} has {left} parts"), async || {
            let parts = parts(client, kind, namespace, name).await;
            if parts.len() == left { Ok(()) } else { Err(format!("{:?}", parts.keys())) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
}

#[tokio::test]
async fn an_agent_is_connected_to_what_it_names_and_says_so() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &plain_tenant("agentic")).await;
    let ready = run(&client, &team("agentic-dev")).await;
    let model = eventually(SOON, "the model knows who calls it", async || {
        let model = found(&client, &ready[0]).await.ok_or("gone")?;
        if model["status"]["usedBy"].is_null() { Err(model["status"].to_string()) } else { Ok(model) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    // It was ready, perhaps before the model was; it hears of that at once.
    let agent = eventually(SOON, "the agent knows that its model is ready", async || {
        let agent = found(&client, &ready[2]).await.ok_or("gone")?;
        if agent["status"]["models"][0]["ready"] == true && agent["status"]["tools"][0]["ready"] == true {
            Ok(agent)
        } else {
            Err(agent["status"].to_string())
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    assert_eq!(model["status"]["url"], "http://small-model.agentic-dev.svc:8000/v1");
    assert_eq!(model["status"]["usedBy"], json!(["Agent agentic-dev/helper"]));
    assert_eq!(agent["status"]["url"], "http://helper-agent.agentic-dev.svc:8080");
    assert_eq!(
        agent["status"]["models"],
        json!([{ "name": "chat", "url": "http://small-model.agentic-dev.svc:8000/v1", "ready": true }])
    );
    assert_eq!(agent["status"]["tools"][0]["ready"], true);

    // Its pod is told.
    let pods =
        objects::list(&client, "v1", "Pod", Some("agentic-dev"), "tenantry.dev/kind=Agent").await.expect("listed");
    assert_eq!(pods.len(), 1, "{pods:#?}");
    let container = &pods[0]["spec"]["containers"][0];
    let value = |name: &str| {
        let env = container["env"].as_array().expect("a list");
        env.iter().find(|one| one["name"] == name).map(|one| one["value"].clone()).unwrap_or_default()
    };
    assert_eq!(value("OPENAI_BASE_URL"), "http://small-model.agentic-dev.svc:8000/v1");
    assert_eq!(value("TENANTRY_MCP_TICKETS_URL"), "http://tickets-mcp.agentic-dev.svc:8080/mcp");
    let file: Value =
        serde_json::from_str(pods[0]["metadata"]["annotations"]["tenantry.dev/bindings"].as_str().expect("a text"))
            .expect("JSON");
    assert_eq!(file["models"][0]["model"], "small");
    assert_eq!(pods[0]["spec"]["automountServiceAccountToken"], false);
    assert_eq!(pods[0]["spec"]["serviceAccountName"], "helper-agent");

    // The ways are open at both ends, and no others.
    let from_agent =
        json!([{ "podSelector": { "matchLabels": { "tenantry.dev/kind": "Agent", "tenantry.dev/name": "helper" } } }]);
    let model_policy = policy(&client, "agentic-dev", "small-model").await;
    assert_eq!(
        model_policy["ingress"],
        json!([{ "from": from_agent, "ports": [{ "port": 8000, "protocol": "TCP" }] }])
    );
    assert_eq!(model_policy["egress"], Value::Null);
    let agent_policy = policy(&client, "agentic-dev", "helper-agent").await;
    assert_eq!(agent_policy["egress"].as_array().map(Vec::len), Some(2), "{agent_policy}");

    // A target that goes takes its way with it at once; nothing rolls, and its return mends all.
    let before = get(&client, "apps/v1", "Deployment", Some("agentic-dev"), "helper-agent").await.expect("exists");
    objects::delete(&client, &ready[0]).await.expect("deleted");
    let lost = is(&client, &ready[2], "ResolvedRefs", "False", "RefNotFound").await;
    assert!(
        objects::condition(&lost, "Ready").expect("there")["message"]
            .to_string()
            .contains("ModelDeployment agentic-dev/small")
    );
    assert_eq!(policy(&client, "agentic-dev", "helper-agent").await["egress"].as_array().map(Vec::len), Some(1));
    run(&client, &team("agentic-dev")).await;
    let after = get(&client, "apps/v1", "Deployment", Some("agentic-dev"), "helper-agent").await.expect("exists");
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"], "nothing rolled");

    // Deletion leaves nothing.
    for given in team("agentic-dev") {
        objects::delete(&client, &given).await.expect("deleted");
    }
    for given in team("agentic-dev") {
        let kind = given["kind"].as_str().expect("a kind");
        eventually(SOON, &format!("{kind} leaves nothing"), async || {
            let left = parts(&client, kind, "agentic-dev", objects::name(&given)).await;
            if left.is_empty() { Ok(()) } else { Err(format!("{:?}", left.keys())) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
}

#[tokio::test]
async fn what_is_spoiled_or_removed_is_put_back() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &plain_tenant("mended")).await;
    run(&client, &team("mended-dev")).await;
    let before = parts(&client, "Application", "mended-dev", "desk").await;
    assert_eq!(before.len(), PARTS.len(), "{:?}", before.keys());
    let spoils = [
        json!({ "metadata": { "labels": null, "annotations": null } }),
        json!({ "metadata": { "ownerReferences": null } }),
        json!({ "spec": { "template": { "spec": { "hostNetwork": true, "serviceAccountName": "default" } } } }),
        json!({ "spec": { "strategy": { "type": "Recreate", "rollingUpdate": null } } }),
        json!({ "spec": { "selector": { "a": "b" } } }),
        json!({ "spec": { "podSelector": {}, "ingress": [{}], "egress": [{}] } }),
        json!({ "spec": { "maxUnavailable": "100%" } }),
        json!({ "spec": { "maxReplicas": 50 } }),
        json!({ "automountServiceAccountToken": true }),
    ];
    let mut spoiled = 0;
    for spoil in &spoils {
        for object in before.values() {
            let resource = resource_of(object);
            let patch = Patch::Merge(spoil);
            let answer = objects::collection(&client, object)
                .patch(objects::name(object), &PatchParams::default(), &patch)
                .await
                .map(|changed| serde_json::to_value(changed).expect("JSON"));
            // What the server refuses, or drops as unknown, spoils nothing.
            let Ok(changed) = answer else { continue };
            if hash_observed(resource, &changed) == hash_observed(resource, object) {
                continue;
            }
            spoiled += 1;
            put_back(&client, object, &spoil.to_string()).await;
        }
    }
    assert!(spoiled >= 14, "{spoiled} changes were taken by the server");
    for object in before.values() {
        objects::delete(&client, object).await.expect("deleted");
        put_back(&client, object, "its removal").await;
    }
    println!("{spoiled} changes and {} removals put back", before.len());

    // What an autoscaler decides is not: somebody scales, and nobody scales back.
    let deployment = objects::collection_of(&client, "apps/v1", "Deployment", Some("mended-dev"));
    let four = Patch::Merge(json!({ "spec": { "replicas": 4 } }));
    deployment.patch("desk-app", &PatchParams::default(), &four).await.expect("scaled");
    is(&client, &team("mended-dev")[3], "Available", "True", "").await;
    scene::stays(Duration::from_secs(3), async || {
        let now = get(&client, "apps/v1", "Deployment", Some("mended-dev"), "desk-app").await.ok_or("gone")?;
        if now["spec"]["replicas"] == 4 { Ok(()) } else { Err(now["spec"]["replicas"].to_string()) }
    })
    .await;
    // Where none decides, the spec does.
    deployment.patch("helper-agent", &PatchParams::default(), &four).await.expect("scaled");
    eventually(SOON, "the spec's one pod is back", async || {
        let now = get(&client, "apps/v1", "Deployment", Some("mended-dev"), "helper-agent").await.ok_or("gone")?;
        if now["spec"]["replicas"] == 1 { Ok(()) } else { Err(now["spec"]["replicas"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

async fn put_back(client: &Client, before: &Value, what: &str) {
    let resource = resource_of(before);
    eventually(SOON, &format!("{} is as it was after {what}", objects::title(before)), async || {
        let found = objects::collection(client, before).get_opt(objects::name(before)).await.expect("answers");
        let now = serde_json::to_value(found.ok_or("it does not exist")?).expect("JSON");
        if hash_observed(resource, &now) == hash_observed(resource, before) { Ok(()) } else { Err(now.to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// A spec with everything in it.
fn everything() -> Value {
    json!({
        "image": "registry.example/acme/web:latest",
        "command": ["/bin/web"], "args": ["--verbose"], "workingDir": "/srv",
        "ports": [{ "name": "http", "port": 8080 }, { "name": "tcp", "port": 9090, "protocol": "TCP" }, { "name": "grpc", "port": 9091, "protocol": "GRPC" },
                  { "name": "ws", "port": 9092, "protocol": "WebSocket" }, { "name": "udp", "port": 8125, "protocol": "UDP" }],
        "env": [{ "name": "PLAIN", "value": "a" }, { "name": "EMPTY" },
                { "name": "SECRET", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "a", "optional": true } } },
                { "name": "MAP", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "b" } } },
                { "name": "POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }],
        "envFrom": [{ "secretRef": { "name": "all", "optional": true } }, { "configMapRef": { "name": "more" }, "prefix": "P_" }],
        "files": [{ "mountPath": "/etc/keys", "secretRef": { "name": "keys" } }, { "mountPath": "/etc/settings", "configMapRef": { "name": "settings", "optional": true } }],
        "resources": { "requests": { "cpu": "0.25", "memory": "1024Mi" }, "limits": { "memory": "2e9", "cpu": "1.0005" } },
        "gpu": { "count": 2 },
        "probes": { "startup": { "exec": { "command": ["true"] }, "failureThreshold": 30 }, "readiness": { "httpGet": { "path": "/healthz" }, "period": "5s", "timeout": "2s" }, "liveness": { "grpc": { "port": 9091 }, "initialDelay": "1m30s" } },
        "placement": { "nodeSelector": { "disk": "fast" }, "topologySpread": "Zone",
                       "tolerations": [{ "key": "gpu", "operator": "Exists", "effect": "NoSchedule" }, { "key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 30 }] },
        "serviceAccount": { "automountToken": true },
        "scaling": { "minReplicas": 2, "maxReplicas": 10, "behavior": { "scaleDownStabilization": "10m" },
                     "metrics": [{ "type": "Cpu", "averageUtilization": 70 }, { "type": "Memory", "averageValue": "512Mi" }, { "type": "Pods", "metric": "requests", "averageValue": "10" },
                                 { "type": "Object", "metric": "queue", "value": "5", "describedObject": { "apiVersion": "v1", "kind": "Service", "name": "queue" } },
                                 { "type": "External", "metric": "lag", "averageValue": "30", "selector": { "topic": "a" } }] },
        "rollout": { "strategy": "Recreate", "historyLimit": 2, "progressDeadline": "5m" },
        "models": [{ "name": "big", "external": { "baseUrl": "https://models.example/v1", "model": "large", "secretRef": { "name": "keys", "key": "big" } } }],
    })
}

/// What our builders write is what the server stores: else each start of the operator would write everything anew.
#[tokio::test]
async fn the_server_stores_workloads_as_they_were_wanted() {
    let client = stage().await.client().await.expect("client");
    let mut spec = plain_tenant("verbatim");
    spec["spec"]["environments"] = json!([{ "name": "dev" }]);
    onboard(&client, &spec).await;
    let mut given = team("verbatim-dev").to_vec();
    given.push(workload("Application", "verbatim-dev", "everything", &everything()));
    given.push(workload("ModelDeployment", "verbatim-dev", "mounted", &json!({ "model": { "uri": "pvc://models/a" }, "runtime": { "image": "registry.example/model@sha256:0000000000000000000000000000000000000000000000000000000000000000", "protocol": "KServeV2" } })));
    for workload in &given {
        objects::apply(&client, workload).await.expect("applied");
    }
    for workload in &given {
        is(&client, workload, "Applied", "True", "").await;
    }
    let listed = Listed::from(&client).await;
    let mut looked_at = BTreeMap::new();
    for workload in &given {
        let stored = found(&client, workload).await.expect("exists");
        let kind = KINDS.iter().find(|kind| workload["kind"] == kind.resource.kind).expect("registered");
        let plan = (kind.plan)(&stored, &World::new(&listed), jiff::Timestamp::UNIX_EPOCH).expect("well-formed");
        assert!(!plan.desired.is_empty(), "{plan}");
        for object in plan.desired {
            stored_as_wanted(&client, &object).await;
            *looked_at.entry(object.key().resource.kind).or_insert(0) += 1;
        }
    }
    assert_eq!(looked_at.len(), PARTS.len(), "{looked_at:?}");
    println!("{looked_at:?}");
}

#[tokio::test]
async fn lies_cannot_be_told() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    onboard(&client, &plain_tenant("honest")).await;

    // Available, when the quota lets no more pods in.
    let many = workload(
        "Application",
        "honest-dev",
        "many",
        &json!({ "image": "registry.example/a:1", "scaling": { "minReplicas": 20 } }),
    );
    objects::apply(&client, &many).await.expect("applied");
    let found = is(&client, &many, "Available", "False", "QuotaExceeded").await;
    assert!(objects::condition(&found, "Ready").expect("there")["message"].to_string().contains("exceeded quota"));
    objects::delete(&client, &many).await.expect("deleted");

    // Ready, where nobody has spoken the protocol.
    let spec = json!({ "image": "registry.example/a:1", "verification": { "mode": "Enforce" } });
    let unverified = workload("McpServer", "honest-dev", "unverified", &spec);
    objects::apply(&client, &unverified).await.expect("applied");
    is(&client, &unverified, "Available", "True", "").await;
    is(&client, &unverified, "Ready", "Unknown", "ProbeBlocked").await;

    // Ready for the old generation: a new image that never starts. What runs goes on; the rollout is told as what it is.
    let web = workload(
        "Application",
        "honest-dev",
        "web",
        &json!({ "image": "registry.example/a:1", "ports": [{ "name": "http", "port": 8080 }], "rollout": { "progressDeadline": "3s" } }),
    );
    run(&client, std::slice::from_ref(&web)).await;
    let mut stuck = web.clone();
    stuck["spec"]["placement"] = json!({ "nodeSelector": { "no": "such-node" } });
    objects::apply(&client, &stuck).await.expect("applied");
    let found = is(&client, &stuck, "Available", "False", "Failed").await;
    assert_eq!(found["status"]["url"], "http://web-app.honest-dev.svc:8080", "the pods before still answer");
    run(&client, std::slice::from_ref(&web)).await;

    // A field that is ignored: refused with a fix, and what ran goes on.
    let mut exposed = web.clone();
    exposed["spec"]["rollout"] = json!({ "strategy": "Canary" });
    exposed["spec"]["image"] = "registry.example/a:2".into();
    objects::apply(&client, &exposed).await.expect("applied");
    is(&client, &exposed, "Accepted", "False", "Unsupported").await;
    let deployment = get(&client, "apps/v1", "Deployment", Some("honest-dev"), "web-app").await.expect("left alone");
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/a:1");

    // Nothing runs where no tenant is.
    let plain = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "honest-nobody" } });
    objects::apply(&client, &plain).await.expect("applied");
    for namespace in ["honest-nobody", "honest"] {
        let homeless = workload("Agent", namespace, "homeless", &json!({ "image": "registry.example/a:1" }));
        objects::apply(&client, &homeless).await.expect("applied");
        is(&client, &homeless, "Accepted", "False", "Invalid").await;
        assert!(parts(&client, "Agent", namespace, "homeless").await.is_empty());
        objects::delete(&client, &homeless).await.expect("deleted");
    }

    // Another tenant's, and another environment's that is kept apart, are not permitted, whether they exist or not.
    let reaching = workload(
        "Agent",
        "honest-dev",
        "reaching",
        &json!({ "image": "registry.example/a:1", "tools": [{ "mcpServerRef": { "name": "x", "namespace": "kube-system" } }] }),
    );
    objects::apply(&client, &reaching).await.expect("applied");
    is(&client, &reaching, "ResolvedRefs", "False", "RefNotPermitted").await;
    assert_eq!(policy(&client, "honest-dev", "reaching-agent").await["egress"], Value::Null);

    // Members write workloads by their roles, and touch no part of one.
    let member = async |group: &str| cluster.user("m", &[group]).expect("issued").client().await.expect("client");
    let (developer, viewer) = (member("honest-developers").await, member("honest-viewers").await);
    let own = workload("Agent", "honest-dev", "own", &json!({ "image": "registry.example/a:1" }));
    objects::create(&viewer, &own).await.expect_err("a viewer makes nothing");
    objects::create(&developer, &own).await.expect("a developer makes agents");
    is(&client, &own, "Ready", "True", "").await;
    for object in parts(&client, "Agent", "honest-dev", "own").await.values() {
        let words = objects::delete(&developer, object).await.expect_err("managed").to_string();
        assert!(words.contains("managed by Tenantry") || words.contains("cannot delete"), "{words}");
    }
}

#[tokio::test]
async fn workloads_at_rest_cost_nothing_and_a_new_operator_writes_nothing() {
    let cluster = Cluster::start(Options::with_nodes(2).with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    onboard(&client, &open_tenant("resting")).await;
    run(&client, &team("resting-dev")).await;
    // One that is asked more often than once in each time that is to be quiet.
    let server = Server::start(Mood::Offers(vec!["forecast"])).await;
    let verification = json!({ "mode": "Enforce", "interval": "10s", "pinTools": true });
    let spec = json!({ "remote": { "url": server.url }, "verification": verification });
    run(&client, &[workload("McpServer", "resting-dev", "weather", &spec)]).await;
    // The HPA controller's first words about metrics that nobody serves are told within its first rounds.
    is(&client, &team("resting-dev")[3], "ScalingReady", "False", "Failed").await;
    let quiet = async |what: &str| {
        let audit = Audit::from_now(&cluster.audit_log().expect("asked for")).expect("readable");
        scene::stays(Duration::from_secs(20), async || {
            let requests = audit.requests_of(USER).expect("readable");
            let noise = requests.iter().find(|one| !one.is_upkeep());
            noise.map_or(Ok(()), |noise| Err(format!("{what}: {noise}")))
        })
        .await;
    };
    scene::told_all(&cluster.audit_log().expect("asked for")).await;
    quiet("at rest").await;
    operator.kill();
    let audit = Audit::from_now(&cluster.audit_log().expect("asked for")).expect("readable");
    let _operator = Operator::start(&cluster).await;
    run(&client, &team("resting-dev")).await;
    quiet("after a restart").await;
    let requests = audit.requests_of(USER).expect("readable");
    let writes: Vec<String> = requests
        .iter()
        .filter(|one| one.is_write() && !one.is_lease() && one.resource != "events")
        .map(Request::to_string)
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}
