//! What a ServiceRoute asks for, as far as its spec alone says: hosts, if it names any, and a path.

use serde_json::Value;

/// Hosts and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The hostnames it names; none if it is content with those that tenants share.
    pub(crate) hostnames: Vec<String>,
    /// The path, without a slash at its end, but for `/` itself.
    pub(crate) path: String,
    /// The port, of a stream that is found by that alone.
    pub(crate) port: Option<i32>,
}

impl Wish {
    /// That of a ServiceRoute with this spec.
    pub(crate) fn of(spec: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let hostnames = spec["hostnames"].as_array().into_iter().flatten().map(text).collect();
        let path = match (&spec["api"], spec["protocol"].as_str()) {
            // Found by hostname alone, or by a port.
            (_, Some("GRPC" | "TLSPassthrough" | "TCP")) => "/".to_owned(),
            (Value::Null, _) => text(&spec["basePath"]),
            (api, _) => format!("/api/{}/{}", text(&api["version"]), text(&api["name"])),
        };
        let port =
            spec["port"].as_i64().filter(|_| spec["protocol"] == "TCP").and_then(|port| i32::try_from(port).ok());
        Self { hostnames, path, port }
    }
}
