//! Colour for people: only on a terminal, and never against their wish.

use std::io::IsTerminal;

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    coloured: bool,
}

impl Palette {
    /// No colour at all.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { coloured: false };

    /// For what is printed on stdout.
    pub(crate) fn for_stdout(unwanted: bool) -> Self {
        Self { coloured: !unwanted && std::io::stdout().is_terminal() }
    }

    /// For what is printed on stderr.
    pub(crate) fn for_stderr(unwanted: bool) -> Self {
        Self { coloured: !unwanted && std::io::stderr().is_terminal() }
    }

    /// Something that comes.
    pub(crate) fn added(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that goes.
    pub(crate) fn removed(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something that changes.
    pub(crate) fn changed(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something that is wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A heading.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Something of less weight.
    pub(crate) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
