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
const BINDINGS: &str = "rbac.authorization.k8s.io/v1";

/// One try.
struct Attempt {
    says: String,
    request: Request,
    allowed: bool,
}

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
    if let Some(limited) = limited {
        let client = enter(show, stage, &limited).await?;
        for (namespace, allowed) in [(&limited.at_home[0], true), (&limited.elsewhere[0], false)] {
            let says = format!("create a ConfigMap in {namespace}");
            Attempt { says, request: Request::Create(settings(namespace, limited.user)), allowed }
                .make(show, &client)
                .await;
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
    let allowed = |says: String, request| Attempt { says, request, allowed: true };
    let refused = |says: String, request| Attempt { says, request, allowed: false };
    let in_foreign = || Some(foreign.clone());
    vec![
        allowed(format!("create a ConfigMap in {home}"), Request::Create(settings(home, person.user))),
        allowed(format!("list Pods in {home}"), Request::List("v1", "Pod", Some(home.clone()))),
        refused(format!("list Pods in {foreign}"), Request::List("v1", "Pod", in_foreign())),
        refused(format!("read Secrets in {foreign}"), Request::List("v1", "Secret", in_foreign())),
        refused(format!("create a ConfigMap in {foreign}"), Request::Create(settings(foreign, person.user))),
        refused("list all Namespaces".to_owned(), Request::List("v1", "Namespace", None)),
        refused(
            format!("delete the NetworkPolicies of {home}"),
            Request::DeleteAll("networking.k8s.io/v1", "NetworkPolicy", home.clone()),
        ),
        refused(format!("raise the ResourceQuota of {home}"), Request::Raise(home.clone())),
        refused(format!("become cluster-admin in {home}"), Request::Create(self_made_binding(home, person.user))),
        refused(format!("run a privileged Pod in {home}"), Request::Create(privileged_pod(home))),
        refused(format!("run a Pod of 1,000 cores in {home}"), Request::Create(huge_pod(home))),
    ]
}

impl Attempt {
    async fn make(self, show: &mut Show, client: &Client) {
        let answer = self.request.send(client, !self.allowed).await;
        let (name, seen) = match (&answer, self.allowed) {
            (Ok(()), true) => (format!("may {}", self.says), String::new()),
            (Err(error), true) => (format!("may {}", self.says), format!("refused: {}", words(error))),
            (Ok(()), false) => (format!("may not {}", self.says), "it was allowed".to_owned()),
            (Err(_), false) => (format!("may not {}", self.says), String::new()),
        };
        let refusal = match &answer {
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 422) => Some(status.message.clone()),
            _ => None,
        };
        let passed = if self.allowed { answer.is_ok() } else { refusal.is_some() };
        let seen = match &answer {
            // A server that is gone refuses nobody.
            Err(error) if !self.allowed && refusal.is_none() => words(error),
            _ => seen,
        };
        show.checks.claim(&mut show.terminal, passed, &name, &seen);
        if let (false, Some(text)) = (self.allowed, refusal) {
            for line in wrapped(&text, 96) {
                show.terminal.note(&format!("    {line}"));
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
                // Whatever it is called; without the right to change one, the server does not tell whether it is there.
                let body = json!({ "spec": { "hard": { "pods": "10000" } } });
                api.patch("quota", &PatchParams { dry_run, ..PatchParams::default() }, &Patch::Merge(&body))
                    .await
                    .map(drop)
            }
        }
    }
}

async fn run_workload(show: &mut Show, client: &Client, namespace: &str) {
    let name = format!("may run a Deployment in {namespace}, and its 2 Pods become Ready");
    let deployment = workload(namespace);
    let outcome = match objects::create(client, &deployment).await {
        Err(error) => Err(error.to_string()),
        Ok(_) => {
            let api = objects::collection(client, &deployment);
            let waited = eventually(AVAILABLE_WITHIN, "2 replicas are available", async || {
                let found = api.get("shop").await.map_err(|error| error.to_string())?;
                let status = &found.data["status"];
                if status["availableReplicas"] == 2 { Ok(()) } else { Err(format!("status {status}")) }
            });
            waited.await.map_err(|error| error.to_string())
        }
    };
    show.checks.claim(&mut show.terminal, outcome.is_ok(), &name, &outcome.err().unwrap_or_default());
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
        "image": "registry.example/shop:1.0",
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
