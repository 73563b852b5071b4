//! What whoever runs an import sees: how far it is, what came of it, and which rows were refused, why.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use chassis::strict_json::Fault;
use serde::Serialize;

use super::row::Refused;

/// How often a line tells how far it is, where no bar can be drawn.
const QUIET: Duration = Duration::from_secs(10);
/// How often the bar is drawn.
const LIVELY: Duration = Duration::from_millis(100);
/// Characters of the bar.
const BAR: u64 = 30;

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that are patients now.
    pub imported: u64,
    /// Rows that had been imported before.
    pub skipped: u64,
    /// Rows that are left out.
    pub refused: u64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Summary {
    /// In words.
    pub fn in_words(&self, dry_run: bool) -> String {
        let Self { imported, skipped, refused, .. } = self;
        let imported_is = if dry_run { "would be imported" } else { "imported" };
        format!("{imported} {imported_is}, {skipped} imported before, {refused} refused")
    }
}

/// The file of refused rows: an object a line. It says which fields are wrong and how, and never what they hold.
pub struct Refusals(BufWriter<File>);

#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    id: Option<&'a str>,
    errors: &'a [Fault],
}

impl Refusals {
    /// Begins the file anew: what is still refused is told of again.
    pub fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|file| Self(BufWriter::new(file)))
    }

    /// Tells of a row; gives how many it told of.
    pub fn note(&mut self, refused: &Refused) -> io::Result<u64> {
        let line = Line { line: refused.line, id: refused.key.as_deref(), errors: &refused.faults };
        serde_json::to_writer(&mut self.0, &line)?;
        self.0.write_all(b"\n")?;
        Ok(1)
    }

    /// Writes what is left.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// How far it is, on the standard error.
pub struct Progress {
    size: u64,
    begun: Instant,
    told: Option<Instant>,
    draws: bool,
    dry_run: bool,
}

impl Progress {
    /// Of a file of so many bytes.
    pub fn of(size: u64, dry_run: bool) -> Self {
        Self { size: size.max(1), begun: Instant::now(), told: None, draws: io::stderr().is_terminal(), dry_run }
    }

    /// Tells that so many bytes are done, unless it told a moment ago.
    pub fn reached(&mut self, bytes: u64, summary: &Summary) -> io::Result<()> {
        let pause = if self.draws { LIVELY } else { QUIET };
        if self.told.is_some_and(|told| told.elapsed() < pause) {
            return Ok(());
        }
        self.told = Some(Instant::now());
        let percent = bytes.min(self.size).saturating_mul(100) / self.size;
        let rows = summary.imported + summary.skipped + summary.refused;
        let rate =
            rows.saturating_mul(1000) / u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let text = format!("{percent:3} %  {}  {rate} rows/s", summary.in_words(self.dry_run));
        if self.draws {
            write!(io::stderr(), "\r[{}] {text}\x1b[K", bar(percent))
        } else {
            writeln!(io::stderr(), "{text}")
        }
    }

    /// Leaves the line.
    pub fn finish(self) -> io::Result<()> {
        if self.draws { writeln!(io::stderr()) } else { Ok(()) }
    }
}

fn bar(percent: u64) -> String {
    let done = percent.min(100) * BAR / 100;
    (0..BAR).map(|place| if place < done { '#' } else { '.' }).collect()
}

/// Says something to whoever typed the command.
pub fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        assert_eq!(bar(0), ".".repeat(30));
        assert_eq!(bar(50), format!("{}{}", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(100), "#".repeat(30));
    }
}
