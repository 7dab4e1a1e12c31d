//! Part three: members of a tenant try what they may and what they may not, with real requests; the API server decides. It asks
//! nobody but the server, and the operator plays no part.

use std::time::Duration;

use kube::Client;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tenantry_e2e::eventually;
use tenantry_e2e::objects::{self, collection_of, words};

use super::Show;
use super::members::{self, Person};
use super::onboard::Onboarded;
use super::prepare::Stage;
use crate::commands::CommandError;

/// Scheduler and fake nodes need a second.
const AVAILABLE_WITHIN: Duration = Duration::from_secs(30);
/// What a developer runs.
pub(crate) const SHOP: &str = "registry.example/shop:1.0";
const BINDINGS: &str = "rbac.authorization.k8s.io/v1";

/// One try.
struct Attempt {
    says: String,
    request: Request,
    expected: Expected,
}

/// What the server should answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Yes.
    Allowed,
    /// No, with one of these in its words: a refusal for another reason proves nothing.
    Refused(&'static [&'static str]),
}

/// No rights in that place, or none of that kind.
const NO_RIGHT: Expected = Expected::Refused(&["is forbidden: User"]);
/// The rule for what Tenantry manages, or no rights there at all.
const MANAGED: Expected = Expected::Refused(&["rule managed-objects", "is forbidden: User"]);
/// Pod security admission.
const INSECURE: Expected = Expected::Refused(&["violates PodSecurity"]);
/// Quota or limits.
const TOO_MUCH: Expected = Expected::Refused(&["exceeded quota", "maximum cpu usage"]);

/// What is asked. Everything that should be refused is a dry run: the server answers the same, and a surprise does no harm.
enum Request {
    Create(Value),
    List(&'static str, &'static str, Option<String>),
    DeleteAll(&'static str, &'static str, String),
    Raise(String),
}

/// Both people try.
pub(crate) async fn run(show: &mut Show, stage: &Stage, onboarded: &Onboarded) -> Result<(), CommandError> {
    let (developer, limited) = members::find(&onboarded.tenants);
    let Some(developer) = developer else {
        show.checks.claim(
            &mut show.terminal,
            false,
            "the examples have a developer",
            "no Tenant names a group as Developer",
        );
        return Ok(());
    };
    let client = enter(show, stage, &developer).await?;
    for attempt in attempts_of_developer(&developer) {
        attempt.make(show, &client).await;
    }
    if stage.cluster.control_plane().is_ok() {
        run_workload(show, &client, &developer.at_home[0]).await;
    }
    if let Some(limited) = limited.filter(|limited| limited.group != developer.group) {
        let client = enter(show, stage, &limited).await?;
        for attempt in attempts_at_the_border(&limited) {
            attempt.make(show, &client).await;
        }
    }
    Ok(())
}

async fn enter(show: &mut Show, stage: &Stage, person: &Person) -> Result<Client, CommandError> {
    show.terminal.heading(&format!("As {}, member of group {} of tenant {}", person.user, person.group, person.tenant));
    let identity = stage.cluster.user(person.user, &[&person.group])?;
    Ok(identity.client().await?)
}

fn attempts_of_developer(person: &Person) -> Vec<Attempt> {
    let (home, foreign) = (&person.at_home[0], &person.foreign);
    let attempt = |says: String, expected, request| Attempt { says, request, expected };
    let in_foreign = || Some(foreign.clone());
    let mut attempts = attempts_at_the_border(person);
    attempts.extend([
        attempt(format!("list Pods in {home}"), Expected::Allowed, Request::List("v1", "Pod", Some(home.clone()))),
        attempt(format!("list Pods in {foreign}"), NO_RIGHT, Request::List("v1", "Pod", in_foreign())),
        attempt(format!("read Secrets in {foreign}"), NO_RIGHT, Request::List("v1", "Secret", in_foreign())),
        attempt(format!("create a ConfigMap in {foreign}"), NO_RIGHT, Request::Create(settings(foreign, person.user))),
        attempt("list all Namespaces".to_owned(), NO_RIGHT, Request::List("v1", "Namespace", None)),
        attempt(
            format!("delete the NetworkPolicies of {home}"),
            MANAGED,
            Request::DeleteAll("networking.k8s.io/v1", "NetworkPolicy", home.clone()),
        ),
        attempt(format!("raise the ResourceQuota of {home}"), NO_RIGHT, Request::Raise(home.clone())),
        attempt(
            format!("become cluster-admin in {home}"),
            NO_RIGHT,
            Request::Create(self_made_binding(home, person.user)),
        ),
        attempt(format!("run a privileged Pod in {home}"), INSECURE, Request::Create(privileged_pod(home))),
        attempt(format!("run a Pod of 1,000 cores in {home}"), TOO_MUCH, Request::Create(huge_pod(home))),
    ]);
    attempts
}

/// In the own environments, and in those of the same tenant that are not theirs.
fn attempts_at_the_border(person: &Person) -> Vec<Attempt> {
    let inside = person.at_home.first().map(|namespace| (namespace, Expected::Allowed));
    let outside = person.elsewhere.first().map(|namespace| (namespace, NO_RIGHT));
    let attempt = |(namespace, expected): (&String, Expected)| Attempt {
        says: format!("create a ConfigMap in {namespace}"),
        request: Request::Create(settings(namespace, person.user)),
        expected,
    };
    inside.into_iter().chain(outside).map(attempt).collect()
}

impl Attempt {
    async fn make(self, show: &mut Show, client: &Client) {
        let answer = self.request.send(client, self.expected != Expected::Allowed).await;
        match (self.expected, answer) {
            (Expected::Allowed, answer) => {
                let seen = answer.as_ref().err().map(words).unwrap_or_default();
                show.checks.claim(&mut show.terminal, answer.is_ok(), &format!("may {}", self.says), &seen);
            }
            (Expected::Refused(_), Ok(())) => {
                show.checks.claim(&mut show.terminal, false, &format!("may not {}", self.says), "it was allowed");
            }
            (Expected::Refused(reasons), Err(error)) => {
                let text = words(&error);
                // A server that is gone refuses nobody.
                let passed = matches!(error, kube::Error::Api(_)) && reasons.iter().any(|reason| text.contains(reason));
                let seen = format!("refused, but not because of {:?}: {text}", reasons.join(" or "));
                show.checks.claim(&mut show.terminal, passed, &format!("may not {}", self.says), &seen);
                if passed {
                    for line in wrapped(&text, 96) {
                        show.terminal.note(&format!("    {line}"));
                    }
                }
            }
        }
    }
}

impl Request {
    async fn send(self, client: &Client, dry_run: bool) -> Result<(), kube::Error> {
        match self {
            Self::Create(object) => {
                let parameters = PostParams { dry_run, ..PostParams::default() };
                let typed = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
                objects::collection(client, &object).create(&parameters, &typed).await.map(drop)
            }
            Self::List(version, kind, namespace) => {
                let api = collection_of(client, version, kind, namespace.as_deref());
                api.list(&ListParams::default()).await.map(drop)
            }
            Self::DeleteAll(version, kind, namespace) => {
                let parameters = DeleteParams { dry_run, ..DeleteParams::default() };
                let api = collection_of(client, version, kind, Some(&namespace));
                api.delete_collection(&parameters, &ListParams::default()).await.map(drop)
            }
            Self::Raise(namespace) => {
                let api = collection_of(client, "v1", "ResourceQuota", Some(&namespace));
                let body = json!({ "spec": { "hard": { "pods": "10000" } } });
                api.patch("tenantry", &PatchParams { dry_run, ..PatchParams::default() }, &Patch::Merge(&body))
                    .await
                    .map(drop)
            }
        }
    }
}

async fn run_workload(show: &mut Show, client: &Client, namespace: &str) {
    let name = format!("may run a Deployment in {namespace}, and its 2 Pods become Ready");
    let deployment = workload(namespace);
    let outcome = available(client, &deployment).await;
    show.checks.claim(&mut show.terminal, outcome.is_ok(), &name, &outcome.err().unwrap_or_default());
}

async fn available(client: &Client, deployment: &Value) -> Result<(), String> {
    objects::create(client, deployment).await.map_err(|error| error.to_string())?;
    let api = objects::collection(client, deployment);
    let waited = eventually(AVAILABLE_WITHIN, "2 replicas are available", async || {
        let found = api.get("shop").await.map_err(|error| error.to_string())?;
        let status = &found.data["status"];
        if status["availableReplicas"] == 2 { Ok(()) } else { Err(format!("status {status}")) }
    });
    waited.await.map_err(|error| error.to_string())
}

fn settings(namespace: &str, user: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("settings-of-{user}"), "namespace": namespace },
        "data": { "greeting": "hello" },
    })
}

fn self_made_binding(namespace: &str, user: &str) -> Value {
    json!({
        "apiVersion": BINDINGS, "kind": "RoleBinding",
        "metadata": { "name": "me", "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    })
}

/// As the strictest pod security level wants it, and small.
fn container() -> Value {
    json!({
        "name": "shop",
        "image": SHOP,
        "resources": {
            "requests": { "cpu": "100m", "memory": "128Mi" },
            "limits": { "cpu": "100m", "memory": "128Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "runAsNonRoot": true,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
    })
}

fn pod(name: &str, namespace: &str, container: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "containers": [container] },
    })
}

fn privileged_pod(namespace: &str) -> Value {
    let mut container = container();
    container["securityContext"] = json!({ "privileged": true });
    pod("privileged", namespace, &container)
}

fn huge_pod(namespace: &str) -> Value {
    let mut container = container();
    container["resources"]["requests"]["cpu"] = "1000".into();
    container["resources"]["limits"]["cpu"] = "1000".into();
    pod("huge", namespace, &container)
}

fn workload(namespace: &str) -> Value {
    let labels = json!({ "app": "shop" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "shop", "namespace": namespace },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": [container()] } },
        },
    })
}

/// Lines of at most `width` characters, broken between words; at most three.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let space = if lines[last].is_empty() { "" } else { " " };
            lines[last].push_str(space);
            lines[last].push_str(word);
        }
    }
    if lines.len() > 3 {
        lines.truncate(3);
        lines[2].push_str(" …");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_words_of_the_server_are_wrapped() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a b c d", 1), ["a", "b", "c …"]);
    }
}
