//! `<service> audit …`: for whoever runs the system.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use chassis::env::Env;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use secrecy::ExposeSecret;

use crate::config::retention_years;
use crate::fhir::audit_event;
use crate::row::Row;
use crate::schema::audit_log;
use crate::verify::{Seen, verify};

const BATCH: i64 = 1_000;

/// What can be done with the audit log from a shell.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print the log, one row a line, in the chain's order
    Export(Export),
    /// Say whether the chain holds; ends with a failure when it does not
    Verify(Verify),
    /// Detach the months that are older than EHS_AUDIT_RETENTION_YEARS, as the schema's owner
    Detach,
}

/// What is printed.
#[derive(Debug, Args)]
pub struct Export {
    /// How
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// From this instant on (RFC 3339)
    #[arg(long)]
    start: Option<DateTime<Utc>>,
    /// Before this instant
    #[arg(long)]
    end: Option<DateTime<Utc>>,
}

/// What a line is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The row as JSON
    Json,
    /// A FHIR R4 AuditEvent
    Fhir,
}

/// What is verified.
#[derive(Debug, Args)]
pub struct Verify {
    /// A head that the log named, `<seq>:<hash>`: the chain must still hold it
    #[arg(long)]
    head: Option<String>,
}

impl AuditCommand {
    /// Runs it, for the service of this name.
    ///
    /// # Errors
    /// When PostgreSQL cannot be reached, or the chain does not hold.
    pub async fn run(self, service: &str) -> anyhow::Result<()> {
        match self {
            Self::Export(asked) => {
                let mut conn = connect("DATABASE_URL").await?;
                export(&mut conn, service, &asked, &mut BufWriter::new(io::stdout().lock())).await
            }
            Self::Verify(asked) => check(&mut connect("DATABASE_URL").await?, asked.head.as_deref()).await,
            Self::Detach => detach(&mut connect("EHS_MIGRATE_DATABASE_URL").await?).await,
        }
    }
}

async fn connect(variable: &str) -> anyhow::Result<AsyncPgConnection> {
    let mut env = Env::process();
    let url = env.secret(variable);
    let url = env.finish(url)?;
    AsyncPgConnection::establish(url.expose_secret()).await.context("cannot reach PostgreSQL")
}

async fn export(
    conn: &mut AsyncPgConnection,
    service: &str,
    asked: &Export,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut last = (0_i64, 0_i64);
    loop {
        // Two conditions, so that the index begins there.
        let after = audit_log::tx.ge(last.0).and(audit_log::tx.gt(last.0).or(audit_log::id.gt(last.1)));
        let mut next = audit_log::table.select(Row::as_select()).filter(after).into_boxed();
        if let Some(start) = asked.start {
            next = next.filter(audit_log::at.ge(start));
        }
        if let Some(end) = asked.end {
            next = next.filter(audit_log::at.lt(end));
        }
        let rows: Vec<Row> = next.order((audit_log::tx, audit_log::id)).limit(BATCH).load(conn).await?;
        let Some(end) = rows.last() else { break };
        last = (end.tx, end.id);
        for row in &rows {
            match asked.format {
                Format::Json => serde_json::to_writer(&mut *out, row)?,
                Format::Fhir => serde_json::to_writer(&mut *out, &audit_event(row, service))?,
            }
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}

async fn check(conn: &mut AsyncPgConnection, head: Option<&str>) -> anyhow::Result<()> {
    let seen = head.map(|head| -> anyhow::Result<Seen> {
        let (seq, hash) = head.split_once(':').context("a head is <seq>:<hash>")?;
        Ok(Seen { seq: seq.parse()?, hash: hash.to_owned() })
    });
    let verdict = verify(conn, seen.transpose()?.as_ref()).await?;
    say(&serde_json::to_string_pretty(&verdict)?)?;
    anyhow::ensure!(verdict.holds, "the chain does not hold");
    Ok(())
}

async fn detach(conn: &mut AsyncPgConnection) -> anyhow::Result<()> {
    #[derive(QueryableByName)]
    struct Detached {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let query = diesel::sql_query("SELECT audit_detach($1) AS name").bind::<Integer, _>(retention_years()?);
    let names: Vec<Detached> = query.load(conn).await?;
    names.iter().try_for_each(|detached| say(&format!("{} is a table of its own now", detached.name)))
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
