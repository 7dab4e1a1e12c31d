//! A stolen token of the operator, tried against everything it should not do. Next to each attempt stands what it must be able
//! to do, so that a refusal for want of anything else would be seen. All writes are dry runs: they are authorised and
//! admitted as any other, and nothing comes of a hole. The answers are in `stolen.txt`.

use std::fmt::Write as _;
use std::path::Path;

use http::{Method, Request, header};
use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::{Cluster, eventually, objects};

use crate::program::{self, SOON};
use crate::scene::{self, onboard, plain_tenant, stage};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";
const TENANTS: &str = "/apis/tenantry.dev/v1alpha1/tenants";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// One request of the thief.
pub struct Attempt {
    method: Method,
    path: String,
    content: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Value,
    /// Whether it must succeed: the positive control of its neighbours.
    must: bool,
    what: &'static str,
}

pub fn attempt(what: &'static str, method: Method, path: impl Into<String>, body: Value) -> Attempt {
    let content = if method == Method::PATCH { MERGE } else { "application/json" };
    Attempt { method, path: path.into(), content, headers: &[], body, must: false, what }
}

pub fn must(attempt: Attempt) -> Attempt {
    Attempt { must: true, ..attempt }
}

fn with(attempt: Attempt, content: &'static str, headers: &'static [(&'static str, &'static str)]) -> Attempt {
    Attempt { content, headers, ..attempt }
}

fn core(namespace: &str, plural: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/{plural}")
}

fn bindings(namespace: &str) -> String {
    format!("{RBAC}/namespaces/{namespace}/rolebindings")
}

fn policies(namespace: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
}

fn binding(role: &str, subject: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "loot" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role }, "subjects": [subject],
    })
}

fn group(name: &str) -> Value {
    json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name })
}

fn account(namespace: &str) -> Value {
    json!({ "kind": "ServiceAccount", "name": "default", "namespace": namespace })
}

fn deployments(namespace: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments/running")
}

fn workload_list(namespace: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments")
}

/// A workload, as it is made for a resource or not.
fn running(owned: bool) -> Value {
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "loot" },
        "spec": { "replicas": 0, "selector": { "matchLabels": { "a": "a" } },
                  "template": { "metadata": { "labels": { "a": "a" } }, "spec": pod()["spec"] } },
    });
    if owned {
        deployment["metadata"]["annotations"] = json!({ "tenantry.dev/owner": "agents/robbed-dev/a/1" });
        deployment["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Agent", "name": "a", "uid": "1" }]);
    }
    deployment
}

fn open() -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "open" },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}] } })
}

fn quota() -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "nothing" }, "spec": { "hard": { "pods": "0" } } })
}

fn limits() -> Value {
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "tiny" },
            "spec": { "limits": [{ "type": "Container", "max": { "cpu": "1m" } }] } })
}

fn namespace(name: &str, labels: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

fn claim(tenant: &str) -> Value {
    json!({ "tenantry.dev/tenant": tenant, "app.kubernetes.io/managed-by": "tenantry" })
}

fn labels(labels: &Value) -> Value {
    json!({ "metadata": { "labels": labels } })
}

fn pod() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "loot" },
            "spec": { "containers": [{ "name": "a", "image": "registry.example/a" }] } })
}

fn secret(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": { "a": "b" } })
}

fn secrets() -> Vec<Attempt> {
    use Method as M;
    let stranger = format!("{}/stranger", core("robbed-dev", "secrets"));
    vec![
        must(attempt("list namespaces", M::GET, "/api/v1/namespaces", Value::Null)),
        attempt("list Secrets of the cluster", M::GET, "/api/v1/secrets", Value::Null),
        attempt("list Secrets in kube-system", M::GET, core("kube-system", "secrets"), Value::Null),
        attempt("list Secrets of a tenant", M::GET, core("robbed-dev", "secrets"), Value::Null),
        attempt("read a Secret of a tenant", M::GET, stranger.clone(), Value::Null),
        must(attempt("put a Secret into a tenant", M::POST, core("robbed-dev", "secrets"), secret("copy"))),
        attempt("put a Secret into kube-system", M::POST, core("kube-system", "secrets"), secret("copy")),
        attempt("overwrite a stranger's Secret", M::PUT, stranger.clone(), secret("stranger")),
        attempt("delete a stranger's Secret", M::DELETE, stranger, Value::Null),
    ]
}

fn rights() -> Vec<Attempt> {
    use Method as M;
    let give =
        |what, place: &str, role: &str, subject| attempt(what, M::POST, bindings(place), binding(role, &subject));
    let mut all = vec![
        must(give("give a group tenantry:admin in a tenant", "robbed-dev", "tenantry:admin", group("robbed-more"))),
        must(give("give a program of the tenant rights", "robbed-dev", "tenantry:viewer", account("robbed-dev"))),
        give("give cluster-admin in a tenant", "robbed-dev", "cluster-admin", group("thieves")),
        give("give cluster-admin in kube-system", "kube-system", "cluster-admin", group("thieves")),
        give("give tenantry:admin in kube-system", "kube-system", "tenantry:admin", group("thieves")),
        give("give tenantry:admin in default", "default", "tenantry:admin", group("thieves")),
        give("give tenantry:admin in its own namespace", "tenantry-system", "tenantry:admin", group("thieves")),
        give("give tenantry:admin in a namespace of nobody", "stolen-plain", "tenantry:admin", group("thieves")),
        give("give system:masters rights in a tenant", "robbed-dev", "tenantry:admin", group("system:masters")),
        give("give everybody rights in a tenant", "robbed-dev", "tenantry:admin", group("system:authenticated")),
        give("give a program of kube-system rights", "robbed-dev", "tenantry:admin", account("kube-system")),
        give("give itself rights in a tenant", "robbed-dev", "tenantry:admin", account("tenantry-system")),
        give("give another tenant's program rights", "robbed-dev", "tenantry:admin", account("bystander-dev")),
    ];
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "loot" },
                       "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }] });
    let mut everywhere = binding("tenantry:admin", &group("thieves"));
    everywhere["kind"] = "ClusterRoleBinding".into();
    all.extend([
        attempt("bind a role cluster-wide", M::POST, format!("{RBAC}/clusterrolebindings"), everywhere),
        attempt("make a ClusterRole", M::POST, format!("{RBAC}/clusterroles"), role.clone()),
        attempt("widen its own ClusterRole", M::PATCH, format!("{RBAC}/clusterroles/tenantry-operator"), json!({ "rules": role["rules"] })),
        attempt("widen what tenants' admins may", M::PATCH, format!("{RBAC}/clusterroles/tenantry:admin"), json!({ "rules": role["rules"] })),
        with(attempt("impersonate an admin", M::GET, "/api/v1/namespaces", Value::Null), "application/json", &[("Impersonate-User", "admin"), ("Impersonate-Group", "system:masters")]),
        attempt("mint a token in kube-system", M::POST, core("kube-system", "serviceaccounts/default/token"), json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} })),
        attempt("mint a token in a tenant", M::POST, core("robbed-dev", "serviceaccounts/default/token"), json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} })),
        attempt("add a member to a Tenant", M::PATCH, format!("{TENANTS}/robbed"), json!({ "spec": { "members": [{ "name": "thief", "role": "Admin", "subjects": [{ "kind": "User", "name": "thief" }] }] } })),
        must(attempt("note something on a Tenant", M::PATCH, format!("{TENANTS}/robbed"), json!({ "metadata": { "annotations": { "example.com/note": "a" } } }))),
    ]);
    all
}

fn guards() -> Vec<Attempt> {
    use Method as M;
    let mut all = Vec::new();
    for (place, is_tenant) in
        [("robbed-dev", true), ("kube-system", false), ("default", false), ("stolen-plain", false)]
    {
        for (what, path, body) in [
            ("open the network", policies(place), open()),
            ("set a quota", core(place, "resourcequotas"), quota()),
            ("set limits", core(place, "limitranges"), limits()),
        ] {
            all.push(Attempt { must: is_tenant, ..attempt(what, M::POST, path, body) });
        }
    }
    all.extend([
        attempt("change a stranger's network policy", M::PUT, format!("{}/theirs", policies("stolen-plain")), {
            let mut body = open();
            body["metadata"]["name"] = "theirs".into();
            body
        }),
        attempt(
            "delete a stranger's network policy",
            M::DELETE,
            format!("{}/theirs", policies("stolen-plain")),
            Value::Null,
        ),
    ]);
    // Of those that tenants have made it may close one, and give it back.
    let theirs = format!("{}/theirs", policies("robbed-dev"));
    let change = |what, patch| attempt(what, M::PATCH, theirs.clone(), patch);
    let select = |selector: Value| json!({ "spec": { "podSelector": selector } });
    all.extend([
        must(change("close a tenant's network policy", select(tenantry_core::build::no_pods()))),
        change("let it select other pods", select(json!({ "matchLabels": { "a": "a" } }))),
        change("let it open more", json!({ "spec": { "policyTypes": ["Ingress", "Egress"], "egress": [{}] } })),
        change("open less by it", json!({ "spec": { "ingress": null } })),
        change(
            "call it its own",
            json!({ "metadata": { "annotations": { "tenantry.dev/owner": "tenants//robbed/loot" } } }),
        ),
        attempt("delete a tenant's network policy", M::DELETE, theirs.clone(), Value::Null),
    ]);
    all
}

fn namespaces() -> Vec<Attempt> {
    use Method as M;
    let path = |name: &str| format!("/api/v1/namespaces/{name}");
    let all = "/api/v1/namespaces";
    let mut generated = namespace("", &claim("robbed"));
    generated["metadata"] = json!({ "generateName": "kube-", "labels": claim("robbed") });
    vec![
        must(attempt("make a namespace of a tenant", M::POST, all, namespace("robbed-new", &claim("robbed")))),
        attempt("make a namespace of nobody", M::POST, all, namespace("stolen-new", &json!({}))),
        attempt("make the namespace kube-foo", M::POST, all, namespace("kube-foo", &claim("robbed"))),
        attempt("have the server name it kube-…", M::POST, all, generated),
        must(attempt("delete a namespace of a tenant", M::DELETE, path("robbed-dev"), Value::Null)),
        attempt("delete kube-system", M::DELETE, path("kube-system"), Value::Null),
        attempt("delete default", M::DELETE, path("default"), Value::Null),
        attempt("delete its own namespace", M::DELETE, path("tenantry-system"), Value::Null),
        attempt("delete a namespace of nobody", M::DELETE, path("stolen-plain"), Value::Null),
        must(attempt("take a namespace that consents", M::PATCH, path("stolen-consents"), labels(&claim("robbed")))),
        attempt("take it for another tenant", M::PATCH, path("stolen-consents"), labels(&claim("bystander"))),
        attempt("take a namespace that does not", M::PATCH, path("stolen-plain"), labels(&claim("robbed"))),
        attempt("take kube-system", M::PATCH, path("kube-system"), labels(&claim("robbed"))),
        attempt(
            "label kube-system",
            M::PATCH,
            path("kube-system"),
            labels(&json!({ "pod-security.kubernetes.io/enforce": "privileged" })),
        ),
        must(attempt("label a namespace of a tenant", M::PATCH, path("robbed-dev"), labels(&json!({ "note": "a" })))),
        attempt("strip the labels of one", M::PATCH, path("robbed-dev"), labels(&Value::Null)),
        attempt("give it to another tenant", M::PATCH, path("robbed-dev"), labels(&claim("bystander"))),
        attempt(
            "finalize one",
            M::PUT,
            format!("{}/finalize", path("robbed-dev")),
            namespace("robbed-dev", &claim("robbed")),
        ),
    ]
}

fn rules() -> Vec<Attempt> {
    use Method as M;
    let policy = |name: &str| format!("{ADMISSION}/validatingadmissionpolicies/{name}");
    let bound = |name: &str| format!("{ADMISSION}/validatingadmissionpolicybindings/{name}");
    let whole = |kind: &str, name: &str, spec: Value| json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec });
    let lifted = json!({ "spec": { "validationActions": ["Audit"] } });
    let other = whole(
        "ValidatingAdmissionPolicyBinding",
        "tenantry-other",
        json!({ "policyName": "tenantry-pods", "validationActions": ["Audit"] }),
    );
    let hook = |kind: &str| json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": "loot" }, "webhooks": [] });
    vec![
        must(attempt(
            "repair a policy that it keeps",
            M::PATCH,
            policy("tenantry-pods"),
            json!({ "spec": { "failurePolicy": "Fail" } }),
        )),
        must(with(
            attempt(
                "make one that it keeps anew",
                M::PATCH,
                bound("tenantry-pods") + "?fieldManager=thief&force=true",
                whole(
                    "ValidatingAdmissionPolicyBinding",
                    "tenantry-pods",
                    json!({ "policyName": "tenantry-pods", "validationActions": ["Deny", "Audit"] }),
                ),
            ),
            APPLY,
            &[],
        )),
        attempt("delete a policy that it keeps", M::DELETE, policy("tenantry-pods"), Value::Null),
        attempt("delete a binding that it keeps", M::DELETE, bound("tenantry-pods"), Value::Null),
        attempt(
            "change what binds itself",
            M::PATCH,
            policy("tenantry-self-guard"),
            json!({ "spec": { "failurePolicy": "Ignore" } }),
        ),
        attempt("lift what binds itself", M::PATCH, bound("tenantry-self-guard"), lifted),
        attempt("delete what binds itself", M::DELETE, policy("tenantry-self-guard"), Value::Null),
        attempt("unbind itself", M::DELETE, bound("tenantry-self-guard"), Value::Null),
        attempt(
            "create a binding of another name",
            M::POST,
            format!("{ADMISSION}/validatingadmissionpolicybindings"),
            other.clone(),
        ),
        with(
            attempt(
                "apply a binding of another name",
                M::PATCH,
                bound("tenantry-other") + "?fieldManager=thief",
                other,
            ),
            APPLY,
            &[],
        ),
        attempt(
            "create a mutating policy",
            M::POST,
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
            whole("MutatingAdmissionPolicy", "loot", json!({})),
        ),
        attempt(
            "create a mutating webhook",
            M::POST,
            format!("{ADMISSION}/mutatingwebhookconfigurations"),
            hook("MutatingWebhookConfiguration"),
        ),
        attempt(
            "create a validating webhook",
            M::POST,
            format!("{ADMISSION}/validatingwebhookconfigurations"),
            hook("ValidatingWebhookConfiguration"),
        ),
        attempt(
            "change a CRD",
            M::PATCH,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tenants.tenantry.dev",
            labels(&json!({ "a": "b" })),
        ),
        attempt(
            "delete a CRD",
            M::DELETE,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tenants.tenantry.dev",
            Value::Null,
        ),
    ]
}

fn workloads() -> Vec<Attempt> {
    use Method as M;
    vec![
        attempt("run a pod in kube-system", M::POST, core("kube-system", "pods"), pod()),
        attempt("run a pod in a tenant", M::POST, core("robbed-dev", "pods"), pod()),
        // To name those that a suspended tenant still runs.
        must(attempt("list pods", M::GET, "/api/v1/pods", Value::Null)),
        attempt("enter a pod of a tenant", M::POST, core("robbed-dev", "pods/any/exec") + "?command=sh", Value::Null),
        must(attempt(
            "stop a workload of a tenant",
            M::PATCH,
            deployments("robbed-dev"),
            json!({ "spec": { "replicas": 0 } }),
        )),
        attempt(
            "change what it runs",
            M::PATCH,
            deployments("robbed-dev"),
            json!({ "spec": { "template": { "spec": { "serviceAccountName": "loot" } } } }),
        ),
        attempt(
            "take it for its own",
            M::PATCH,
            deployments("robbed-dev"),
            json!({ "metadata": { "annotations": { "tenantry.dev/owner": "agents/robbed-dev/a/1" } } }),
        ),
        attempt(
            "tie it to a resource of its own",
            M::PATCH,
            deployments("robbed-dev"),
            json!({ "metadata": { "ownerReferences": [{ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Agent", "name": "a", "uid": "1" }] } }),
        ),
        attempt("remove a workload of a tenant", M::DELETE, deployments("robbed-dev"), Value::Null),
        must(attempt("run a workload for a resource of a tenant", M::POST, workload_list("robbed-dev"), running(true))),
        attempt("run a workload for nobody", M::POST, workload_list("robbed-dev"), running(false)),
        attempt("run a workload in kube-system", M::POST, workload_list("kube-system"), running(true)),
        attempt("run a workload where no tenant is", M::POST, workload_list("stolen-plain"), running(true)),
        attempt(
            "change a stranger's account",
            M::PUT,
            core("robbed-dev", "serviceaccounts") + "/default",
            json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" },
            }),
        ),
        attempt(
            "remove a stranger's account",
            M::DELETE,
            core("robbed-dev", "serviceaccounts") + "/default",
            Value::Null,
        ),
        attempt(
            "remove a tenant's data",
            M::DELETE,
            core("robbed-dev", "persistentvolumeclaims") + "/data",
            Value::Null,
        ),
        attempt(
            "publish a Service in kube-system",
            M::POST,
            core("kube-system", "services"),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "loot" }, "spec": { "ports": [{ "port": 80 }] },
            }),
        ),
        attempt(
            "stop a workload of nobody",
            M::PATCH,
            deployments("stolen-plain"),
            json!({ "spec": { "replicas": 0 } }),
        ),
        attempt("list nodes", M::GET, "/api/v1/nodes", Value::Null),
        attempt(
            "take the lead from kube-controller-manager",
            M::PATCH,
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager",
            json!({ "spec": { "holderIdentity": "thief" } }),
        ),
        must(attempt(
            "read a lease in its own namespace",
            M::GET,
            "/apis/coordination.k8s.io/v1/namespaces/tenantry-system/leases/tenantry",
            Value::Null,
        )),
    ]
}

/// A ServiceRoute that a tenant has written, with a finalizer of somebody else.
fn theirs() -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "ServiceRoute",
        "metadata": { "name": "theirs", "namespace": "robbed-dev", "labels": { "team": "a" }, "finalizers": ["example.com/hold"] },
        "spec": { "backend": { "serviceRef": { "name": "a", "port": 80 } }, "api": { "name": "A", "version": "v1" } },
    })
}

fn routes() -> Vec<Attempt> {
    let path = "/apis/tenantry.dev/v1alpha1/namespaces/robbed-dev/serviceroutes/theirs";
    let change = |what, body: Value| attempt(what, Method::PATCH, path, body);
    let held = |all: &[&str]| json!({ "metadata": { "finalizers": all } });
    let ours = "tenantry.dev/children";
    let mut both = held(&["example.com/hold", ours]);
    both["spec"] = json!({ "backend": { "serviceRef": { "name": "loot" } } });
    vec![
        must(change("let it stay when it is deleted", held(&["example.com/hold", ours]))),
        change("and lead it elsewhere at once", both),
        change("lead it elsewhere", json!({ "spec": { "backend": { "serviceRef": { "name": "loot" } } } })),
        change("let go what somebody else holds", held(&[ours])),
        change("hold it in another name", held(&["example.com/hold", "example.com/more"])),
        change("label it", json!({ "metadata": { "labels": { "team": "b" } } })),
        change("annotate it", json!({ "metadata": { "annotations": { "a": "b" } } })),
        attempt("delete it", Method::DELETE, path, Value::Null),
    ]
}

/// What the server says, in a few words that do not change with its version.
async fn answer(client: &Client, attempt: &Attempt) -> String {
    let joint = if attempt.path.contains('?') { '&' } else { '?' };
    let dry = if attempt.method == Method::GET { String::new() } else { format!("{joint}dryRun=All") };
    let mut request = Request::builder().method(attempt.method.clone()).uri(format!("{}{dry}", attempt.path));
    request = request.header(header::CONTENT_TYPE, attempt.content);
    for (name, value) in attempt.headers {
        request = request.header(*name, *value);
    }
    let bytes = if attempt.body.is_null() { Vec::new() } else { attempt.body.to_string().into_bytes() };
    match client.request::<Value>(request.body(bytes).expect("a request")).await {
        Ok(_) => "done".to_owned(),
        Err(kube::Error::Api(status)) => format!("{} {}", status.code, by(&status.message)),
        Err(error) => panic!("{}: {error}", attempt.what),
    }
}

/// Who refused.
fn by(message: &str) -> String {
    let rule = message.split("[rule ").nth(1).and_then(|rest| rest.split([']', ';']).next());
    if message.contains("ValidatingAdmissionPolicy") {
        let policy = message.split('\'').nth(1).unwrap_or_default();
        format!("{policy}, rule {}", rule.unwrap_or("?"))
    } else if message.contains("attempting to grant RBAC permissions") {
        "RBAC: more than it has".to_owned()
    } else if message.contains(" cannot ") {
        "RBAC: no such right".to_owned()
    } else {
        message.to_owned()
    }
}

async fn prepare(cluster: &Cluster) {
    let admin = cluster.client().await.expect("client");
    onboard(&admin, &plain_tenant("robbed")).await;
    onboard(&admin, &plain_tenant("bystander")).await;
    objects::apply(&admin, &namespace("stolen-plain", &json!({}))).await.expect("applied");
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "robbed-dev" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    });
    objects::apply(&admin, &claim).await.expect("applied");
    let mut consents = namespace("stolen-consents", &json!({}));
    consents["metadata"]["annotations"] = json!({ "tenantry.dev/adoptable-by": "robbed" });
    objects::apply(&admin, &consents).await.expect("applied");
    let stranger = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "stranger", "namespace": "robbed-dev" }, "stringData": { "a": "a" } });
    objects::apply(&admin, &stranger).await.expect("applied");
    for namespace in ["robbed-dev", "stolen-plain"] {
        let running = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "running", "namespace": namespace },
            "spec": { "replicas": 0, "selector": { "matchLabels": { "a": "a" } },
                      "template": { "metadata": { "labels": { "a": "a" } }, "spec": pod()["spec"] } },
        });
        objects::apply(&admin, &running).await.expect("applied");
    }
    for namespace in ["robbed-dev", "stolen-plain"] {
        let mut theirs = open();
        theirs["metadata"] = json!({ "name": "theirs", "namespace": namespace });
        objects::apply(&admin, &theirs).await.expect("applied");
    }
    objects::apply(&admin, &theirs()).await.expect("applied");
    eventually(SOON, "the operator leads", async || {
        scene::get(&admin, "coordination.k8s.io/v1", "Lease", Some("tenantry-system"), "tenantry").await
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn a_stolen_token_is_of_little_use() {
    let cluster = stage().await;
    prepare(cluster).await;
    let thief = program::account(cluster).await.client().await.expect("client");
    let attempts = [
        ("secrets", secrets()),
        ("rights", rights()),
        ("what guards a namespace", guards()),
        ("namespaces", namespaces()),
        ("rules of the cluster", rules()),
        ("workloads", workloads()),
        ("routes", routes()),
    ];
    try_all(&thief, attempts, "stolen.txt").await;
}

/// Tries all of these, and holds the answers to those in a file.
pub async fn try_all(thief: &Client, attempts: impl IntoIterator<Item = (&str, Vec<Attempt>)>, file: &str) {
    let mut table = format!("{:<66} answer\n", "attempt");
    let mut holes = Vec::new();
    for (title, attempts) in attempts {
        let _ = writeln!(table, "\n# {title}");
        for attempt in attempts {
            let place = attempt.path.split("/namespaces/").nth(1).and_then(|rest| rest.split_once('/'));
            let place = place.map(|(place, _)| format!(" ({place})")).unwrap_or_default();
            let answer = answer(thief, &attempt).await;
            let what = format!("{}{place}", attempt.what);
            let mark = if attempt.must { " (must)" } else { "" };
            let _ = writeln!(table, "{what:<66} {answer}{mark}");
            if attempt.must != (answer == "done") || !(attempt.must || answer.starts_with("403")) {
                holes.push(format!("{what}: {answer}"));
            }
        }
    }
    println!("{table}");
    assert!(holes.is_empty(), "done though it must not be, or refused though it must be done:\n{}", holes.join("\n"));
    crate::written_down::check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operator").join(file), &table);
}
