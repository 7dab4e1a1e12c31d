//! URLs that may be verified, as far as their text tells. What their names resolve to is judged by `address.rs`.

use http::Uri;

/// Why a text is no such URL; the words say how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    /// Not a URL with scheme and host.
    #[error("it is not a URL: write it as https://host/path")]
    NotAUrl,
    /// Neither http nor https.
    #[error("its scheme is neither http nor https")]
    Scheme,
    /// Name and password in the URL.
    #[error("it has credentials in it: send them as headers")]
    Credentials,
}

/// Reads it.
pub fn parse(text: &str) -> Result<Uri, NotATarget> {
    let url: Uri = text.parse().map_err(|_| NotATarget::NotAUrl)?;
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return Err(NotATarget::NotAUrl) };
    if !matches!(scheme, "http" | "https") {
        return Err(NotATarget::Scheme);
    }
    if authority.as_str().contains('@') {
        return Err(NotATarget::Credentials);
    }
    let after_host = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    let is_port_sound = after_host.is_empty() || authority.port_u16().is_some_and(|port| port != 0);
    if authority.host().is_empty() || !is_port_sound { Err(NotATarget::NotAUrl) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_are_taken() {
        for (text, fault) in [
            ("http://10.0.0.1:8080/mcp", None),
            ("https://[fd00::1]/mcp?x=1", None),
            ("", Some(NotATarget::NotAUrl)),
            ("host", Some(NotATarget::NotAUrl)),
            ("/mcp", Some(NotATarget::NotAUrl)),
            ("http://", Some(NotATarget::NotAUrl)),
            ("http://host:99999/", Some(NotATarget::NotAUrl)),
            ("http://host:0/", Some(NotATarget::NotAUrl)),
            ("http://host:/", Some(NotATarget::NotAUrl)),
            ("http://a b/", Some(NotATarget::NotAUrl)),
            ("ftp://host/", Some(NotATarget::Scheme)),
            ("https://user:pass@host/", Some(NotATarget::Credentials)),
        ] {
            assert_eq!(parse(text).err(), fault, "{text}");
        }
    }
}
