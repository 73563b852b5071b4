//! The result as a table in Markdown. All arithmetic is in whole numbers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Manner;

/// One measurement.
pub struct Row {
    name: &'static str,
    per_second: u64,
    p50: u64,
    p99: u64,
    /// Microseconds of CPU per request, by process.
    cpu: Vec<(&'static str, u64)>,
}

impl Row {
    /// From each request's time and each process's CPU time, all in microseconds.
    pub fn new(name: &'static str, mut latencies: Vec<u64>, length: Duration, cpu: Vec<(&'static str, u64)>) -> Self {
        latencies.sort_unstable();
        let count = u64::try_from(latencies.len()).unwrap_or(u64::MAX);
        let cpu = cpu.into_iter().map(|(name, used)| (name, used / count.max(1))).collect();
        Self {
            name,
            per_second: count / length.as_secs().max(1),
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            cpu,
        }
    }

    fn cpu_of(&self, process: &str) -> u64 {
        self.cpu.iter().find(|(name, _)| *name == process).map_or(0, |(_, used)| *used)
    }

    fn cpu_total(&self) -> u64 {
        self.cpu.iter().map(|(_, used)| used).sum()
    }
}

/// Everything that was measured.
pub struct Report {
    /// PostgreSQL alone.
    pub baseline: Row,
    /// Through the gateway.
    pub rows: Vec<Row>,
    /// KiB at rest, by process.
    pub memory: Vec<(String, u64)>,
    /// How it was measured.
    pub manner: Manner,
    /// How many patients there were.
    pub patients: u32,
}

impl Report {
    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build, {} patients, {} connections, {} s each, through the gateway; load generator, \
             PostgreSQL, Redis and all services on the same cores.\n",
            machine(),
            self.patients,
            self.manner.concurrency,
            self.manner.length.as_secs()
        );
        text.push_str("| request | per second | p50 ms | p99 ms | CPU µs per request: gateway | patients | PostgreSQL | together | requests/s to `pgbench` | CPU to `pgbench` |\n");
        text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        for row in self.rows.iter().chain([&self.baseline]) {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | 1 : {} | {} : 1 |",
                row.name,
                row.per_second,
                hundredths(row.p50 / 10),
                hundredths(row.p99 / 10),
                row.cpu_of("gateway"),
                row.cpu_of("patients"),
                row.cpu_of("PostgreSQL"),
                row.cpu_total(),
                ratio(self.baseline.per_second, row.per_second),
                ratio(row.cpu_total(), self.baseline.cpu_total()),
            );
        }
        text.push_str("\n| at rest | resident MB |\n| --- | ---: |\n");
        for (name, kib) in &self.memory {
            let _ = writeln!(text, "| {name} | {} |", hundredths(kib * 100 / 1024));
        }
        text
    }
}

/// Puts the tables between the section's markers of a page.
pub fn write(page: &Path, section: &str, tables: &str) -> Result<()> {
    let old = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    fs::write(page, between_markers(&old, section, tables)?)
        .with_context(|| format!("cannot write {}", page.display()))?;
    say!("{}: {section} is renewed", page.display());
    Ok(())
}

fn between_markers(page: &str, section: &str, tables: &str) -> Result<String> {
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- cargo xtask bench --only {section}: {side} -->"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("the page lacks {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("the page lacks {end}"))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", tables.trim()))
}

/// A table's head: its columns, what some processes used after them, and the line below.
pub fn head(columns: &[&str], used: &str, processes: &[&str]) -> String {
    let mut text = format!("| {} |", columns.join(" | "));
    for (at, process) in processes.iter().enumerate() {
        let _ = if at == 0 { write!(text, " {used}: {process} |") } else { write!(text, " {process} |") };
    }
    let numbers = (columns.len() + processes.len()).saturating_sub(1);
    let _ = writeln!(text, "\n| --- |{}", " ---: |".repeat(numbers));
    text
}

/// The value that so many in a hundred do not exceed.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

fn ratio(of: u64, to: u64) -> String {
    hundredths(of * 100 / to.max(1))
}

/// A number of hundredths, with its point.
pub fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

/// When, and on what machine.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} on {cores} cores of {}", chrono::Utc::now().format("%Y-%m-%d"), processor())
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model
        .and_then(|rest| rest.split_once(':'))
        .map_or_else(|| "an unnamed processor".to_owned(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sorted: Vec<u64> = (1..=200).collect();
        assert_eq!((percentile(&sorted, 50), percentile(&sorted, 99)), (100, 198));
        assert_eq!(percentile(&[], 99), 0);
    }

    #[test]
    fn a_head_has_a_column_for_each_process() {
        let text = head(&["request", "s"], "CPU s", &["gateway", "PostgreSQL"]);
        assert_eq!(text, "| request | s | CPU s: gateway | PostgreSQL |\n| --- | ---: | ---: | ---: |\n");
    }

    #[test]
    fn tables_replace_what_was_between_the_markers() {
        let page = "# B\n<!-- cargo xtask bench --only audit: begin -->\nold\n<!-- cargo xtask bench --only audit: end -->\nafter\n";
        let renewed = between_markers(page, "audit", "new").unwrap();
        assert!(renewed.contains("new") && !renewed.contains("old") && renewed.ends_with("after\n"));
        assert!(between_markers(page, "requests", "new").is_err());
    }
}
