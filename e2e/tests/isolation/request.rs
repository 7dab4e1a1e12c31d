//! What checks ask the server: dry runs of writes, reviews of rights, and what is computed from what is there. Nothing here
//! changes the cluster.

use http::Method;
use kube::Client;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::reach::{self, Direction, Grants};

/// Somebody as the server sees them after authentication.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// User name.
    pub user: String,
    /// Groups.
    pub groups: Vec<String>,
}

/// One question.
#[derive(Debug, Clone)]
pub enum Request {
    /// Makes an object.
    Create(Value),
    /// Changes one, by a patch of the kind that kubectl sends.
    Change {
        /// What is changed.
        object: Value,
        /// Subresource, or empty.
        subresource: String,
        /// The patch.
        change: Value,
    },
    /// Deletes one.
    Delete(Value),
    /// Anything else: a method, a path, headers, and a body.
    Raw {
        /// Method.
        method: Method,
        /// Path and query.
        path: String,
        /// Headers.
        headers: Vec<(&'static str, String)>,
        /// Body.
        body: Value,
    },
    /// Which of these rights somebody has; asked by the platform team.
    Rights {
        /// Who.
        subject: Subject,
        /// Where; empty for the cluster.
        namespace: String,
        /// API group and resource, perhaps with a subresource and, after `:`, a name.
        resources: Vec<(String, String)>,
        /// Verbs.
        verbs: Vec<&'static str>,
    },
    /// Whether network policies leave a way from one end to another.
    Reach {
        /// Whose policies are asked.
        at: String,
        /// Which of them.
        direction: Direction,
        /// Name of the other end.
        other: reach::End,
    },
    /// What a network policy would open if its author may make it.
    Opening {
        /// The policy.
        policy: Value,
        /// What is granted anyhow.
        grants: Grants,
    },
    /// Names under `spec.hard` of all quotas of a namespace, of those asked for.
    Quota {
        /// Where.
        namespace: String,
        /// Which names.
        names: Vec<&'static str>,
    },
    /// How many writes of somebody unconcerned have failed.
    Undisturbed(crate::writer::Tally),
}

impl Request {
    /// For people and the JSON file.
    pub fn text(&self) -> String {
        match self {
            Self::Create(object) => format!("create {} {object}", objects::title(object)),
            Self::Change { object, subresource, change } => {
                let slash = if subresource.is_empty() { "" } else { "/" };
                format!("patch {}{slash}{subresource} {change}", objects::title(object))
            }
            Self::Delete(object) => format!("delete {}", objects::title(object)),
            Self::Raw { method, path, headers, body } => {
                let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value} ")).collect();
                format!("{method} {path} {}{body}", headers.concat())
            }
            Self::Rights { namespace, resources, verbs, .. } => {
                let resources: Vec<String> = resources.iter().map(|(group, name)| format!("{name}.{group}")).collect();
                let place = if namespace.is_empty() { "the cluster" } else { namespace };
                format!("which of {} on {} in {place}", verbs.join(" "), resources.join(" "))
            }
            Self::Reach { at, direction, other } => match direction {
                Direction::Ingress => format!("do the network policies of {at} let {} in", other.name),
                Direction::Egress => format!("do the network policies of {at} let out to {}", other.name),
            },
            Self::Opening { policy, .. } => format!("create {} {}", objects::title(policy), policy["spec"]),
            Self::Quota { namespace, names } => format!("which of {} has a quota in {namespace}", names.join(" ")),
            Self::Undisturbed(_) => "write a ConfigMap in a namespace of no tenant, again and again".to_owned(),
        }
    }

    /// Asks it as `client`; `admin` is for what the asker need not be able to do. Answers the server's words if it refuses.
    pub async fn send(&self, client: &Client, admin: &Client) -> Result<String, String> {
        let words = |error: kube::Error| objects::words(&error);
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let accepted = || "accepted".to_owned();
        match self {
            Self::Create(object) => {
                let typed: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
                objects::collection(client, object).create(&dry, &typed).await.map(|_| accepted()).map_err(words)
            }
            Self::Change { object, subresource, change } => {
                let dry = PatchParams { dry_run: true, ..PatchParams::default() };
                // As kubectl does it: lists of built-in kinds are merged by name.
                let patch = if is_built_in(object) { Patch::Strategic(change) } else { Patch::Merge(change) };
                let (collection, name) = (objects::collection(client, object), objects::name(object));
                let answer = if subresource.is_empty() {
                    collection.patch(name, &dry, &patch).await
                } else {
                    collection.patch_subresource(subresource, name, &dry, &patch).await
                };
                answer.map(|_| accepted()).map_err(words)
            }
            Self::Delete(object) => {
                let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
                let answer = objects::collection(client, object).delete(objects::name(object), &dry).await;
                answer.map(|_| accepted()).map_err(words)
            }
            Self::Raw { method, path, headers, body } => {
                let mut request = http::Request::builder().method(method.clone()).uri(path);
                request = request.header("content-type", "application/json");
                for (name, value) in headers {
                    request = request.header(*name, value);
                }
                let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
                let request = request.body(body).expect("a request");
                client.request::<Value>(request).await.map(|_| accepted()).map_err(words)
            }
            Self::Rights { subject, namespace, resources, verbs } => {
                rights(admin, subject, namespace, resources, verbs).await
            }
            Self::Reach { at, direction, other } => {
                let world = reach::World::read(admin).await?;
                Ok(if world.is_open(at, *direction, other) { "open" } else { "closed" }.to_owned())
            }
            Self::Opening { policy, grants } => {
                Box::pin(Self::Create(policy.clone()).send(client, admin)).await?;
                let world = reach::World::read(admin).await?;
                let opened = grants
                    .exceeded_by(&world.with(policy), policy["metadata"]["namespace"].as_str().unwrap_or_default());
                Ok(if opened.is_empty() {
                    "accepted, opens nothing".into()
                } else {
                    format!("accepted, opens {opened:?}")
                })
            }
            Self::Quota { namespace, names } => {
                let quotas = objects::list(client, "v1", "ResourceQuota", Some(namespace), "").await;
                let quotas = quotas.map_err(|error| error.to_string())?;
                let is_bounded = |name: &&&str| quotas.iter().any(|quota| quota["spec"]["hard"].get(**name).is_some());
                let bounded: Vec<&str> = names.iter().filter(is_bounded).copied().collect();
                Ok(bounded.join(" "))
            }
            Self::Undisturbed(tally) => Ok(tally.words()),
        }
    }
}

/// Kinds of definitions know no strategic merge.
fn is_built_in(object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    !["gateway.", "snapshot.", "tenantry."].iter().any(|group| version.starts_with(group))
}

/// Those rights, out of these, that somebody has: `get list secrets, create pods/exec`, or `none`.
async fn rights(
    admin: &Client,
    subject: &Subject,
    namespace: &str,
    resources: &[(String, String)],
    verbs: &[&'static str],
) -> Result<String, String> {
    let mut held = Vec::new();
    for (group, resource) in resources {
        let (path, name) = resource.split_once(':').unwrap_or((resource, ""));
        let (plural, subresource) = path.split_once('/').unwrap_or((path, ""));
        let mut had = Vec::new();
        for verb in verbs {
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {},
                "spec": { "user": subject.user, "groups": subject.groups, "resourceAttributes": {
                    "namespace": namespace, "verb": verb, "group": group, "resource": plural,
                    "subresource": subresource, "name": name } },
            });
            let request = http::Request::post("/apis/authorization.k8s.io/v1/subjectaccessreviews")
                .header("content-type", "application/json")
                .body(review.to_string().into_bytes())
                .expect("a request");
            let answer: Value = admin.request(request).await.map_err(|error| objects::words(&error))?;
            match answer["status"]["allowed"].as_bool() {
                Some(true) => had.push(*verb),
                Some(false) => {}
                None => return Err(format!("no answer to the review: {answer}")),
            }
        }
        if !had.is_empty() {
            held.push(format!("{} {resource}", had.join(" ")));
        }
    }
    Ok(if held.is_empty() { "none".to_owned() } else { held.join(", ") })
}
