//! What both verifications are told on the command line, and what can be wrong with that.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Uri};
use tenantry_probe::{Limits, NoRoots, Options};
use tenantry_protocol::address::Bounds;
use tenantry_protocol::target::{self, NotATarget};

use super::FailOn;

/// Options of both commands.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "table")]
    pub(super) output: Output,

    /// Header to send along, such as `X-Tenant: acme`. May be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// Token to send as `Authorization: Bearer`.
    #[arg(long, env = "TENANTRY_TOKEN", value_name = "TOKEN")]
    token: Option<String>,

    /// File with the certificates to trust, in PEM form. [default: the system's]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Seconds that all of it may take.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,

    /// From which level on a broken rule makes the command fail.
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "error")]
    pub(super) fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs, and people.
    Yaml,
}

/// Why nothing is verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("{url} cannot be verified: {fault}")]
    Url { url: String, fault: NotATarget },
    #[error("{0:?} is not a header")]
    Header(String),
    #[error("the token cannot be sent in a header")]
    Token,
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot take certificates from {}", path.display())]
    Roots { path: PathBuf, source: NoRoots },
    #[error("{} is not a verdict: {message}", path.display())]
    Pins { path: PathBuf, message: String },
}

impl VerifyError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Url { .. } => "write it as https://host/path, or http://host:port/path".into(),
            Self::Header(_) => "write it as --header 'Name: value'".into(),
            Self::Token => "check that it is one line of plain characters".into(),
            Self::Read { .. } => "check the path".into(),
            Self::Roots { .. } => "give a file with -----BEGIN CERTIFICATE----- in it".into(),
            Self::Pins { .. } => "make the file by `tenantry mcp verify URL -o json`".into(),
        }
    }
}

/// A URL of the command line.
pub(super) fn url(text: &str) -> Result<Uri, VerifyError> {
    target::parse(text).map_err(|fault| VerifyError::Url { url: text.to_owned(), fault })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, VerifyError> {
    std::fs::read(path).map_err(|source| VerifyError::Read { path: path.to_owned(), source })
}

impl Common {
    /// As the prober wants them. Your own machine may be asked: you are on it.
    pub(super) fn options(&self) -> Result<Options, VerifyError> {
        let roots = match &self.ca {
            None => Vec::new(),
            Some(path) => tenantry_probe::roots(&read(path)?)
                .map_err(|source| VerifyError::Roots { path: path.clone(), source })?,
        };
        Ok(Options {
            bounds: Bounds { is_loopback_allowed: true, ..Bounds::default() },
            limits: Limits { time: Duration::from_secs(self.timeout), ..Limits::default() },
            headers: self.headers()?,
            roots,
            ..Options::default()
        })
    }

    fn headers(&self) -> Result<HeaderMap, VerifyError> {
        let mut headers = HeaderMap::new();
        for text in &self.headers {
            let wrong = || VerifyError::Header(text.clone());
            let (name, value) = text.split_once(':').ok_or_else(wrong)?;
            let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
            headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?);
        }
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| VerifyError::Token)?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
    }

    fn options(arguments: &[&str]) -> Result<Options, VerifyError> {
        Line::parse_from([&["line"], arguments].concat()).common.options()
    }

    #[test]
    fn headers_are_sent_as_they_are_written() {
        let options = options(&["--header", "X-Tenant: acme:dev", "--token", "abc"]).expect("sound");
        assert_eq!(options.headers["x-tenant"], "acme:dev");
        assert_eq!(options.headers["authorization"], "Bearer abc");
        for wrong in ["X-Tenant", "a b: c", "a: b\nc"] {
            assert!(matches!(self::options(&["--header", wrong]), Err(VerifyError::Header(_))), "{wrong}");
        }
    }

    #[test]
    fn certificates_are_looked_for() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().display().to_string();
        assert!(matches!(options(&["--ca", &path]), Err(VerifyError::Roots { source: NoRoots::Empty, .. })));
        assert!(matches!(options(&["--ca", "/nonexistent"]), Err(VerifyError::Read { .. })));
    }
}
