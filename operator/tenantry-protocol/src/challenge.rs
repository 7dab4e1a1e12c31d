//! `WWW-Authenticate`: who asks for credentials says where they come from. Reads one header; fetches nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::shorten;

/// What a server says when it asks for credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// Such as `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub scheme: Option<String>,
    /// Where RFC 9728 metadata is that names the authorization servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub resource_metadata: Option<String>,
}

/// Reads the header's text. Of several challenges the first counts, and what any of them says of metadata.
pub fn parse(header: &str) -> Challenge {
    let scheme = header.split([' ', ',']).next().filter(|word| !word.is_empty()).map(|word| shorten(word, 64));
    Challenge { scheme, resource_metadata: parameter(header, "resource_metadata").map(|text| shorten(&text, 512)) }
}

/// The value of `name="…"`, or `name=…`, outside of other quoted strings.
fn parameter(header: &str, name: &str) -> Option<String> {
    let (mut rest, mut key) = (header.chars().peekable(), String::new());
    while let Some(letter) = rest.next() {
        match letter {
            '=' => {
                let value = value(&mut rest);
                if key.eq_ignore_ascii_case(name) {
                    return Some(value);
                }
                key.clear();
            }
            ' ' | ',' | '\t' => key.clear(),
            letter => key.push(letter),
        }
    }
    None
}

fn value(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    if rest.next_if_eq(&'"').is_none() {
        while let Some(letter) = rest.next_if(|letter| !matches!(letter, ',' | ' ')) {
            text.push(letter);
        }
        return text;
    }
    while let Some(letter) = rest.next() {
        match letter {
            '"' => break,
            '\\' => text.extend(rest.next()),
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_found_wherever_it_stands() {
        let url = "https://mcp.example/.well-known/oauth-protected-resource";
        for header in [
            format!("Bearer resource_metadata=\"{url}\""),
            format!(
                "Bearer realm=\"a, resource_metadata=\\\"no\\\"\", error=\"invalid_token\", resource_metadata=\"{url}\""
            ),
            format!("Bearer Resource_Metadata={url}, scope=\"a b\""),
        ] {
            let found = parse(&header);
            assert_eq!(found.resource_metadata.as_deref(), Some(url), "{header}");
            assert_eq!(found.scheme.as_deref(), Some("Bearer"));
        }
        assert_eq!(parse("Basic realm=\"x\"").resource_metadata, None);
        assert_eq!(parse(""), Challenge::default());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fall(text: String) {
            parse(&text);
        }
    }
}
