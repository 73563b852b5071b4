//! Making reports: each is read from one snapshot, row by row, and goes into the store while it is read. Whatever its size, no
//! more of it is in memory than some rows and two parts of 5 MiB.

use std::time::{Duration, Instant};

use auth::{Reach, Role};
use chassis::db::Pool;
use chassis::problem::Problem;
use chrono::Utc;
use diesel::result::Error as DieselError;
use diesel_async::AsyncConnection;
use futures_util::Stream;
use futures_util::future::join_all;
use futures_util::stream::unfold;
use object_store::{Key, PutFault, Store};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::FOLDER;
use super::claim::{Claim, LEASE, Made, claim};
use super::job::{Job, Reason};
use crate::numbering::day_in_india;
use crate::reports::Report;
use crate::reports::asked::{Asked, Given};
use crate::reports::out::{Broken, Chunk, Out, Progress, Told};
use crate::reports::query::{MADE_WITHIN, at_one_moment};
use crate::tax::Rate;

/// Reports that one process makes at a time.
const LOOPS: usize = 2;
/// How often an idle loop looks for work.
const PAUSE: Duration = Duration::from_secs(2);
/// How often a claim is kept up.
const KEEP_UP: Duration = Duration::from_secs(2);
/// A report that takes longer than this is given up.
const LONGEST: Duration = Duration::from_secs(1_800);
/// Pieces that wait for the store.
const WAITING: usize = 8;
/// Bytes of a report.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// What makes reports.
#[derive(Clone)]
pub struct Maker {
    /// PostgreSQL.
    pub db: Pool,
    /// Where they go.
    pub store: Store,
    /// The doctors' part, for the report of it.
    pub doctor_share: Option<Rate>,
}

/// Why a report was not made.
#[derive(Debug)]
enum Setback {
    /// The store or PostgreSQL is away: tried again, however often.
    Later(anyhow::Error),
    /// It went wrong: tried again a few times, after which this is the reason.
    Failed(Reason, anyhow::Error),
    /// It cannot be made.
    Never(Reason),
    /// The process is to stop.
    Stopped,
    /// It is somebody else's by now.
    Lost,
}

/// What was to be stored broke off.
#[derive(Debug, thiserror::Error)]
#[error("the report broke off")]
struct BrokeOff;

impl Maker {
    /// Makes what waits, until told to stop.
    ///
    /// # Errors
    /// None: what goes wrong is tried again.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        join_all((0..LOOPS).map(|_| self.one_loop(&stop))).await;
        Ok(())
    }

    async fn one_loop(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.next(stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => tracing::warn!(fault = format!("{fault:#}"), "reports are not made for now"),
            }
            stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    /// Makes one report, if one waits.
    ///
    /// # Errors
    /// From the database.
    pub async fn next(&self, stop: &CancellationToken) -> anyhow::Result<bool> {
        let Some(claim) = claim(&mut *self.db.get().await?).await? else { return Ok(false) };
        let (began, report) = (Instant::now(), claim.job.report.as_str());
        let span = tracing::info_span!("make a report", report.id = claim.job.id, report.name = report);
        let outcome = async {
            let made = self.make(&claim, stop).await;
            self.end(&claim, made).await
        };
        let outcome = outcome.instrument(span).await?;
        metrics::counter!("billing_reports_total", "report" => report, "outcome" => outcome).increment(1);
        metrics::histogram!("billing_report_seconds", "report" => report).record(began.elapsed().as_secs_f64());
        Ok(true)
    }

    async fn make(&self, claim: &Claim, stop: &CancellationToken) -> Result<Made, Setback> {
        if claim.is_spent() {
            return Err(Setback::Never(Reason::WentWrong));
        }
        let asked = self.asked(&claim.job)?;
        let progress = Progress::default();
        tokio::select! {
            made = timeout(LONGEST, self.stream(claim, &asked, progress.clone())) => {
                made.unwrap_or_else(|late| Err(Setback::Failed(Reason::TooSlow, late.into())))
            }
            () = self.lose(claim, &progress) => Err(Setback::Lost),
            () = stop.cancelled() => Err(Setback::Stopped),
        }
    }

    /// The report that was asked for, if the role that asked for it still may have it.
    fn asked(&self, job: &Job) -> Result<Asked, Setback> {
        let reach = job.asked_as.parse::<Role>().ok().and_then(|role| job.report.reach(role));
        let doctor = match reach {
            None => return Err(Setback::Never(Reason::NotAllowed)),
            Some(Reach::All) => job.doctor,
            Some(Reach::Care | Reach::Own) => Some(job.asked_by),
        };
        let given = Given { today: day_in_india(Utc::now()), doctor, percent: self.doctor_share };
        let asked = Asked::of(job.report, job.parameters.clone(), given);
        asked.map_err(|problem| Setback::Failed(Reason::WentWrong, anyhow::anyhow!("{problem}")))
    }

    /// Reads it and stores it, both at once.
    async fn stream(&self, claim: &Claim, asked: &Asked, progress: Progress) -> Result<Made, Setback> {
        let (to, chunks) = mpsc::channel(WAITING);
        let (format, key) = (claim.job.format, Key::new(FOLDER, claim.upload));
        let out = Out::sent(format, asked.tables(), to, progress);
        let storing = self.store.put(key, format.media(), LARGEST, content(chunks));
        let (told, stored) = tokio::join!(self.tell(asked, out), storing);
        match (told, stored) {
            (Err(Broken::Gone) | Ok(_), Err(fault)) => Err(of_store(fault)),
            (Err(broken), _) => Err(of_report(broken)),
            (Ok(told), Ok(stored)) => {
                let file_name = format!("{}.{}", asked.name(), format.as_str());
                Ok(Made { stored, patients: told.patients, file_name })
            }
        }
    }

    /// Reads it at one moment.
    async fn tell(&self, asked: &Asked, mut out: Out) -> Result<Told, Broken> {
        let mut conn = self.db.get().await.map_err(Broken::away)?;
        conn.transaction::<_, Broken, _>(async |conn| {
            at_one_moment(conn, MADE_WITHIN).await?;
            asked.tell(conn, &mut out).await
        })
        .await?;
        drop(conn);
        out.finish().await
    }

    /// Keeps the claim up, and ends when it is lost.
    async fn lose(&self, claim: &Claim, progress: &Progress) {
        let mut kept = Instant::now();
        while kept.elapsed() < LEASE {
            tokio::time::sleep(KEEP_UP).await;
            let Ok(mut conn) = self.db.get().await else { continue };
            match claim.keep_up(&mut conn, progress.percent()).await {
                Ok(true) => kept = Instant::now(),
                Ok(false) => return,
                Err(error) => tracing::warn!(error = ?Problem::from(error), "a report's claim is not kept up for now"),
            }
        }
    }

    /// Writes down what came of it. Gives a word for it.
    async fn end(&self, claim: &Claim, made: Result<Made, Setback>) -> anyhow::Result<&'static str> {
        let mut conn = self.db.get().await?;
        let (ended, outcome) = match made {
            Ok(made) => (claim.done(&mut conn, &made).await?, "done"),
            Err(Setback::Later(cause)) => {
                tracing::warn!(cause = format!("{cause:#}"), "a report has to wait");
                (claim.wait(&mut conn).await?, "deferred")
            }
            Err(Setback::Failed(reason, cause)) if claim.is_last() => {
                tracing::error!(cause = format!("{cause:#}"), "a report is not made");
                (claim.fail(&mut conn, reason).await?, "failed")
            }
            Err(Setback::Failed(_, cause)) => {
                tracing::warn!(cause = format!("{cause:#}"), "a report went wrong; trying again");
                (claim.try_again(&mut conn).await?, "tried")
            }
            Err(Setback::Never(reason)) => {
                tracing::warn!(reason = reason.as_str(), "a report cannot be made");
                (claim.fail(&mut conn, reason).await?, "failed")
            }
            Err(Setback::Stopped) => (claim.hand_back(&mut conn).await?, "stopped"),
            Err(Setback::Lost) => (false, "lost"),
        };
        Ok(if ended { outcome } else { "lost" })
    }
}

/// The stream for the store: one that ends before its end is an error, so that no half of a report is ever kept.
fn content(chunks: Receiver<Chunk>) -> impl Stream<Item = Result<actix_web::web::Bytes, BrokeOff>> {
    unfold(Some(chunks), async |chunks| {
        let mut chunks = chunks?;
        match chunks.recv().await {
            Some(Chunk::Piece(bytes)) => Some((Ok(bytes), Some(chunks))),
            Some(Chunk::End) => None,
            None => Some((Err(BrokeOff), None)),
        }
    })
}

fn of_store(fault: PutFault<BrokeOff>) -> Setback {
    match fault {
        PutFault::Store(fault) if fault.passes() => Setback::Later(fault.into()),
        PutFault::TooLarge => Setback::Never(Reason::TooManyRows),
        fault => Setback::Failed(Reason::WentWrong, fault.into()),
    }
}

fn of_report(broken: Broken) -> Setback {
    match broken {
        Broken::SheetFull => Setback::Never(Reason::TooManyRows),
        Broken::Away(cause) => Setback::Later(anyhow::anyhow!(cause)),
        Broken::Database(error) if is_too_slow(&error) => {
            Setback::Failed(Reason::TooSlow, anyhow::anyhow!("a query took longer than it may"))
        }
        Broken::Database(error) => {
            let problem = Problem::from(error);
            let cause = anyhow::anyhow!("PostgreSQL: {problem}");
            let away = problem.status() == actix_web::http::StatusCode::SERVICE_UNAVAILABLE;
            if away { Setback::Later(cause) } else { Setback::Failed(Reason::WentWrong, cause) }
        }
        broken => Setback::Failed(Reason::WentWrong, broken.into()),
    }
}

/// PostgreSQL's own text, which is the same in every language setting of ours (SQLSTATE 57014).
fn is_too_slow(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, info) if info.message().contains("due to statement timeout"))
}
