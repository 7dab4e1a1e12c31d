//! What people see: headings, marks, tables and one live line, on stdout. Colour and the live line only on a terminal; it never
//! asks anything.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Column at which times begin.
const TIME_COLUMN: usize = 82;
/// How many progress lines a log gets where no line can be rewritten.
const LOG_PAUSE: Duration = Duration::from_secs(5);

/// Where things are shown.
pub(crate) struct Terminal {
    coloured: bool,
    live: bool,
    shown: Option<Instant>,
}

impl Terminal {
    /// stdout, with colour if it is a terminal and `NO_COLOR` is not set.
    pub(crate) fn stdout() -> Self {
        let live = io::stdout().is_terminal();
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { coloured: live && !unwanted, live, shown: None }
    }

    /// A new part of the story.
    pub(crate) fn heading(&mut self, text: &str) {
        self.clear();
        println!("\n{}", self.paint("1", text));
    }

    /// A plain line.
    pub(crate) fn line(&mut self, text: &str) {
        self.clear();
        println!("  {text}");
    }

    /// A line of less weight.
    pub(crate) fn note(&mut self, text: &str) {
        self.clear();
        println!("  {}", self.paint("2", text));
    }

    /// Something that worked, and how long it took.
    pub(crate) fn done(&mut self, text: &str, took: Option<Duration>) {
        let time = took.map(|took| self.paint("2", &format!("{:>9}", duration(took)))).unwrap_or_default();
        self.clear();
        println!("  {} {}{time}", self.paint("32", "✔"), pad(text, if took.is_some() { TIME_COLUMN - 4 } else { 0 }));
    }

    /// Something that did not.
    pub(crate) fn failed(&mut self, text: &str) {
        self.clear();
        println!("  {} {}", self.paint("1;31", "✘"), self.paint("31", text));
    }

    /// What goes on right now: one line that the next one replaces. In a log, one every few seconds.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.live {
            print!("\r\x1b[K  {} {}", self.paint("36", "·"), self.paint("2", text));
            // A terminal that has gone away ends us by other means.
            let _ = io::stdout().flush();
            self.shown = Some(Instant::now());
        } else if self.shown.is_none_or(|shown| shown.elapsed() >= LOG_PAUSE) {
            println!("  · {text}");
            self.shown = Some(Instant::now());
        }
    }

    /// Rows under a header, every column as wide as it needs.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        self.clear();
        let widths: Vec<usize> = (0..header.len())
            .map(|column| {
                let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
                cells.chain([header[column].chars().count()]).max().unwrap_or_default()
            })
            .collect();
        let line = |cells: Vec<&str>| {
            let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)).collect();
            padded.join("   ").trim_end().to_owned()
        };
        println!("\n  {}", self.paint("2", &line(header.to_vec())));
        for row in rows {
            println!("  {}", line(row.iter().map(String::as_str).collect()));
        }
    }

    fn clear(&mut self) {
        if self.live && self.shown.is_some() {
            print!("\r\x1b[K");
        }
        self.shown = None;
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A time in the unit people would use.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 if time.as_millis() < 10 => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// `count thing`, or `count things`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    match thing.strip_suffix('y') {
        _ if number == 1 => format!("{number} {thing}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{number} {stem}ies"),
        _ => format!("{number} {thing}s"),
    }
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

#[cfg(test)]
mod tests {
    use super::{Duration, count, duration};

    #[test]
    fn times_and_counts_read_well() {
        assert_eq!(duration(Duration::from_micros(2_500)), "2.5 ms");
        assert_eq!(duration(Duration::from_millis(340)), "340 ms");
        assert_eq!(duration(Duration::from_millis(3_400)), "3.4 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(count(1, "policy"), "1 policy");
        assert_eq!(count(3, "policy"), "3 policies");
        assert_eq!(count(0, "key"), "0 keys");
    }
}
