//! The harness itself: what tests, demo and benchmark rely on. The operator is not in it.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ResourceQuota, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenantry_e2e::netns::{Entered, enter};
use tenantry_e2e::{Cluster, Component, Options, eventually, netns, shared, toolchain};

const SOON: Duration = Duration::from_secs(30);

async fn create<K>(api: &Api<K>, body: Value) -> Result<K, kube::Error>
where
    K: Resource + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    let object = serde_json::from_value(body).expect("a test writes valid objects");
    api.create(&PostParams::default(), &object).await
}

/// A new namespace, with its ServiceAccount.
async fn namespace(cluster: &Cluster, prefix: &str) -> (Client, String) {
    let client = cluster.client().await.expect("client");
    let name = cluster.unique_name(prefix);
    create::<Namespace>(&Api::all(client.clone()), json!({ "metadata": { "name": name } })).await.expect("created");
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &name);
    eventually(SOON, "the namespace has its ServiceAccount", async || accounts.get("default").await)
        .await
        .expect("in time");
    (client, name)
}

fn pod(name: &str, annotations: &Value) -> Value {
    json!({
        "metadata": { "name": name, "annotations": annotations },
        "spec": { "containers": [{ "name": "main", "image": "example.com/none:1" }] },
    })
}

#[tokio::test]
async fn is_ready_within_ten_seconds() {
    let cluster = Cluster::start(Options::with_nodes(1)).await.expect("starts");
    let took = cluster.ready_after();
    println!("ready after {:.1} s", took.as_secs_f64());
    assert!(took < Duration::from_secs(10), "ready after {took:?}");
    let folder = cluster.control_plane().expect("ours").folder().to_owned();
    let ids = cluster.control_plane().expect("ours").process_ids();
    assert_eq!(ids.len(), 5);
    cluster.stop().await.expect("stops");
    assert!(!folder.exists() && !ids.iter().any(|id| is_alive(*id)));
}

#[tokio::test]
async fn two_run_side_by_side() {
    let (one, two) = tokio::join!(Cluster::start(Options::default()), Cluster::start(Options::default()));
    let (one, two) = (one.expect("starts"), two.expect("starts"));
    let (_, name) = namespace(&one, "only-in-one").await;
    let namespaces: Api<Namespace> = Api::all(two.client().await.expect("client"));
    assert!(namespaces.get_opt(&name).await.expect("answers").is_none());
}

#[tokio::test]
async fn deployment_becomes_available_on_fake_nodes() {
    let (client, name) = namespace(shared().await.expect("starts"), "deployment").await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &name);
    let labels = json!({ "app": "web" });
    let body = json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 3,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod("", &json!({}))["spec"] },
        },
    });
    create(&deployments, body).await.expect("created");
    let available = async || {
        let status = deployments.get("web").await.map_err(|error| error.to_string())?.status.unwrap_or_default();
        if status.available_replicas == Some(3) {
            Ok(())
        } else {
            Err(format!("{:?} available", status.available_replicas))
        }
    };
    eventually(SOON, "three replicas are available", available).await.expect("in time");

    let pods: Api<Pod> = Api::namespaced(client, &name);
    let mut addresses: Vec<_> = pods
        .list(&ListParams::default())
        .await
        .expect("listed")
        .items
        .into_iter()
        .filter_map(|pod| pod.status?.pod_ip)
        .collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 3, "each pod has an address of its own: {addresses:?}");

    deployments.delete("web", &DeleteParams::background()).await.expect("deleted");
    eventually(SOON, "its pods are gone", async || {
        let left = pods.list(&ListParams::default()).await.map_err(|error| error.to_string())?.items.len();
        if left == 0 { Ok(()) } else { Err(format!("{left} pods left")) }
    })
    .await
    .expect("in time");
}

#[tokio::test]
async fn pods_end_as_annotated() {
    let (client, name) = namespace(shared().await.expect("starts"), "phases").await;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &name);
    let mut template = pod("", &json!({ "fake-nodes.tenantry.dev/phase": "Succeeded" }));
    template["spec"]["restartPolicy"] = json!("Never");
    let body = json!({ "metadata": { "name": "once" }, "spec": { "template": template } });
    create(&jobs, body).await.expect("created");
    let pods: Api<Pod> = Api::namespaced(client, &name);
    create(&pods, pod("stuck", &json!({ "fake-nodes.tenantry.dev/phase": "Pending" }))).await.expect("created");

    eventually(SOON, "the job is complete", async || {
        let status = jobs.get("once").await.ok()?.status?;
        (status.succeeded == Some(1)).then_some(())
    })
    .await
    .expect("in time");
    let stuck = pods.get("stuck").await.expect("there").status.expect("has one");
    assert_eq!(stuck.phase.as_deref(), Some("Pending"));
}

#[tokio::test]
async fn quota_is_counted_and_bites() {
    let (client, name) = namespace(shared().await.expect("starts"), "quota").await;
    let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), &name);
    create(&quotas, json!({ "metadata": { "name": "one" }, "spec": { "hard": { "count/configmaps": "2" } } }))
        .await
        .expect("created");
    // One is kube-root-ca.crt, which the controller-manager puts into every namespace.
    eventually(SOON, "the quota has counted kube-root-ca.crt", async || {
        let status = quotas.get("one").await.map_err(|error| error.to_string())?.status.unwrap_or_default();
        let used = status.used.and_then(|used| used.get("count/configmaps").cloned());
        if used.as_ref().is_some_and(|used| used.0 == "1") { Ok(()) } else { Err(format!("used: {used:?}")) }
    })
    .await
    .expect("in time");
    let maps: Api<ConfigMap> = Api::namespaced(client, &name);
    create(&maps, json!({ "metadata": { "name": "second" } })).await.expect("within the quota");
    let refused = create(&maps, json!({ "metadata": { "name": "third" } })).await.expect_err("over the quota");
    assert!(refused.to_string().contains("exceeded quota: one"), "{refused}");
}

#[tokio::test]
async fn namespace_deletion_finishes() {
    let (client, name) = namespace(shared().await.expect("starts"), "short-lived").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &name);
    create(&maps, json!({ "metadata": { "name": "content" } })).await.expect("created");
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    create(&pods, pod("content", &json!({}))).await.expect("created");
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(&name, &DeleteParams::default()).await.expect("accepted");
    eventually(SOON, "the namespace is gone", async || match namespaces.get_opt(&name).await {
        Ok(None) => Ok(()),
        Ok(Some(namespace)) => Err(format!("{:?}", namespace.status)),
        Err(error) => Err(error.to_string()),
    })
    .await
    .expect("in time");
}

#[tokio::test]
async fn admission_is_real() {
    let (client, name) = namespace(shared().await.expect("starts"), "admission").await;
    let pods: Api<Pod> = Api::namespaced(client, &name);
    let mut stranger = pod("stranger", &json!({}));
    stranger["spec"]["serviceAccountName"] = json!("nobody");
    let refused = create(&pods, stranger).await.expect_err("there is no such ServiceAccount");
    assert!(refused.to_string().contains(r#"serviceaccount "nobody" not found"#), "{refused}");
    // What admission adds shows that it ran: the token of the default ServiceAccount.
    let admitted = create(&pods, pod("plain", &json!({}))).await.expect("admitted");
    assert_eq!(admitted.spec.expect("has one").service_account_name.as_deref(), Some("default"));
}

#[tokio::test]
async fn identities_are_who_they_say() {
    let cluster = shared().await.expect("starts");
    let (_, name) = namespace(cluster, "identities").await;
    let jane = cluster.user("jane@example.com", &["team-a"]).expect("issued");
    let many = cluster.user("joe", &["team-a", "team-b", "team-c"]).expect("issued");
    let account = cluster.service_account(&name, "default").await.expect("issued");
    let in_namespace = format!("system:serviceaccounts:{name}");
    for (identity, name, groups) in [
        (&jane, "jane@example.com", vec!["team-a", "system:authenticated"]),
        (&many, "joe", vec!["team-a", "team-b", "team-c", "system:authenticated"]),
        (
            &account,
            &format!("system:serviceaccount:{name}:default"),
            vec!["system:serviceaccounts", &in_namespace, "system:authenticated"],
        ),
    ] {
        let review = identity.kubectl_json(&["auth", "whoami"]).await.expect("answers");
        assert_eq!(review["status"]["userInfo"]["username"], name);
        assert_eq!(review["status"]["userInfo"]["groups"], json!(groups));
    }
    let refused = jane.kubectl(&["get", "secrets", "--namespace", "kube-system"]).await.expect_err("has no rights");
    assert!(refused.to_string().contains(r#"User "jane@example.com" cannot list resource "secrets""#), "{refused}");
}

#[tokio::test]
async fn audit_log_has_every_request() {
    let cluster = shared().await.expect("starts");
    let Some(log) = cluster.audit_log() else {
        tenantry_e2e::skip!("the given cluster's audit log cannot be read");
    };
    let name = cluster.unique_name("seen-by-the-audit-log");
    let namespaces: Api<Namespace> = Api::all(cluster.client().await.expect("client"));
    assert!(namespaces.get_opt(&name).await.expect("answers").is_none());
    let line = eventually(SOON, "the request is logged", async || {
        let text = std::fs::read_to_string(&log).ok()?;
        text.lines().find(|line| line.contains(&name)).map(str::to_owned)
    })
    .await
    .expect("in time");
    let entry: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&entry["verb"], &entry["responseStatus"]["code"]), (&json!("get"), &json!(404)));
}

#[tokio::test]
async fn survives_killed_and_paused_components() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let plane = cluster.control_plane().expect("ours");
    let client = cluster.client().await.expect("client");
    let (_, before) = namespace(&cluster, "before").await;

    plane.kill_component(Component::ApiServer).expect("killed");
    assert!(TcpStream::connect(("127.0.0.1", plane.ports().api)).is_err());
    assert!(plane.pause_component(Component::ApiServer).is_err(), "what is not running cannot be paused");
    plane.start_component(Component::ApiServer).expect("started");
    plane.wait_until_ready(&client).await.expect("ready again");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    eventually(SOON, "what was stored is there", async || namespaces.get(&before).await).await.expect("in time");

    plane.pause_component(Component::Etcd).expect("paused");
    let write = create(&namespaces, json!({ "metadata": { "name": "during" } }));
    assert!(tokio::time::timeout(Duration::from_secs(1), write).await.is_err(), "nothing can be written meanwhile");
    plane.resume_component(Component::Etcd).expect("resumed");
    eventually(SOON, "writes work again", async || {
        create(&namespaces, json!({ "metadata": { "generateName": "after-" } })).await
    })
    .await
    .expect("in time");

    plane.stop_component(Component::ControllerManager).expect("stopped");
    let accounts: Api<ServiceAccount> = Api::namespaced(client, "without-controllers");
    create(&namespaces, json!({ "metadata": { "name": "without-controllers" } })).await.expect("created");
    assert!(accounts.get_opt("default").await.expect("answers").is_none());
    plane.start_component(Component::ControllerManager).expect("started");
    eventually(SOON, "controllers work again", async || accounts.get("default").await).await.expect("in time");
}

#[tokio::test]
async fn children_go_with_a_killed_parent() {
    let (mut parent, _output, kubeconfig) = start_e2e_cluster(None);
    let children = children_of(parent.id());
    assert_eq!(
        children.len(),
        5,
        "etcd, kube-apiserver, kube-controller-manager, kube-scheduler, fake-nodes: {children:?}"
    );
    parent.kill().expect("killed");
    parent.wait().expect("waited");
    eventually(SOON, "the children are gone", async || {
        let left: Vec<_> = children.iter().filter(|id| is_alive(**id)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("alive: {left:?}")) }
    })
    .await
    .expect("in time");

    // What it left on the disk goes with the next start.
    let folder = Path::new(&kubeconfig).parent().expect("has one");
    assert!(folder.exists());
    let _next = Cluster::start(Options::default()).await.expect("starts");
    assert!(!folder.exists(), "{} is still there", folder.display());
}

#[tokio::test]
async fn a_given_cluster_works_like_ours() {
    let ours = shared().await.expect("starts");
    let given = Cluster::given(ours.kubeconfig_path()).await.expect("answers");
    let jane = given.user("jane@example.com", &["team-a"]).expect("issued");
    let review = jane.kubectl_json(&["auth", "whoami"]).await.expect("answers");
    assert_eq!(review["status"]["userInfo"]["groups"], json!(["team-a", "system:authenticated"]));
    assert!(given.control_plane().is_err() && given.audit_log().is_none());
    given.stop().await.expect("leaves it alone");
    ours.kubectl(&["get", "namespaces"]).await.expect("still answers");
}

#[tokio::test]
async fn a_wrong_kubeconfig_is_one_clear_line() {
    let folder = tempfile::tempdir().expect("made");
    let path = folder.path().join("config");
    let error = Cluster::given(&path).await.expect_err("there is none").to_string();
    assert!(error.starts_with(&format!("reading the kubeconfig {}: ", path.display())), "{error}");

    let ours = shared().await.expect("starts");
    let text = std::fs::read_to_string(ours.kubeconfig_path()).expect("read");
    let port = ours.control_plane().map(|plane| plane.ports().api.to_string()).unwrap_or_default();
    std::fs::write(&path, text.replace(&port, "1")).expect("written");
    let error = Cluster::given(&path).await.expect_err("nobody is there").to_string();
    assert!(error.contains("does not answer") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn endpoints_work_in_an_own_network() {
    match enter("endpoints_work_in_an_own_network") {
        Entered::Inside => {}
        Entered::Passed => return,
        Entered::Failed(output) => panic!("{output}"),
        Entered::Impossible(reason) => tenantry_e2e::skip!("{reason}"),
    }
    let options = Options { address: netns::ADDRESS, ..Options::default() };
    let cluster = Cluster::start(options).await.expect("starts");
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client().await.expect("client"), "default");
    let found = eventually(SOON, "kube-apiserver is an endpoint", async || slices.get("kubernetes").await)
        .await
        .expect("in time");
    assert_eq!(found.endpoints.unwrap_or_default()[0].addresses, [netns::ADDRESS.to_string()]);
    let backend = TcpListener::bind("10.200.3.4:8080").expect("all of the prefix is local");
    let body = json!({
        "metadata": { "name": "backend" },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": [backend.local_addr().expect("bound").ip().to_string()] }],
    });
    create(&slices, body).await.expect("accepted");
}

#[tokio::test]
async fn programs_of_kubebuilder_assets_are_used() {
    let assets = tempfile::tempdir().expect("made");
    let program = toolchain::control_plane().expect("built");
    let foreign = assets.path().join("kube-apiserver");
    std::os::unix::fs::symlink(program, &foreign).expect("linked");
    let (mut parent, _output, _) = start_e2e_cluster(Some(assets.path()));
    let children = children_of(parent.id());
    let commands: Vec<String> = children.iter().map(|id| ps("args=", "-p", *id)).collect();
    parent.kill().expect("killed");
    parent.wait().expect("waited");
    let ran = commands.iter().filter(|command| command.starts_with(&foreign.display().to_string())).count();
    assert_eq!(ran, 1, "{commands:?}");
    eventually(SOON, "the foreign program, too, ends with its parent", async || {
        (!children.iter().any(|id| is_alive(*id))).then_some(())
    })
    .await
    .expect("in time");
}

/// Starts `e2e cluster` as its own process and waits until it prints where its kubeconfig is.
fn start_e2e_cluster(assets: Option<&Path>) -> (Child, impl Iterator<Item = String>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_e2e"));
    command.args(["cluster", "--nodes", "1"]).stdout(Stdio::piped());
    if let Some(folder) = assets {
        command.env("KUBEBUILDER_ASSETS", folder);
    }
    let mut parent = command.spawn().expect("starts");
    let mut output = BufReader::new(parent.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let kubeconfig = output
        .by_ref()
        .find_map(|line| line.strip_prefix("kubeconfig: ").map(str::to_owned))
        .expect("prints it, or an error on stderr");
    (parent, output, kubeconfig)
}

fn children_of(parent: u32) -> Vec<u32> {
    ps("pid=", "--ppid", parent).split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// A zombie that nobody has waited for yet counts as gone.
fn is_alive(id: u32) -> bool {
    let state = ps("stat=", "-p", id);
    !state.is_empty() && !state.starts_with('Z')
}

fn ps(column: &str, which: &str, id: u32) -> String {
    let output = Command::new("ps").args(["-ww", "-o", column, which, &id.to_string()]).output().expect("ps runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
