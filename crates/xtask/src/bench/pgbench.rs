//! `pgbench` on the same PostgreSQL: what one row by its key, or one commit, costs with nothing around it.

use std::fs;
use std::ops::RangeInclusive;

use anyhow::{Context, Result};

use super::Manner;
use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::process::run;
use crate::system::DATABASE;

/// Selects patients by id; gives each transaction's time in microseconds.
pub async fn one_row_by_key(
    home: &Home,
    cluster: &Cluster,
    ids: &RangeInclusive<u64>,
    manner: Manner,
) -> Result<Vec<u64>> {
    let (first, last) = (ids.start(), ids.end());
    let script = format!("\\set id random({first}, {last})\nselect * from patients.patients where id = :id;\n");
    run_script(home, cluster, &script, manner).await
}

/// Commits something small, so that the log is flushed; gives each transaction's time in microseconds.
pub async fn commits(home: &Home, cluster: &Cluster, manner: Manner) -> Result<Vec<u64>> {
    run_script(home, cluster, "select pg_logical_emit_message(true, 'bench', 'a small thing');\n", manner).await
}

async fn run_script(home: &Home, cluster: &Cluster, text: &str, manner: Manner) -> Result<Vec<u64>> {
    let folder = home.path("pgbench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let script = folder.join("script.sql");
    fs::write(&script, text)?;
    let mut command = cluster.client("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=transactions"]);
    command.args([
        "--client",
        &manner.concurrency.to_string(),
        "--jobs",
        &manner.concurrency.clamp(1, 2).to_string(),
        "--time",
        &manner.length.as_secs().to_string(),
    ]);
    command.arg("--file").arg(&script).arg(DATABASE).current_dir(&folder);
    run(&mut command, "run pgbench").await?;

    let mut latencies = Vec::new();
    for entry in fs::read_dir(&folder)?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with("transactions") {
            continue;
        }
        for line in fs::read_to_string(entry.path())?.lines() {
            let micros = line.split_whitespace().nth(2).context("a line of pgbench's log has the time third")?;
            latencies.push(micros.parse()?);
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(latencies)
}
