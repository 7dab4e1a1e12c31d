//! What a request asks for: verb, resource, name and options, read from path, query and headers. It never looks at objects.

use std::collections::BTreeMap;
use std::fmt;

use http::{Method, request::Parts};

/// What is done, in the words of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// The word in a ClusterRole.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Whether it may change something.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One call, as authorization sees it. Paths that are no resource have an empty `resource` and `path` filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is done.
    pub verb: Verb,
    /// API group, empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural resource name, empty for discovery, health and the like.
    pub resource: String,
    /// Subresource, empty for the object itself.
    pub subresource: String,
    /// Namespace, empty for cluster scope and all namespaces.
    pub namespace: String,
    /// Object name, also of a list or watch of one name alone; empty for collections.
    pub name: String,
    /// The raw path.
    pub path: String,
    /// Who calls (`User-Agent`).
    pub agent: String,
}

/// A call with its options and body.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// What is asked.
    pub call: Call,
    /// Decoded query parameters.
    pub query: BTreeMap<String, String>,
    /// `Content-Type` without parameters.
    pub content_type: String,
    /// `Accept`.
    pub accept: String,
    /// The body.
    pub body: Vec<u8>,
}

impl ApiRequest {
    /// Read a request.
    pub fn parse(parts: &Parts, body: Vec<u8>) -> Self {
        let query = parts.uri.query().map(decode_query).unwrap_or_default();
        let header = |name: http::HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let content_type = header(http::header::CONTENT_TYPE);
        let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
        let call = parse_call(&parts.method, parts.uri.path(), &query, header(http::header::USER_AGENT));
        Self { call, query, content_type, accept: header(http::header::ACCEPT), body }
    }

    /// A query parameter, empty if absent.
    pub fn option(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Whether a boolean parameter is set.
    pub fn is_set(&self, name: &str) -> bool {
        matches!(self.option(name), "true" | "1")
    }

    /// Whether only metadata is asked for.
    pub fn wants_metadata_only(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }

    /// Whether nothing is to be stored.
    pub fn is_dry_run(&self) -> bool {
        self.option("dryRun") == "All"
    }

    /// Who owns the fields written: `fieldManager`, or the program's name.
    pub fn field_manager(&self) -> String {
        let given = self.option("fieldManager");
        if !given.is_empty() {
            return given.to_owned();
        }
        let agent = self.call.agent.split('/').next().unwrap_or_default();
        if agent.is_empty() { "unknown".to_owned() } else { agent.to_owned() }
    }
}

fn decode_query(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Undo percent-encoding, and `+` for space.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                let value = digits.iter().try_fold(0_u8, |sum, digit| {
                    let digit = char::from((*digit)?).to_digit(16)?;
                    Some(sum.wrapping_mul(16).wrapping_add(u8::try_from(digit).ok()?))
                });
                out.extend(value);
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn parse_call(method: &Method, path: &str, query: &BTreeMap<String, String>, agent: String) -> Call {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect::<Vec<_>>();
    let segments = segments.iter().map(String::as_str).collect::<Vec<_>>();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => ("", "", [].as_slice()),
    };
    let (namespace, resource, name, subresource) = match rest {
        ["namespaces", name, sub @ ("status" | "finalize")] => ("", "namespaces", *name, *sub),
        ["namespaces", namespace, resource] => (*namespace, *resource, "", ""),
        ["namespaces", namespace, resource, name] => (*namespace, *resource, *name, ""),
        ["namespaces", namespace, resource, name, sub @ ..] => {
            (*namespace, *resource, *name, sub.first().copied().unwrap_or_default())
        }
        [resource] => ("", *resource, "", ""),
        [resource, name] => ("", *resource, *name, ""),
        [resource, name, sub @ ..] => ("", *resource, *name, sub.first().copied().unwrap_or_default()),
        [] => ("", "", "", ""),
    };
    let is_watch = matches!(query.get("watch").map(String::as_str), Some("true" | "1"));
    let verb = match (method.as_str(), name.is_empty()) {
        ("POST", _) => Verb::Create,
        ("PUT", _) => Verb::Update,
        ("PATCH", _) => Verb::Patch,
        ("DELETE", true) => Verb::DeleteCollection,
        ("DELETE", false) => Verb::Delete,
        (_, true) if is_watch => Verb::Watch,
        (_, true) => Verb::List,
        (_, false) => Verb::Get,
    };
    let verb = if resource.is_empty() { Verb::Get } else { verb };
    // To authorization, a list or watch of one name is about that name.
    let selected = query.get("fieldSelector").and_then(|fields| fields.strip_prefix("metadata.name="));
    let name = selected.filter(|_| matches!(verb, Verb::List | Verb::Watch)).unwrap_or(name);
    Call {
        verb,
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        // As RBAC sees it, a namespace itself is in the namespace of its name; here it stays cluster scoped.
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        path: path.to_owned(),
        agent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, uri: &str) -> ApiRequest {
        let request = http::Request::builder().method(method).uri(uri).body(()).unwrap();
        ApiRequest::parse(&request.into_parts().0, Vec::new())
    }

    #[test]
    fn reads_paths() {
        let call = parse("GET", "/api/v1/namespaces/a/status").call;
        assert_eq!(
            (call.resource.as_str(), call.name.as_str(), call.subresource.as_str()),
            ("namespaces", "a", "status")
        );
        let call = parse("PUT", "/apis/g.example/v1/namespaces/a/things/b/scale").call;
        assert_eq!((call.group.as_str(), call.namespace.as_str(), call.name.as_str()), ("g.example", "a", "b"));
        assert_eq!((call.verb, call.subresource.as_str()), (Verb::Update, "scale"));
        assert_eq!(parse("GET", "/api/v1/pods?watch=1").call.verb, Verb::Watch);
        assert_eq!(parse("DELETE", "/api/v1/namespaces/a/pods").call.verb, Verb::DeleteCollection);
        assert_eq!(parse("GET", "/version").call.resource, "");
    }

    #[test]
    fn reads_queries() {
        let request = parse("GET", "/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%29&limit=5");
        assert_eq!(request.option("labelSelector"), "a=b,c in (d)");
        assert_eq!(request.option("limit"), "5");
        assert_eq!(request.field_manager(), "unknown");
    }
}
