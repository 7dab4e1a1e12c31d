//! Values as YAML and JSON text, the same everywhere. Knows nothing of what they mean.

use serde::Serialize;
use serde_json::Value;

/// A value that cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// As YAML.
    #[error("cannot print as YAML: {0}")]
    Yaml(String),
    /// As JSON.
    #[error("cannot print as JSON")]
    Json(#[from] serde_json::Error),
}

/// Output for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Structured {
    /// YAML; several objects as several documents.
    Yaml,
    /// JSON; several objects as one `List`.
    Json,
}

/// Kubernetes objects, ready for `kubectl apply -f -`.
pub(crate) fn objects(objects: &[Value], format: Structured) -> Result<String, FormatError> {
    match format {
        Structured::Json => json(&serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects })),
        Structured::Yaml => {
            let documents = objects.iter().map(yaml).collect::<Result<Vec<_>, _>>()?;
            Ok(documents.join("---\n"))
        }
    }
}

/// One value as YAML, ending in a newline. Strings that some YAML reader would take for something else are quoted.
pub fn yaml(value: &impl Serialize) -> Result<String, FormatError> {
    // Through JSON, so that keys are sorted and the text is the same in every run.
    let value = serde_json::to_value(value)?;
    // No folding: a line that is wrapped differently after a change of one word makes a poor diff.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(&value, options).map_err(|error| FormatError::Yaml(error.to_string()))
}

/// One value as indented JSON, ending in a newline.
pub fn json(value: &impl Serialize) -> Result<String, FormatError> {
    Ok(serde_json::to_string_pretty(&serde_json::to_value(value)?)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_reads_back_as_what_it_was() {
        let value = serde_json::json!({
            "quantity": "4", "truth": "yes", "port": 443, "long": "word ".repeat(60), "lines": "one\ntwo\n",
            "empty": {}, "none": [], "list": [{"a": "b"}], "time": "2027-01-31T00:00:00Z", "colon": "a: b", "null": null,
        });
        let text = yaml(&value).expect("prints");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).expect("reads"), value, "{text}");
        assert!(text.contains("quantity: \"4\"") || text.contains("quantity: '4'"), "{text}");
    }
}
