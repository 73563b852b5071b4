//! What a request costs through the gateway, beside one row by `pgbench`.

use std::time::Duration;

use anyhow::Result;

use super::cpu::{self, Meter};
use super::load::{Load, Target};
use super::report::{Report, Row};
use super::{Bench, PATIENTS, pgbench};
use crate::home::port;

/// Services settle this long before their memory is read.
const REST: Duration = Duration::from_secs(5);

/// Reads, searches, lists, and asks PostgreSQL alone.
pub async fn measure(bench: &Bench<'_>) -> Result<Report> {
    tokio::time::sleep(REST).await;
    let mut memory = Vec::new();
    for child in &bench.state.children {
        memory.push((child.name.clone(), cpu::resident_kib(&child.identity)));
    }
    let meters = bench.meters("patients")?;
    let manner = bench.manner;
    let load = Load { address: bench.home.port(port::GATEWAY), token: bench.token.clone(), manner };
    let mut rows = Vec::new();
    for target in [Target::Read(bench.ids.clone()), Target::Search, Target::List] {
        say!("measuring: {}", target.name());
        load.run(&target, manner.length / 5).await?; // caches and pools warm up unmeasured
        let before = meters.read();
        let latencies = load.run(&target, manner.length).await?;
        rows.push(Row::new(target.name(), latencies, manner.length, meters.since(&before)));
    }
    say!("measuring: pgbench, one row by key");
    let postgres = Meter::with_children(bench.process("postgres")?);
    let before = postgres.micros();
    let latencies = pgbench::one_row_by_key(bench.home, &bench.system.cluster, &bench.ids, manner).await?;
    let used = vec![("PostgreSQL", postgres.micros().saturating_sub(before))];
    let baseline = Row::new("`pgbench`: one row by key, prepared", latencies, manner.length, used);
    Ok(Report { baseline, rows, memory, manner, patients: PATIENTS })
}
