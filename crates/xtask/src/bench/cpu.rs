//! What processes use, as Linux counts it. Elsewhere the numbers are zero.

use std::fs;

use crate::process::Identity;

/// `/proc` counts in these; it has been a hundred a second on every Linux for decades.
const TICK_MICROS: u64 = 10_000;

/// Reads a process's CPU time.
pub struct Meter {
    process: Identity,
    children_too: bool,
}

impl Meter {
    /// Of the process alone.
    pub fn alone(process: Identity) -> Self {
        Self { process, children_too: false }
    }

    /// Of the process and its children: PostgreSQL has one for each connection.
    pub fn with_children(process: Identity) -> Self {
        Self { process, children_too: true }
    }

    /// CPU time so far, in microseconds.
    pub fn micros(&self) -> u64 {
        let own = Stat::of(self.process.pid);
        let mut ticks = own.map_or(0, |stat| stat.ticks + stat.reaped_ticks);
        if self.children_too {
            let children = fs::read_dir("/proc").into_iter().flatten().flatten();
            let pids = children.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            ticks += pids
                .filter_map(Stat::of)
                .filter(|stat| stat.parent == self.process.pid)
                .map(|stat| stat.ticks)
                .sum::<u64>();
        }
        ticks * TICK_MICROS
    }
}

/// Some processes' meters, each by what it is called in a report.
pub struct Meters(Vec<(&'static str, Meter)>);

/// Where some meters stood.
pub struct Reading(Vec<u64>);

impl Meters {
    /// Of these.
    pub fn new(meters: Vec<(&'static str, Meter)>) -> Self {
        Self(meters)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    /// Where they stand.
    pub fn read(&self) -> Reading {
        Reading(self.0.iter().map(|(_, meter)| meter.micros()).collect())
    }

    /// Microseconds that each used since then.
    pub fn since(&self, before: &Reading) -> Vec<(&'static str, u64)> {
        let used =
            |((name, meter), before): (&(&'static str, Meter), &u64)| (*name, meter.micros().saturating_sub(*before));
        self.0.iter().zip(&before.0).map(used).collect()
    }
}

/// Memory that a process holds, in KiB.
pub fn resident_kib(process: &Identity) -> u64 {
    status_kib(process, "VmRSS:")
}

/// The most that a process held since [`forget_peak`], or ever where the system does not forget, in KiB.
pub fn peak_kib(process: &Identity) -> u64 {
    status_kib(process, "VmHWM:")
}

/// Counts [`peak_kib`] from now on.
pub fn forget_peak(process: &Identity) {
    // Where it is not allowed, the peak is that of the whole life, which is no less.
    let _ = fs::write(format!("/proc/{}/clear_refs", process.pid), "5");
}

fn status_kib(process: &Identity, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

struct Stat {
    parent: u32,
    ticks: u64,
    reaped_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // After the name: state, parent, …; user and system time are the 12th and 13th, those of dead children follow.
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            ticks: number(11)? + number(12)?,
            reaped_ticks: number(13)? + number(14)?,
        })
    }
}
