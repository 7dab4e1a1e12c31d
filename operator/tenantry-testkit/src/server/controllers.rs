//! What kube-controller-manager and the API server's own controllers do in the background, as one deterministic round at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::crd;
use super::delete::{self, Options};
use super::meta;
use super::quantity;
use super::registry::Resource;
use super::state::{Key, State};

/// The objects of a bare cluster.
pub fn bootstrap(state: &mut State) {
    "kube-apiserver".clone_into(&mut state.agent);
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name, "labels": {"kubernetes.io/metadata.name": name},
                "managedFields": [{
                    "apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "kube-apiserver", "operation": "Update",
                    "time": state.clock.stamp(),
                    "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/metadata.name": {}}}},
                }],
            },
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        add(state, "", "namespaces", object);
    }
    serve_groups(state);
    tick(state);
}

/// One round; true if anything changed.
pub fn tick(state: &mut State) -> bool {
    let before = state.revision;
    default_accounts(state);
    fill_quotas(state);
    run_deployments(state);
    lead_services(state);
    collect_garbage(state);
    finish_namespaces(state);
    finish_definitions(state);
    state.revision != before
}

/// Store an object that the cluster itself makes.
fn add(state: &mut State, group: &str, plural: &str, mut object: Value) {
    let Some(resource) = state.registry.any_version(group, plural) else { return };
    object["metadata"]["uid"] = json!(state.next_uid());
    object["metadata"]["creationTimestamp"] = json!(state.clock.stamp());
    let key = Key::new(&resource, meta::text(&object, "namespace"), meta::text(&object, "name"));
    state.put(key, object);
}

fn keys_of(state: &State, group: &str, plural: &str) -> Vec<(Key, Arc<Value>)> {
    state.of_kind(group, plural, "").into_iter().map(|(key, object)| (key.clone(), object.clone())).collect()
}

fn core_key(plural: &str, namespace: &str, name: &str) -> Key {
    Key { group: String::new(), plural: plural.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
}

/// Each namespace gets a `default` ServiceAccount and the cluster's root certificate.
fn default_accounts(state: &mut State) {
    for (key, namespace) in keys_of(state, "", "namespaces") {
        if meta::is_deleting(&namespace) {
            continue;
        }
        let name = &key.name;
        if state.get(&core_key("serviceaccounts", name, "default")).is_none() {
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}});
            add(state, "", "serviceaccounts", account);
        }
        if state.get(&core_key("configmaps", name, "kube-root-ca.crt")).is_none() {
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\n"},
                "metadata": {"name": "kube-root-ca.crt", "namespace": name},
            });
            add(state, "", "configmaps", map);
        }
    }
}

/// ResourceQuota status follows spec, with what is used now.
fn fill_quotas(state: &mut State) {
    for (key, quota) in keys_of(state, "", "resourcequotas") {
        let hard = quota["spec"]["hard"].clone();
        let hard = if hard.is_object() { hard } else { json!({}) };
        let mut used = json!({});
        for (name, _) in hard.as_object().into_iter().flatten() {
            used[name] = json!(quantity::of_nanos(usage(state, &key.namespace, name)));
        }
        let status = if hard == json!({}) { json!({}) } else { json!({"hard": hard, "used": used}) };
        if quota["status"] != status {
            let mut object = Value::clone(&quota);
            object["status"] = status;
            state.put(key, object);
        }
    }
}

/// Deployments that Tenantry has made have all their pods at once, but those of an image called `never`: beside the pods that were
/// there, their deadline passes at once. Others' are nobody's concern here.
fn run_deployments(state: &mut State) {
    for (key, deployment) in keys_of(state, "apps", "deployments") {
        if deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"] != "tenantry" {
            continue;
        }
        let replicas = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
        let image = deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        let (updated, progressing) = if image.contains("never") {
            let words = format!("{image} has timed out progressing.");
            (
                0,
                json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": words}),
            )
        } else {
            (replicas, json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}))
        };
        let status = json!({
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas, "updatedReplicas": updated, "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}, progressing],
        });
        if deployment["status"] != status {
            let mut object = Value::clone(&deployment);
            object["status"] = status;
            state.put(key, object);
        }
    }
}

/// Each Service that Tenantry has made leads to the pods of the Deployment of its name, by one slice with the Service's labels.
fn lead_services(state: &mut State) {
    for (key, service) in keys_of(state, "", "services") {
        let name = format!("{}-1", key.name);
        let slice =
            Key { group: "discovery.k8s.io".to_owned(), plural: "endpointslices".to_owned(), name, ..key.clone() };
        let is_ours = service["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "tenantry";
        if !is_ours || meta::is_deleting(&service) || state.get(&slice).is_some() {
            continue;
        }
        let mut labels = service["metadata"]["labels"].clone();
        labels["kubernetes.io/service-name"] = json!(key.name);
        let object = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": slice.name, "namespace": key.namespace, "labels": labels,
                "ownerReferences": [{
                    "apiVersion": "v1", "kind": "Service", "name": key.name, "uid": service["metadata"]["uid"], "controller": true,
                }],
            },
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": true}}],
        });
        add(state, "discovery.k8s.io", "endpointslices", object);
    }
}

fn usage(state: &State, namespace: &str, name: &str) -> i128 {
    const ONE: i128 = 1_000_000_000;
    let count = |plural: &str, group: &str| state.of_kind(group, plural, namespace).len() as i128 * ONE;
    if let Some(rest) = name.strip_prefix("count/") {
        let (plural, group) = rest.split_once('.').unwrap_or((rest, ""));
        return count(plural, group);
    }
    match name {
        "pods" | "services" | "configmaps" | "secrets" | "resourcequotas" | "persistentvolumeclaims" => count(name, ""),
        _ => {
            let (section, key) = name.split_once('.').unwrap_or(("requests", name));
            let containers = state
                .of_kind("", "pods", namespace)
                .into_iter()
                .flat_map(|(_, pod)| pod["spec"]["containers"].as_array().cloned().unwrap_or_default());
            containers.filter_map(|container| quantity::nanos(container["resources"][section][key].as_str()?)).sum()
        }
    }
}

/// Objects whose every owner is gone follow them; a foreground deletion ends when no dependent is left.
fn collect_garbage(state: &mut State) {
    let uids: BTreeSet<String> = state.objects().map(|(_, object)| meta::text(object, "uid").to_owned()).collect();
    let all = state.objects().map(|(key, object)| (key.clone(), object.clone())).collect::<Vec<_>>();
    for (key, object) in &all {
        let owners = object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        if owners.is_empty() || meta::is_deleting(object) {
            continue;
        }
        let is_alive = |owner: &Value| {
            let uid = owner["uid"].as_str().unwrap_or_default();
            let is_foreground = all.iter().any(|(_, found)| {
                meta::text(found, "uid") == uid && meta::finalizers(found).contains(&"foregroundDeletion")
            });
            uids.contains(uid) && !is_foreground && owner_is_reachable(state, key, owner)
        };
        if !owners.iter().any(is_alive)
            && let Some(resource) = state.registry.any_version(&key.group, &key.plural)
        {
            let options = Options { uid: meta::text(object, "uid").to_owned(), ..Options::default() };
            delete::begin(state, &resource, key, &options);
        }
    }
    release(state, "foregroundDeletion");
    release(state, "orphan");
}

/// An owner is in the same namespace, or cluster-scoped.
fn owner_is_reachable(state: &State, key: &Key, owner: &Value) -> bool {
    let text = |field: &str| owner[field].as_str().unwrap_or_default();
    let Some(resource) = state.registry.by_kind(text("apiVersion"), text("kind")) else { return true };
    let owner_key = Key::new(&resource, &key.namespace, text("name"));
    state.get(&owner_key).is_some_and(|found| meta::text(found, "uid") == text("uid"))
}

fn release(state: &mut State, finalizer: &str) {
    let held = state
        .objects()
        .filter(|(_, object)| meta::is_deleting(object) && meta::finalizers(object).contains(&finalizer));
    let held = held.map(|(key, object)| (key.clone(), object.clone())).collect::<Vec<_>>();
    for (key, object) in held {
        let uid = meta::text(&object, "uid").to_owned();
        let owned_by = |other: &Value| {
            other["metadata"]["ownerReferences"]
                .as_array()
                .is_some_and(|list| list.iter().any(|owner| owner["uid"] == uid))
        };
        let dependents =
            state.objects().filter(|(_, other)| owned_by(other)).map(|(key, object)| (key.clone(), object.clone()));
        let dependents = dependents.collect::<Vec<_>>();
        if finalizer == "orphan" {
            for (key, dependent) in &dependents {
                let mut left = Value::clone(dependent);
                if let Some(list) = left["metadata"]["ownerReferences"].as_array_mut() {
                    list.retain(|owner| owner["uid"] != uid);
                }
                state.put(key.clone(), left);
            }
        } else if !dependents.is_empty() {
            continue;
        }
        remove_finalizer(state, &key, &object, finalizer);
    }
}

fn remove_finalizer(state: &mut State, key: &Key, object: &Value, finalizer: &str) {
    let Some(resource) = state.registry.any_version(&key.group, &key.plural) else { return };
    let mut left = object.clone();
    if let Some(list) = left["metadata"]["finalizers"].as_array_mut() {
        list.retain(|name| name != finalizer);
    }
    if meta::may_vanish(&resource, &left) {
        state.remove(key);
    } else {
        state.put(key.clone(), left);
    }
}

/// Empty a terminating namespace, then let it go.
fn finish_namespaces(state: &mut State) {
    for (key, namespace) in keys_of(state, "", "namespaces") {
        if !meta::is_deleting(&namespace) {
            continue;
        }
        let contents = state.objects().filter(|(found, _)| found.namespace == key.name);
        let contents = contents.map(|(key, _)| key.clone()).collect::<Vec<_>>();
        for found in &contents {
            if let Some(resource) = state.registry.any_version(&found.group, &found.plural) {
                delete::begin(state, &resource, found, &Options::default());
            }
        }
        let is_empty = !state.objects().any(|(found, _)| found.namespace == key.name);
        if is_empty {
            release_namespace(state, &key);
        } else {
            tell_what_remains(state, &key);
        }
    }
}

/// What keeps a namespace from ending, as its conditions tell it.
fn tell_what_remains(state: &mut State, key: &Key) {
    let (mut kinds, mut finalizers) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    for (found, object) in state.objects().filter(|(found, _)| found.namespace == key.name) {
        *kinds.entry(format!("{}.{}", found.plural, found.group)).or_default() += 1;
        for finalizer in meta::finalizers(object) {
            *finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let told = |head: &str, word: &str, counts: BTreeMap<String, usize>| {
        let entries: Vec<String> =
            counts.into_iter().map(|(name, count)| format!("{name} {word} {count} resource instances")).collect();
        format!("{head}: {}", entries.join(", "))
    };
    let mut conditions = vec![("NamespaceContentRemaining", told("Some resources are remaining", "has", kinds))];
    if !finalizers.is_empty() {
        let head = "Some content in the namespace has finalizers remaining";
        conditions.push(("NamespaceFinalizersRemaining", told(head, "in", finalizers)));
    }
    let conditions: Vec<Value> = conditions
        .into_iter()
        .map(|(type_, message)| json!({ "type": type_, "status": "True", "message": message }))
        .collect();
    let Some(namespace) = state.get(key).filter(|found| found["status"]["conditions"] != json!(conditions)) else {
        return;
    };
    let mut namespace = Value::clone(namespace);
    namespace["status"]["conditions"] = json!(conditions);
    state.put(key.clone(), namespace);
}

fn release_namespace(state: &mut State, key: &Key) {
    let Some(namespace) = state.get(key).cloned() else { return };
    let mut left = Value::clone(&namespace);
    left["spec"] = json!({});
    let Some(resource) = state.registry.any_version("", "namespaces") else { return };
    if meta::may_vanish(&resource, &left) {
        state.remove(key);
    } else if left != *namespace {
        state.put(key.clone(), left);
    }
}

/// Delete the objects of a terminating definition, then stop serving it.
fn finish_definitions(state: &mut State) {
    const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
    for (key, definition) in keys_of(state, "apiextensions.k8s.io", "customresourcedefinitions") {
        if !meta::is_deleting(&definition) || !meta::finalizers(&definition).contains(&CLEANUP) {
            continue;
        }
        let (group, plural) = (definition["spec"]["group"].as_str(), definition["spec"]["names"]["plural"].as_str());
        let (group, plural) = (group.unwrap_or_default().to_owned(), plural.unwrap_or_default().to_owned());
        for (found, _) in keys_of(state, &group, &plural) {
            if let Some(resource) = state.registry.any_version(&group, &plural) {
                delete::begin(state, &resource, &found, &Options::default());
            }
        }
        if keys_of(state, &group, &plural).is_empty() {
            remove_finalizer(state, &key, &definition, CLEANUP);
        }
        if state.get(&key).is_none() {
            state.registry.withdraw(&group, &plural);
            serve_groups(state);
            state.wake_watches();
        }
    }
}

/// A definition was stored: serve its kind and say so in its status.
pub fn definition_stored(state: &mut State, definition: &Arc<Value>) {
    if meta::is_deleting(definition) {
        return;
    }
    let status = crd::established(definition, &state.clock.stamp());
    let is_same = definition["status"]["acceptedNames"] == status["acceptedNames"]
        && definition["status"]["storedVersions"] == status["storedVersions"];
    state.registry.serve(definition);
    if !is_same {
        let mut object = Value::clone(definition);
        let old = object["status"]["conditions"].clone();
        object["status"] = status;
        if old.is_array() {
            object["status"]["conditions"] = old;
        }
        let key = Key {
            group: "apiextensions.k8s.io".to_owned(),
            plural: "customresourcedefinitions".to_owned(),
            namespace: String::new(),
            name: meta::text(definition, "name").to_owned(),
        };
        state.put(key, object);
    }
    serve_groups(state);
}

/// One APIService a group and version that is served, and none besides.
fn serve_groups(state: &mut State) {
    let served = state.registry.all().map(|resource: Arc<Resource>| (resource.group.clone(), resource.version.clone()));
    let served: BTreeSet<(String, String)> = served.collect();
    let name = |group: &str, version: &str| format!("{version}.{group}");
    let wanted: BTreeSet<String> = served.iter().map(|(group, version)| name(group, version)).collect();
    for (key, _) in keys_of(state, "apiregistration.k8s.io", "apiservices") {
        if !wanted.contains(&key.name) {
            state.remove(&key);
        }
    }
    let present: BTreeSet<String> =
        keys_of(state, "apiregistration.k8s.io", "apiservices").into_iter().map(|(key, _)| key.name).collect();
    for (group, version) in served {
        if present.contains(&name(&group, &version)) {
            continue;
        }
        let stamp = state.clock.stamp();
        let object = json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": name(&group, &version), "labels": {"kube-aggregator.kubernetes.io/automanaged": "true"}},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 1000, "versionPriority": 100},
            "status": {"conditions": [{
                "type": "Available", "status": "True", "lastTransitionTime": stamp, "reason": "Local",
                "message": "Local APIServices are always available",
            }]},
        });
        add(state, "apiregistration.k8s.io", "apiservices", object);
    }
}
