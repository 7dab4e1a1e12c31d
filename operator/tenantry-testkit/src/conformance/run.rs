//! Sends a request list to a server and collects the answers, and compares two collections. It decides nothing about who is right.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::bodies::SUBJECTS;
use super::generate::definition;
use super::normalise::{Answer, Seen};
use super::step::Step;

/// Why a conformance run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// The request could not be built.
    #[error("building the request {step}")]
    Build {
        /// The request.
        step: String,
        /// Why.
        source: http::Error,
    },
    /// The server did not answer.
    #[error("sending the request {step}")]
    Send {
        /// The request.
        step: String,
        /// Why.
        source: kube::Error,
    },
    /// The custom kind was not served in time.
    #[error("waiting for the custom kind under test to be served")]
    NotServed,
}

/// Two answers to one request that are not the same.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Number of the request.
    pub index: usize,
    /// The request.
    pub step: String,
    /// What one said.
    pub left: Answer,
    /// What the other said.
    pub right: Answer,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "request {}: {}", self.index, self.step)?;
        for (sign, answer) in [("-", &self.left), ("+", &self.right)] {
            writeln!(formatter, "  {sign} {} {} {}", answer.code, answer.reason, answer.message)?;
        }
        let mut lines = Vec::new();
        differing("", &self.left.body, &self.right.body, &mut lines);
        for line in lines {
            writeln!(formatter, "    {line}")?;
        }
        Ok(())
    }
}

fn differing(path: &str, left: &Value, right: &Value, out: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let nothing = Value::Null;
                let here = format!("{path}.{key}");
                differing(&here, a.get(key).unwrap_or(&nothing), b.get(key).unwrap_or(&nothing), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (x, y)) in a.iter().zip(b).enumerate() {
                differing(&format!("{path}[{index}]"), x, y, out);
            }
        }
        (a, b) if a != b => out.push(format!("{path}: - {a} + {b}")),
        _ => {}
    }
}

/// Make the namespaces and the custom kind that the lists work on, and wait until they are there.
pub async fn prepare(client: &Client) -> Result<(), ConformanceError> {
    for name in ["c-a", "c-b"] {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        send(client, "POST", "/api/v1/namespaces", "application/json", Some(&body)).await?;
    }
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    send(client, "POST", path, "application/json", Some(&definition())).await?;
    for _ in 0..100 {
        let (code, _) = send(client, "GET", "/apis/conformance.tenantry.dev/v1/things", "", None).await?;
        if code == 200 {
            // The first answers come from a server that still makes up its mind about the schema of applies.
            tokio::time::sleep(Duration::from_secs(2)).await;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(ConformanceError::NotServed)
}

/// Send a list, one request after the other.
pub async fn run(client: &Client, steps: &[Step]) -> Result<Vec<Answer>, ConformanceError> {
    let mut seen = Seen::default();
    let mut known: BTreeMap<String, [String; 3]> = BTreeMap::new();
    let mut answers = Vec::new();
    for step in steps {
        let [uid, last, first] = known
            .get(&step.object)
            .cloned()
            .unwrap_or_else(|| ["11111111-1111-1111-1111-111111111111".to_owned(), "1".to_owned(), "1".to_owned()]);
        let body = step.body_for(&uid, &last, &first);
        let (code, answer) = send(client, step.method, &step.path, step.content_type, body.as_ref()).await?;
        let text = |field: &str| answer["metadata"][field].as_str().unwrap_or_default().to_owned();
        let is_stored = !step.path.contains("dryRun");
        if !step.object.is_empty() && !text("uid").is_empty() && is_stored {
            let entry = known.entry(step.object.clone()).or_default();
            if entry[0] != text("uid") {
                *entry = [text("uid"), text("resourceVersion"), text("resourceVersion")];
            }
            entry[1] = text("resourceVersion");
        }
        answers.push(seen.normalise(code, answer));
    }
    Ok(answers)
}

async fn send(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: Option<&Value>,
) -> Result<(u16, Value), ConformanceError> {
    let step = || format!("{method} {path}");
    let mut request = http::Request::builder().method(method).uri(path).header("User-Agent", "conformance/1");
    if !content_type.is_empty() {
        request = request.header("Content-Type", content_type);
    }
    let bytes = body.map(|value| value.to_string().into_bytes()).unwrap_or_default();
    let request = request
        .header("Accept", "application/json")
        .body(Body::from(bytes))
        .map_err(|source| ConformanceError::Build { step: step(), source })?;
    let response = client.send(request).await.map_err(|source| ConformanceError::Send { step: step(), source })?;
    let code = response.status().as_u16();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(|source| ConformanceError::Send { step: step(), source })?
        .to_bytes();
    Ok((code, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))))
}

/// What watches of the kinds under test show of everything since `from` (resourceVersions of this server, from [`versions`]): one line an
/// event, with what a watcher must be able to rely on.
pub async fn watch(client: &Client, from: &BTreeMap<String, String>) -> Result<Vec<String>, ConformanceError> {
    let paths = from.iter().flat_map(|(collection, version)| {
        ["", "&labelSelector=x%3D1"].map(|selector| {
            format!(
                "{collection}?watch=true&resourceVersion={version}&timeoutSeconds=2{selector}&allowWatchBookmarks=true"
            )
        })
    });
    let paths = paths.collect::<Vec<_>>();
    let bodies = paths.iter().map(|path| send(client, "GET", path, "", None));
    let mut lines = Vec::new();
    for (path, answer) in paths.iter().zip(futures::future::join_all(bodies).await) {
        let (_, body) = answer?;
        let text = body.as_str().map_or_else(|| body.to_string(), ToOwned::to_owned);
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for event in events.filter(|event| event["type"] != "BOOKMARK") {
            let (metadata, kind) = (&event["object"]["metadata"], &event["object"]["kind"]);
            // The cluster keeps leases of its own.
            if metadata["namespace"] == "kube-system" {
                continue;
            }
            let (watched, selector) = (path.split('?').next().unwrap_or_default(), path.contains("labelSelector"));
            lines.push(format!(
                "{watched} {selector} {} {kind} {}/{} {} {}",
                event["type"], metadata["namespace"], metadata["name"], metadata["labels"], metadata["generation"],
            ));
        }
    }
    Ok(lines)
}

/// The present resourceVersion of each collection under test.
pub async fn versions(client: &Client) -> Result<BTreeMap<String, String>, ConformanceError> {
    let mut versions = BTreeMap::new();
    for subject in SUBJECTS {
        let root = if subject.api_version.contains('/') { "/apis" } else { "/api" };
        let path = format!("{root}/{}/{}", subject.api_version, subject.plural);
        let (_, list) = send(client, "GET", &path, "", None).await?;
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        versions.insert(path, version.to_owned());
    }
    Ok(versions)
}

/// Where two collections of answers differ: code, reason, and body without the sentences.
pub fn compare(steps: &[Step], left: &[Answer], right: &[Answer]) -> Vec<Difference> {
    let pairs = steps.iter().zip(left.iter().zip(right)).enumerate();
    let differing = pairs.filter(|(_, (_, (a, b)))| (a.code, &a.reason, &a.body) != (b.code, &b.reason, &b.body));
    differing
        .map(|(index, (step, (a, b)))| Difference { index, step: step.to_string(), left: a.clone(), right: b.clone() })
        .collect()
}
