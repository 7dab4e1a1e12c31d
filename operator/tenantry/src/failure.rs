//! What a user is told when a command cannot do its work: one line that says what failed, one that says what to do.
//! Never a backtrace, and never a debug rendering.

use std::error::Error;
use std::io::{self, Write};

use crate::audit_policy::AuditPolicyError;
use crate::connect::ConnectError;
use crate::install::InstallError;
use crate::manifest::ManifestError;
use crate::my::MyError;
use crate::plan::PlanError;
use crate::run::RunError;
use crate::terminal::Palette;
use crate::verify::VerifyError;

/// Why a subcommand could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    AuditPolicy(#[from] AuditPolicyError),
    #[error(transparent)]
    My(#[from] MyError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot print the result")]
    Render(#[from] crate::format::FormatError),
}

impl Failure {
    /// What the user can do about it.
    fn advice(&self) -> Option<String> {
        match self {
            Self::Connect(error) => Some(error.advice()),
            Self::Manifest(error) => error.advice(),
            Self::AuditPolicy(error) => Some(error.advice()),
            Self::My(error) => Some(error.advice()),
            Self::Plan(error) => Some(error.advice()),
            Self::Install(error) => Some(error.advice()),
            Self::Run(error) => error.advice(),
            Self::Verify(error) => Some(error.advice()),
            Self::Output(_) | Self::Runtime(_) | Self::Render(_) => None,
        }
    }

    /// Prints it.
    pub(crate) fn report(&self, palette: Palette, err: &mut dyn Write) -> io::Result<()> {
        writeln!(err, "{} {}", palette.bad("error:"), one_line(self))?;
        match self.advice() {
            Some(advice) => writeln!(err, "{} {advice}", palette.strong("try:")),
            None => Ok(()),
        }
    }
}

/// An error and its sources on one line, leaving out a source that the text before it has already said.
pub(crate) fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
