//! The appointments service: `serve`, `worker`, `migrate`, `openapi`.

use std::sync::Arc;

use anyhow::Context;
use appointments::app::{App, Calendar};
use appointments::config::{ServeConfig, WorkerConfig, owner_url};
use appointments::holidays::Holidays;
use appointments::lookup::Owners;
use appointments::worker::Pace;
use appointments::{TITLE, migrations, operations, routes, worker};
use audit::AuditCommand;
use chassis::env::Env;
use chassis::http::{self, Readiness};
use chassis::{db, shutdown, telemetry};
use chrono::Utc;
use chrono_tz::Tz;
use clap::Parser;
use events::SqsQueues;

/// Books appointments, and keeps the diaries of doctors and patients free of overlaps.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Serve the API.
    Serve,
    /// Relay and consume events.
    Worker,
    /// Bring the schema up to date, as its owner.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Export and verify the audit log, detach its old months.
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Serve => serve().await,
        Command::Worker => Box::pin(work()).await,
        Command::Migrate => migrate().await,
        Command::Openapi => openapi(),
        Command::Audit(command) => command.run(TITLE).await,
    }
}

async fn serve() -> anyhow::Result<()> {
    let config = ServeConfig::read(Env::process())?;
    let _telemetry = telemetry::init(&config.base.telemetry, TITLE)?;
    let stop = shutdown::token()?;
    let pool = db::pool(&config.base.db, "appointments-serve")?;
    db::require_migrated(&pool, migrations()).await?;
    let owners = Owners::new(config.users.clone(), config.patients.clone())?;
    let audit = audit::config::recorder(&config.base, TITLE)?;
    let calendar = calendar(config.base.time_zone, config.holidays.clone());
    let app = App::new(pool.clone(), audit, owners, calendar, config.base.cursor_key.clone());
    let routes = routes(app, config.auth.verifier()?);
    http::serve_process(&config.base, TITLE, routes, Readiness::of_database(pool), stop).await
}

async fn work() -> anyhow::Result<()> {
    let config = WorkerConfig::read(Env::process())?;
    let _telemetry = telemetry::init(&config.base.telemetry, "appointments-worker")?;
    let stop = shutdown::token()?;
    let pool = db::pool(&config.base.db, "appointments-worker")?;
    db::require_migrated(&pool, migrations()).await?;
    let queues = SqsQueues::connect(&config.queues).await;
    let calendar = calendar(config.base.time_zone, config.holidays.clone());
    let pace = Pace { calendar, no_show_grace: config.no_show_grace, waitlist_hold: config.waitlist_hold };
    tokio::try_join!(
        worker::run(pool.clone(), queues, pace, stop.clone()),
        http::serve_worker(&config.base, Readiness::of_database(pool), stop),
    )?;
    Ok(())
}

/// The hospital's calendar; whoever runs the service hears in time that its holidays end.
fn calendar(zone: Tz, holidays: Holidays) -> Calendar {
    let calendar = Calendar { zone, holidays: Arc::new(holidays) };
    if let Some(last) = calendar.holidays.ends_within_a_year(calendar.date(Utc::now())) {
        tracing::warn!(%last, "public holidays are known until this day only: add the lines of the next year to data/holidays");
    }
    calendar
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn migrate() -> anyhow::Result<()> {
    let applied = db::migrate(&owner_url(Env::process())?, migrations()).await?;
    match applied.len() {
        0 => println!("the schema is up to date"),
        _ => println!("applied {}", applied.join(", ")),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn openapi() -> anyhow::Result<()> {
    let document =
        chassis::openapi::document(TITLE, operations).to_pretty_json().context("the document cannot be written")?;
    println!("{document}");
    Ok(())
}
