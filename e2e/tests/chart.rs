//! The Helm chart and `tenantry install` against each other and against a real API server: they must say the same, and
//! the server must take it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tenantry::render::manifests::{self, Installation};
use tenantry_core::kinds::KINDS;
use tenantry_e2e::{shared, toolchain};

const NAMESPACE: &str = "tenantry-system";
/// Every switch on, and every optional field set.
const EVERYTHING: &str = r#"{
    "image": {"digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 3,
    "replicateFrom": ["default"],
    "settings": {"log": "debug", "logFormat": "json", "leaderElection": true},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "platform", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["platform"]}]}}]}},
    "priorityClassName": "system-cluster-critical",
    "podLabels": {"team": "platform"},
    "podAnnotations": {"note": "yes"},
    "serviceAccount": {"annotations": {"note": "yes"}},
    "metrics": {"serviceMonitor": {"enabled": true, "labels": {"release": "prometheus"}}}
}"#;

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/tenantry")
}

/// Runs Helm where no configuration of the machine's user can play a part. Returns whether it succeeded, and its output.
fn helm(arguments: &[&str]) -> (bool, String) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(toolchain::helm().expect("Helm is built"))
        .env_clear()
        .env("HOME", home.path())
        .args(arguments)
        .arg(chart())
        .output()
        .expect("Helm starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = if output.status.success() { String::new() } else { text(&output.stderr) };
    (output.status.success(), text(&output.stdout) + &said)
}

/// The chart's objects, with `values` (JSON, which is YAML) over its defaults.
fn rendered(values: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).expect("writes");
    let file = file.display().to_string();
    let (done, text) = helm(&["template", "release", "--namespace", NAMESPACE, "--values", &file]);
    assert!(done, "{text}");
    serde_saphyr::from_multiple(&text).expect("YAML")
}

fn installation() -> Installation {
    Installation {
        namespace: NAMESPACE.to_owned(),
        image: concat!("ghcr.io/tenantry/tenantry:", env!("CARGO_PKG_VERSION")).to_owned(),
        replicas: 2,
        replicate_from: vec!["default".to_owned()],
    }
}

/// Objects by kind, namespace and name, without what only Helm adds.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    objects
        .into_iter()
        .map(|mut object| {
            strip(&mut object["metadata"]);
            if object["spec"]["template"]["metadata"].is_object() {
                strip(&mut object["spec"]["template"]["metadata"]);
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &object["metadata"];
            (format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"])), object)
        })
        .collect()
}

fn strip(metadata: &mut Value) {
    for (section, keys) in [
        (
            "labels",
            &[
                "app.kubernetes.io/instance",
                "app.kubernetes.io/version",
                "app.kubernetes.io/managed-by",
                "helm.sh/chart",
            ][..],
        ),
        ("annotations", &["helm.sh/resource-policy"][..]),
    ] {
        let Some(fields) = metadata[section].as_object_mut() else {
            metadata.as_object_mut().map(|fields| fields.remove(section));
            continue;
        };
        for key in keys {
            fields.remove(*key);
        }
        if fields.is_empty() {
            metadata.as_object_mut().map(|fields| fields.remove(section));
        }
    }
}

fn pretty(object: &Value) -> String {
    serde_json::to_string_pretty(object).expect("JSON")
}

/// The server's own words.
fn words(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message,
        other => other.to_string(),
    }
}

#[test]
fn helm_finds_nothing_to_object_to() {
    let (done, text) = helm(&["lint", "--strict", "--quiet"]);
    assert!(done, "{text}");
}

#[test]
fn chart_and_install_say_the_same() {
    let mut installed = by_name(manifests::all(KINDS, &installation()).expect("renders"));
    // Helm makes the namespace itself, by --create-namespace.
    assert!(installed.remove(&format!("Namespace /{NAMESPACE}")).is_some());
    let charted = by_name(rendered(r#"{"replicateFrom": ["default"]}"#));
    assert_eq!(charted.keys().collect::<Vec<_>>(), installed.keys().collect::<Vec<_>>());
    for (name, object) in installed {
        let (chart, install) = (pretty(&charted[&name]), pretty(&object));
        let difference = chart.lines().zip(install.lines()).find(|(one, other)| one != other);
        assert!(chart == install, "{name}: chart and install say {difference:?}");
    }
}

#[test]
fn a_misspelt_value_is_refused() {
    for value in ["settings.logFormt=json", "replica=1", "image.pullPolicy=Sometimes"] {
        let (done, text) = helm(&["template", "release", "--set", value]);
        assert!(!done && text.contains("values don't meet the specifications"), "{text}");
    }
}

#[test]
fn what_is_switched_off_is_not_there() {
    let off =
        r#"{"crds": {"install": false}, "flowSchemas": {"enabled": false}, "podDisruptionBudget": {"enabled": false}}"#;
    let kinds: Vec<String> = by_name(rendered(off)).into_keys().collect();
    for kind in ["CustomResourceDefinition", "FlowSchema", "PodDisruptionBudget", "ServiceMonitor"] {
        assert!(!kinds.iter().any(|name| name.starts_with(kind)), "{kind} is in {kinds:?}");
    }
}

#[test]
fn settings_become_environment_that_the_program_reads() {
    let objects = by_name(rendered(EVERYTHING));
    let environment =
        &objects[&format!("Deployment {NAMESPACE}/tenantry")]["spec"]["template"]["spec"]["containers"][0]["env"];
    let command = tenantry::cli::command(Path::new("tenantry"));
    let run = command.find_subcommand("run").expect("it has `run`");
    for variable in environment.as_array().expect("variables") {
        let name = variable["name"].as_str().expect("a name");
        assert!(run.get_arguments().any(|argument| argument.get_env().is_some_and(|known| known == name)), "{name}");
    }
    let set = environment.as_array().expect("variables").iter().find(|one| one["name"] == "TENANTRY_LOG_FORMAT");
    assert_eq!(set, Some(&json!({ "name": "TENANTRY_LOG_FORMAT", "value": "json" })));
}

#[tokio::test]
async fn the_server_takes_every_object_of_the_chart() {
    let cluster = shared().await.expect("a cluster");
    let client = cluster.client().await.expect("a client");
    let _ = cluster.kubectl(&["create", "namespace", NAMESPACE]).await;
    for values in ["{}", EVERYTHING] {
        // No server of ours knows the Prometheus operator's kinds.
        for object in rendered(values).into_iter().filter(|object| object["kind"] != "ServiceMonitor") {
            let (group, version) =
                object["apiVersion"].as_str().expect("a version").split_once('/').unwrap_or(("", "v1"));
            let kind = object["kind"].as_str().expect("a kind");
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
                None => Api::all_with(client.clone(), &resource),
            };
            let name = object["metadata"]["name"].as_str().expect("a name");
            let mut parameters = PatchParams::apply("chart-test").force().dry_run();
            parameters = parameters.validation_strict();
            let answer = api.patch(name, &parameters, &Patch::Apply(&object)).await;
            assert!(answer.is_ok(), "{kind} {name}: {}", answer.err().map(words).unwrap_or_default());
        }
    }
}
