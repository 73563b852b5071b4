//! `patients import`: patients of an older system, out of a file, by the same rules as over HTTP.
//!
//! The file is read in batches while the batch before is written, so that however large it is little of it is in memory. A
//! batch is one transaction, with its events, its audit row and the numbers by which the older system knows its patients: the
//! row keys. A row whose key is known is passed over, which is how a run that was interrupted goes on. Rows that break a rule
//! are left out and told of, one by one, in a file beside.

pub mod csv;
pub mod row;
pub mod source;

mod batch;
mod report;

use std::path::PathBuf;

use anyhow::Context;
use chassis::db::{self, DbConfig, Pool};
use chassis::env::Env;
use chrono::{NaiveDate, Utc};
use chrono_tz::Tz;
use clap::Args;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::report::Summary;
use self::report::{Progress, Refusals};

/// Batches that are read ahead of the one that is written.
const AHEAD: usize = 2;

/// What is imported, and how.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The file: `.csv` with a line of column names, or `.ndjson` (`.jsonl`) with an object on each line
    pub file: PathBuf,
    /// Your account id, for the audit log
    #[arg(long)]
    pub by: i64,
    /// Check every row, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who gave the keys: the name under which the older system's ids are kept
    #[arg(long, default_value = "DJANGO")]
    pub authority: String,
    /// A column that is left out; may be given several times
    #[arg(long = "ignore", value_name = "COLUMN")]
    pub ignored: Vec<String>,
    /// Take patient numbers of ten to fifteen digits too: whoever is registered later gets one after the highest
    #[arg(long)]
    pub long_patient_ids: bool,
    /// Where refused rows are told of; `<file>.refused.ndjson` unless given
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// Rows of a transaction
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub batch: u16,
}

impl Import {
    /// Runs it with the process's settings, until it is through or `stop` is cancelled.
    ///
    /// # Errors
    /// When the file or the database cannot be used; when rows were refused; when it was stopped.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut env = Env::process();
        let (config, zone) = (DbConfig::read(&mut env), env.or("EHS_TIME_ZONE", chrono_tz::Asia::Kolkata));
        let (config, zone): (DbConfig, Tz) = env.finish(config.zip(zone))?;
        let pool = db::pool(&config, "patients import")?;
        db::require_migrated(&pool, crate::migrations()).await?;
        let today = Utc::now().with_timezone(&zone).date_naive();
        let summary = self.import(&pool, today, stop).await?;
        report::say(&summary.in_words(self.dry_run))?;
        anyhow::ensure!(!summary.stopped, "stopped; run the same command again to go on");
        let report = self.report_file();
        anyhow::ensure!(summary.refused == 0, "{} row(s) were refused: see {}", summary.refused, report.display());
        Ok(())
    }

    /// Imports the file. What is committed when `stop` is cancelled stays, and the next run goes on after it.
    ///
    /// # Errors
    /// When the file cannot be read, has columns that are not known, or PostgreSQL refuses.
    pub async fn import(&self, pool: &Pool, today: NaiveDate, stop: CancellationToken) -> anyhow::Result<Summary> {
        anyhow::ensure!(self.by > 0, "--by is the id of an account");
        anyhow::ensure!(!self.authority.trim().is_empty(), "--authority has a name");
        let report = self.report_file();
        let mut refusals = Refusals::create(&report).with_context(|| format!("cannot write {}", report.display()))?;
        let size = std::fs::metadata(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?.len();
        let mut progress = Progress::of(size, self.dry_run);
        let (sender, mut batches) = mpsc::channel(AHEAD);
        let (file, ignored, rows) = (self.file.clone(), self.ignored.clone(), usize::from(self.batch));
        let reader = tokio::task::spawn_blocking(move || source::read(&file, ignored, rows, &sender));
        let mut summary = Summary::default();
        while let Some(batch) = batches.recv().await {
            let batch: source::Batch = batch;
            let mut checked = Vec::with_capacity(batch.rows.len());
            for raw in batch.rows {
                match row::check(raw, self.digits(), today) {
                    Ok(row) => checked.push(row),
                    Err(refused) => summary.refused += refusals.note(&refused)?,
                }
            }
            let written = batch::write(&mut *db::get(pool).await.map_err(why)?, self, checked).await?;
            for refused in &written.refused {
                summary.refused += refusals.note(refused)?;
            }
            summary.imported += written.imported;
            summary.skipped += written.skipped;
            progress.reached(batch.bytes, &summary)?;
            if stop.is_cancelled() {
                summary.stopped = true;
                break;
            }
        }
        // A reader that still has rows finds nobody who takes them, and ends.
        drop(batches);
        let read = reader.await.context("the reader ended unexpectedly")?;
        if !summary.stopped {
            read.with_context(|| format!("cannot read {}", self.file.display()))?;
        }
        refusals.finish()?;
        progress.finish()?;
        Ok(summary)
    }

    const fn digits(&self) -> usize {
        if self.long_patient_ids { row::DIGITS_OF_LONG } else { row::DIGITS }
    }

    fn report_file(&self) -> PathBuf {
        self.report.clone().unwrap_or_else(|| {
            let mut name = self.file.clone().into_os_string();
            name.push(".refused.ndjson");
            name.into()
        })
    }
}

/// A problem of the service's as an error of a command's.
fn why(problem: chassis::problem::Problem) -> anyhow::Error {
    anyhow::anyhow!("{problem}")
}
