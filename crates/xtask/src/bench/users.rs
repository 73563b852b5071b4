//! One kind of request: for one user alone, for several who pause between their requests, and for as many who never do.
//!
//! Several who never pause fill this machine, on which the load generator runs too: what they wait for is mostly a core. How long
//! an answer takes those who pause says more of a hospital; both are told.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Manner;
use super::cpu::Meters;
use super::load::{Load, Target};
use super::report::{head, hundredths, percentile};

/// Who pauses asks this often.
pub const EVERY: Duration = Duration::from_millis(500);
/// That is seldom: it takes so much longer to have enough answers.
pub const LONGER: u32 = 3;

/// What an answer may take, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// Half of the answers.
    P50(u64),
    /// 99 in a hundred.
    P99(u64),
}

/// What was measured; times in microseconds, sorted.
pub struct Measured {
    name: &'static str,
    bar: Bar,
    alone: Vec<u64>,
    pausing: Vec<u64>,
    rushing: Vec<u64>,
    /// How long those took who never pause.
    took: Duration,
    /// What each process used for them.
    cpu: Vec<(&'static str, u64)>,
}

/// Measures one kind of request.
pub async fn measure(load: &Load, meters: &Meters, target: &Target, bar: Bar) -> Result<Measured> {
    let manner = load.manner;
    say!("measuring: {}", target.name());
    if !matches!(target, Target::Each(..)) {
        load.run(target, manner.length / 5).await?; // caches and pools warm up unmeasured
    }
    let one = Load { token: load.token.clone(), manner: Manner { concurrency: 1, ..manner }, ..*load };
    let alone = one.run(target, manner.length / 2).await?;
    let pausing = load.run_paced(target, manner.length * LONGER, EVERY).await?;
    let (before, began) = (meters.read(), Instant::now());
    let rushing = load.run(target, manner.length).await?;
    let (took, cpu) = (began.elapsed(), meters.since(&before));
    ensure!(!rushing.is_empty(), "there was not enough to write for: {}. Seed more, or measure shorter", target.name());
    let [alone, pausing, rushing] = [alone, pausing, rushing].map(|mut answers| {
        answers.sort_unstable();
        answers
    });
    Ok(Measured { name: target.name(), bar, alone, pausing, rushing, took, cpu })
}

/// What the columns of [`table`] mean.
pub fn manner(manner: Manner) -> String {
    let users = manner.concurrency;
    format!(
        "Alone: one connection that asks again at once, {} s. Pausing: {users} connections, each of which asks every {} s, {} s. Without \
         pause: {users} connections that ask again at once, {} s; they fill the machine, load generator included, and their times \
         are those of waiting for a core.",
        hundredths(in_hundredths(manner.length / 2)),
        hundredths(in_hundredths(EVERY)),
        (manner.length * LONGER).as_secs(),
        manner.length.as_secs()
    )
}

/// What was measured, a line each.
pub fn table(all: &[Measured], meters: &Meters) -> String {
    let columns = [
        "request",
        "bar",
        "alone: p50 ms",
        "p99 ms",
        "pausing: p50 ms",
        "p99 ms",
        "without pause: per second",
        "p50 ms",
        "p99 ms",
    ];
    let mut text = head(&columns, "CPU µs per request", &meters.names());
    for one in all {
        let bar = match one.bar {
            Bar::P50(millis) => format!("p50 {millis} ms"),
            Bar::P99(millis) => format!("p99 {millis} ms"),
        };
        let _ = write!(text, "| {} | {bar} |", one.name);
        for answers in [&one.alone, &one.pausing] {
            let _ = write!(text, " {} | {} |", millis(answers, 50), millis(answers, 99));
        }
        let count = u64::try_from(one.rushing.len()).unwrap_or(u64::MAX);
        let per_second = count.saturating_mul(100) / in_hundredths(one.took).max(1);
        let _ = write!(text, " {per_second} | {} | {} |", millis(&one.rushing, 50), millis(&one.rushing, 99));
        for (_, used) in &one.cpu {
            let _ = write!(text, " {} |", used / count.max(1));
        }
        text.push('\n');
    }
    text
}

fn millis(answers: &[u64], percent: usize) -> String {
    hundredths(percentile(answers, percent) / 10)
}

/// A duration in hundredths of a second.
pub fn in_hundredths(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis() / 10).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_cell_for_every_column() {
        let measured = Measured {
            name: "pay",
            bar: Bar::P99(20),
            alone: vec![1_000, 2_000],
            pausing: vec![3_000],
            rushing: vec![4_000; 500],
            took: Duration::from_secs(2),
            cpu: Vec::new(),
        };
        let text = table(&[measured], &Meters::new(Vec::new()));
        assert!(text.ends_with("| pay | p99 20 ms | 1.00 | 2.00 | 3.00 | 3.00 | 250 | 4.00 | 4.00 |\n"), "{text}");
        let columns: Vec<usize> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(columns, [10, 10, 10]);
    }

    #[test]
    fn the_manner_is_told_in_seconds() {
        let told = manner(Manner { length: Duration::from_secs(10), concurrency: 16 });
        assert!(told.contains("at once, 5.00 s.") && told.contains("every 0.50 s, 30 s."), "{told}");
    }
}
