//! The patients service's commands.

use std::process::ExitCode;

use anyhow::Context;
use audit::AuditCommand;
use chassis::env::Env;
use chassis::http::{self, Readiness};
use chassis::{db, shutdown, telemetry};
use clap::{Parser, Subcommand};
use patients::app::App;
use patients::config::{ServeConfig, WorkerConfig};
use patients::documents::inspection::portion;
use patients::documents::types::Portion;
use patients::import::Import;
use tokio::runtime::Runtime;

#[derive(Parser)]
#[command(about = "Patients of EHS: who they are, how they are found, what other systems say of them")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests.
    Serve,
    /// Relay events, apply those of others.
    Worker,
    /// Bring the schema up to date, as its owner.
    Migrate,
    /// Import the patients of an older system.
    Import(Import),
    /// Print the OpenAPI document.
    Openapi,
    /// Export and verify the audit log, detach its old months.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Draw something out of the document on standard input, in bounds; the worker starts it.
    #[command(hide = true)]
    Inspect {
        portion: Portion,
        #[arg(long)]
        memory: u64,
        #[arg(long)]
        seconds: u64,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        // alone in its process: no other thread, no setting, no secret
        Command::Inspect { portion, memory, seconds } => Ok(portion::run(portion, memory, seconds)),
        command => {
            Runtime::new().context("no runtime")?.block_on(run(command))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve => serve().await,
        Command::Worker => Box::pin(worker()).await,
        Command::Migrate => migrate().await,
        Command::Import(import) => import.run(shutdown::token()?).await,
        Command::Openapi => openapi(),
        Command::Audit(command) => command.run("patients").await,
        Command::Inspect { .. } => Ok(()),
    }
}

async fn serve() -> anyhow::Result<()> {
    let mut env = Env::process();
    let config = ServeConfig::read(&mut env);
    let config = env.finish(config)?;
    let _telemetry = telemetry::init(&config.base.telemetry, "patients")?;
    let app = App::build(&config).await?;
    db::require_migrated(&app.db, patients::migrations()).await?;
    let ready = Readiness::of_database(app.db.clone());
    http::serve_process(&config.base, patients::TITLE, patients::with_state(app), ready, shutdown::token()?).await
}

async fn worker() -> anyhow::Result<()> {
    let mut env = Env::process();
    let config = WorkerConfig::read(&mut env);
    let config = env.finish(config)?;
    let _telemetry = telemetry::init(&config.base.telemetry, "patients-worker")?;
    let pool = db::pool(&config.base.db, "patients worker")?;
    db::require_migrated(&pool, patients::migrations()).await?;
    Box::pin(patients::worker::run(&config, pool, shutdown::token()?)).await
}

async fn migrate() -> anyhow::Result<()> {
    let mut env = Env::process();
    let url = env.secret("EHS_MIGRATE_DATABASE_URL");
    let url = env.finish(url)?;
    for name in db::migrate(&url, patients::migrations()).await? {
        say(&name);
    }
    Ok(())
}

fn openapi() -> anyhow::Result<()> {
    let document = chassis::openapi::document(patients::TITLE, patients::routes);
    say(&document.to_pretty_json().context("the OpenAPI document cannot be written")?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command speaks to whoever typed it")]
fn say(text: &str) {
    println!("{text}");
}
