//! Reads the API server's audit log: who asked for what, when, and what the answer was. What is counted here was counted
//! by the server, not by the one who is measured.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the audit log {}: {source}", path.display())]
pub struct AuditError {
    path: PathBuf,
    source: io::Error,
}

/// One request that has been answered; of a watch, one that has begun.
#[derive(Clone, Debug)]
pub struct Request {
    /// User name, as the server sees it.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// Plural of the kind, with `/subresource` if one was meant; for other paths the URI.
    pub resource: String,
    /// Namespace; empty at cluster scope. For a Namespace its own name.
    pub namespace: String,
    /// Name of the object; of a created one too.
    pub name: String,
    /// HTTP status.
    pub code: u16,
    /// When the server received it.
    pub received: Timestamp,
    /// When the server had answered it.
    pub answered: Timestamp,
    /// What followed the path.
    pub query: String,
}

impl Request {
    /// Whether it asked for a change.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Renewal of a Lease, which a quiet leader goes on doing.
    pub fn is_lease(&self) -> bool {
        self.resource == "leases"
    }

    /// Start of a watch; each is renewed every few minutes.
    pub fn is_watch(&self) -> bool {
        self.verb == "watch"
    }

    /// The rollback watchdog's one small list a minute.
    pub fn is_watchdog(&self) -> bool {
        self.verb == "list"
            && self.resource == "namespaces"
            && self.query.contains("limit=1&") | self.query.ends_with("limit=1")
    }

    /// What an operator asks that has nothing to do.
    pub fn is_upkeep(&self) -> bool {
        self.is_lease() || self.is_watch() || self.is_watchdog()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}/{}", self.verb, self.resource, self.namespace, self.name)
    }
}

/// A place in the log. What is read begins there.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
    offset: u64,
}

impl Audit {
    /// From here on.
    pub fn from_now(path: &Path) -> Result<Self, AuditError> {
        let offset = match std::fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(source) if source.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(AuditError { path: path.to_owned(), source }),
        };
        Ok(Self { path: path.to_owned(), offset })
    }

    /// All requests of `user` since this place. The place stays.
    pub fn requests_of(&self, user: &str) -> Result<Vec<Request>, AuditError> {
        Ok(self.read(user)?.0)
    }

    /// All requests of `user` since this place, which moves to the end.
    pub fn take_requests_of(&mut self, user: &str) -> Result<Vec<Request>, AuditError> {
        let (requests, end) = self.read(user)?;
        self.offset = end;
        Ok(requests)
    }

    fn read(&self, user: &str) -> Result<(Vec<Request>, u64), AuditError> {
        let failed = |source| AuditError { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let (mut requests, mut end, mut line) = (Vec::new(), self.offset, Vec::new());
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(failed)?;
            // The last line may be half written.
            if length == 0 || line.last() != Some(&b'\n') {
                return Ok((requests, end));
            }
            end += u64::try_from(length).unwrap_or_default();
            if let Some(request) = parse(&line).filter(|request| request.user == user) {
                requests.push(request);
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    namespace: String,
    name: String,
    subresource: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

fn parse(line: &[u8]) -> Option<Request> {
    let line: Line = serde_json::from_slice(line).ok()?;
    // A watch is counted when it begins, everything else when it has been answered.
    if line.stage != if line.verb == "watch" { "ResponseStarted" } else { "ResponseComplete" } {
        return None;
    }
    let (path, query) = line.request_uri.split_once('?').unwrap_or((&line.request_uri, ""));
    let object = line.object_ref.unwrap_or_default();
    let resource = match (object.resource.as_str(), object.subresource.as_str()) {
        ("", _) => path.to_owned(),
        (resource, "") => resource.to_owned(),
        (resource, subresource) => format!("{resource}/{subresource}"),
    };
    Some(Request {
        user: line.user.username,
        verb: line.verb,
        resource,
        namespace: object.namespace,
        name: object.name,
        code: line.response_status.map_or(0, |status| status.code),
        received: line.request_received_timestamp,
        answered: line.stage_timestamp,
        query: query.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Audit, parse};

    const CREATE: &str = r#"{"kind":"Event","stage":"ResponseComplete","requestURI":"/api/v1/namespaces?fieldManager=tenantry","verb":"create","user":{"username":"op"},"objectRef":{"resource":"namespaces","namespace":"acme","name":"acme","apiVersion":"v1"},"responseStatus":{"code":201},"requestReceivedTimestamp":"2026-11-24T02:00:00.000001Z","stageTimestamp":"2026-11-24T02:00:00.004001Z"}"#;

    #[test]
    fn a_request_is_read_as_the_server_saw_it() {
        let request = parse(CREATE.as_bytes()).expect("is one");
        assert!(request.is_write() && !request.is_lease() && !request.is_watch());
        assert_eq!((request.resource.as_str(), request.name.as_str(), request.code), ("namespaces", "acme", 201));
        assert_eq!(request.answered.duration_since(request.received).as_micros(), 4000);
    }

    #[test]
    fn a_watch_is_counted_once_when_it_begins() {
        let started = CREATE.replace("create", "watch").replace("ResponseComplete", "ResponseStarted");
        assert!(parse(started.as_bytes()).is_some());
        assert!(parse(CREATE.replace("create", "watch").as_bytes()).is_none());
    }

    #[test]
    fn half_a_line_is_read_when_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut audit = Audit::from_now(file.path()).expect("a place");
        writeln!(file, "{CREATE}").expect("written");
        file.write_all(&CREATE.as_bytes()[..40]).expect("written");
        assert_eq!(audit.take_requests_of("op").expect("read").len(), 1);
        assert_eq!(audit.take_requests_of("op").expect("read").len(), 0);
        writeln!(file, "{}", &CREATE[40..]).expect("written");
        assert_eq!(audit.requests_of("op").expect("read").len(), 1);
        assert_eq!(audit.requests_of("nobody").expect("read").len(), 0);
    }
}
