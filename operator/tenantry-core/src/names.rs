//! Names of what Tenantry makes, and what Kubernetes takes for a name. Nothing here looks at the cluster.

use xxhash_rust::xxh3::xxh3_64;

use crate::meta;

/// The network policy that denies everything but DNS and the own environment.
pub const DEFAULT_DENY: &str = "tenantry-default-deny";
/// The network policy that opens what the Tenant names.
pub const ALLOW: &str = "tenantry-allow";
/// The network policy that lets pods out to the gateway of their environment.
pub const TO_GATEWAY: &str = "tenantry-to-gateway";
/// The ResourceQuota of a namespace.
pub const QUOTA: &str = "tenantry";
/// The LimitRange of a namespace.
pub const LIMITS: &str = "tenantry";
/// Namespace of the operator itself; never a tenant's.
pub const OPERATOR_NAMESPACE: &str = "tenantry-system";
/// ServiceAccount of the operator, and the name of all it consists of.
pub const OPERATOR_ACCOUNT: &str = "tenantry";
/// Labels by which the operator's pods are selected.
pub const OPERATOR_PODS: [(&str, &str); 2] =
    [("app.kubernetes.io/name", "tenantry"), ("app.kubernetes.io/component", "operator")];

/// One namespace of a tenant: where objects go and how they are labelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the tenant.
    pub tenant: String,
    /// Name of the environment, or [`meta::HOME`].
    pub environment: String,
    /// Name of the namespace.
    pub namespace: String,
}

impl Place {
    /// The tenant's home namespace.
    pub fn home(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), environment: meta::HOME.to_owned(), namespace: tenant.to_owned() }
    }

    /// The namespace of an environment.
    pub fn environment(tenant: &str, environment: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            environment: environment.to_owned(),
            namespace: format!("{tenant}-{environment}"),
        }
    }

    /// The namespace of an environment that lives in one of another name.
    pub fn elsewhere(tenant: &str, environment: &str, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..Self::environment(tenant, environment) }
    }

    /// Whether its name does not follow from the tenant's and the environment's: it was taken over.
    pub fn is_adopted(&self) -> bool {
        !self.is_home() && *self != Self::environment(&self.tenant, &self.environment)
    }

    /// Whether it is the home namespace.
    pub fn is_home(&self) -> bool {
        self.environment == meta::HOME
    }

    /// Labels of every object there.
    pub fn labels(&self) -> [(&'static str, &str); 2] {
        [(meta::TENANT, &self.tenant), (meta::ENVIRONMENT, &self.environment)]
    }
}

/// Whether what a quota bounds under this name is counted, not measured.
pub(crate) fn is_counted(name: &str) -> bool {
    let extended = name.starts_with("requests.") && name.contains('/');
    let counts =
        ["configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets"];
    extended
        || counts.contains(&name)
        || name.starts_with("services")
        || name.starts_with("count/")
        || name.ends_with("/persistentvolumeclaims")
}

/// The name of an object that a resource consists of: `<name>-<role>`, as long as a DNS label may be. What is longer is cut, and
/// told apart by a hash of all of it.
pub fn child_name(name: &str, role: &str) -> String {
    let whole = format!("{name}-{role}");
    if whole.len() <= 63 {
        return whole;
    }
    let hash = told_apart(&whole);
    let kept = name.floor_char_boundary(63 - hash.len() - role.len() - 2);
    format!("{}-{hash}-{role}", name[..kept].trim_end_matches('-'))
}

/// The name of a listener for one host: `<role>.<host>`, with `-any` after the role where the host is all beneath another. As long as the
/// Gateway API lets it be; what is longer is cut, and told apart by a hash of all of it.
pub(crate) fn listener_name(role: &str, host: &str) -> String {
    let whole = match host.strip_prefix("*.") {
        Some(above) => format!("{role}-any.{above}"),
        None => format!("{role}.{host}"),
    };
    if whole.len() <= LONGEST_LISTENER {
        return whole;
    }
    let hash = told_apart(&whole);
    let kept = whole.floor_char_boundary(LONGEST_LISTENER - hash.len() - 1);
    format!("{}.{hash}", whole[..kept].trim_end_matches(['-', '.']))
}

/// How long the name of a listener may be.
const LONGEST_LISTENER: usize = 253;

/// What tells a name that is cut from others that begin alike.
fn told_apart(whole: &str) -> String {
    format!("{:08x}", xxh3_64(whole.as_bytes()) >> 32)
}

/// Whether it is a DNS label (RFC 1123): what a namespace may be called.
pub fn is_dns_label(text: &str) -> bool {
    let inner = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|letter| inner(letter) || letter == b'-')
        && text.bytes().next().is_some_and(inner)
        && text.bytes().next_back().is_some_and(inner)
}

/// Whether it is a DNS label that begins with a letter (RFC 1035): what a Service may be called.
pub fn is_service_name(text: &str) -> bool {
    is_dns_label(text) && text.starts_with(|letter: char| letter.is_ascii_lowercase())
}

/// Whether it may be the key of a label or annotation: `[dns.prefix/]name`.
pub fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_subdomain = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(is_dns_label);
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_subdomain)
}

/// Whether it may be the value of a label.
pub fn is_label_value(text: &str) -> bool {
    let outer = |letter: u8| letter.is_ascii_alphanumeric();
    text.len() <= 63
        && text.bytes().all(|letter| outer(letter) || matches!(letter, b'-' | b'_' | b'.'))
        && text.bytes().next().is_none_or(outer)
        && text.bytes().next_back().is_none_or(outer)
}

/// Whether `name` is one of `patterns`, where `prefix-*` stands for all that begin so.
pub fn is_among(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    })
}

/// Whether a hostname, itself perhaps a wildcard, lies within another.
pub fn is_host_within(host: &str, pattern: &str) -> bool {
    host == pattern
        || pattern
            .strip_prefix('*')
            .is_some_and(|suffix| host.trim_start_matches('*').ends_with(suffix) && host.len() > suffix.len())
}

#[cfg(test)]
mod tests {
    use super::{child_name, is_dns_label, is_host_within, listener_name};

    #[test]
    fn a_host_is_within_a_wildcard_however_short_its_name_is() {
        for (host, pattern, within) in [
            ("a.acme.example", "*.acme.example", true),
            ("shop.acme.example", "*.acme.example", true),
            ("a.b.acme.example", "*.acme.example", true),
            ("*.b.acme.example", "*.acme.example", true),
            ("*.acme.example", "*.acme.example", true),
            ("acme.example", "*.acme.example", false),
            ("*.example", "*.acme.example", false),
            ("notacme.example", "*.acme.example", false),
            ("acme.example", "acme.example", true),
            ("shop.acme.example", "acme.example", false),
        ] {
            assert_eq!(is_host_within(host, pattern), within, "{host} in {pattern}");
        }
    }

    #[test]
    fn children_are_told_apart_however_long_their_names() {
        assert_eq!(child_name("chat", "model"), "chat-model");
        let long = "a".repeat(62);
        let names = [child_name(&format!("{long}b"), "agent"), child_name(&format!("{long}c"), "agent")];
        assert!(names.iter().all(|name| name.len() == 63 && is_dns_label(name)), "{names:?}");
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn listeners_are_told_apart_however_long_their_hosts_and_whatever_they_are_called() {
        assert_eq!(listener_name("http", "shop.acme.example"), "http.shop.acme.example");
        let [all, one] = ["*.acme.example", "any.acme.example"].map(|host| listener_name("http", host));
        assert_eq!((all.as_str(), one.as_str()), ("http-any.acme.example", "http.any.acme.example"));
        let host = |last: char| format!("*.{}{}{last}", format!("{}.", "a".repeat(61)).repeat(3), "b".repeat(60));
        let longest = [host('c'), host('d')];
        let names = longest.each_ref().map(|host| listener_name("tenantry.acme.https-443", host));
        assert!(longest.iter().all(|host| host.len() > 240), "{longest:?}");
        assert!(names.iter().all(|name| name.len() <= 253 && name.split('.').all(is_dns_label)), "{names:?}");
        assert_ne!(names[0], names[1]);
    }
}
