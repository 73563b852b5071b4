//! The users service: accounts, sign-in, keys. See the README.

use std::path::PathBuf;

use audit::AuditCommand;
use chassis::env::Env;
use chassis::http::{self, Readiness};
use chassis::{db, shutdown, telemetry};
use clap::{Args, Parser, Subcommand};
use users::app::App;
use users::config::{self, CreateAdminConfig, ServeConfig, WorkerConfig};
use users::create_admin::{Admin, Outcome, create_admin};

#[derive(Parser)]
#[command(name = "users", version, about = "Accounts, sign-in, keys")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The API
    Serve,
    /// Sends events, forgets what has expired
    Worker,
    /// Brings the schema up to date, as its owner
    Migrate,
    /// Prints the OpenAPI document
    Openapi,
    /// Exports and verifies the audit log, detaches its old months
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The first administrator; the password is taken from EHS_ADMIN_PASSWORD
    CreateAdmin(AdminArgs),
    /// The file with the keys that sign access tokens
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Args)]
struct AdminArgs {
    #[arg(long)]
    username: String,
    #[arg(long)]
    email: String,
    #[arg(long)]
    first_name: String,
    #[arg(long, default_value = "")]
    last_name: String,
}

#[derive(Subcommand)]
enum Keys {
    /// Makes it; never overwrites one
    Generate {
        #[arg(long)]
        file: PathBuf,
    },
    /// A new key signs from the next start on, the last one still verifies
    Rotate {
        #[arg(long)]
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Serve => serve().await,
        Command::Worker => work().await,
        Command::Migrate => migrate().await,
        Command::Openapi => openapi(),
        Command::Audit(command) => command.run("users").await,
        Command::CreateAdmin(args) => admin(args).await,
        Command::Keys(Keys::Generate { file }) => {
            let keys = users::keys::generate(&file)?;
            say(&format!("{} holds the new key {}", file.display(), keys.current_kid()));
            Ok(())
        }
        Command::Keys(Keys::Rotate { file }) => {
            let keys = users::keys::rotate(&file)?;
            say(&format!("{} signs with the new key {} from the next start on", file.display(), keys.current_kid()));
            Ok(())
        }
    }
}

async fn serve() -> anyhow::Result<()> {
    let config = ServeConfig::read(Env::process())?;
    let base = config.base.clone();
    let _telemetry = telemetry::init(&base.telemetry, "users")?;
    let stop = shutdown::token()?;
    let app = App::build(config)?;
    db::require_migrated(&app.db, users::migrations()).await?;
    let ready = Readiness::of_database(app.db.clone());
    http::serve_process(&base, "EHS users", app.routes(), ready, stop).await
}

async fn work() -> anyhow::Result<()> {
    let config = WorkerConfig::read(Env::process())?;
    let _telemetry = telemetry::init(&config.base.telemetry, "users-worker")?;
    Box::pin(users::worker::run(config, shutdown::token()?)).await
}

async fn migrate() -> anyhow::Result<()> {
    let url = config::owner_url(Env::process())?;
    let applied = db::migrate(&url, users::migrations()).await?;
    say(&format!("{} migration(s) applied", applied.len()));
    Ok(())
}

fn openapi() -> anyhow::Result<()> {
    say(&http::openapi("EHS users", users::routes).to_pretty_json()?);
    Ok(())
}

async fn admin(args: AdminArgs) -> anyhow::Result<()> {
    let config = CreateAdminConfig::read(Env::process())?;
    let AdminArgs { username, email, first_name, last_name } = args;
    let name = username.clone();
    match create_admin(&config, Admin { username, email, first_name, last_name }).await? {
        Outcome::Created(id) => say(&format!("{name} is an administrator now, with id {id}")),
        Outcome::Present(id) => say(&format!("{name} is there already, with id {id}; nothing was changed")),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command answers on standard output")]
fn say(line: &str) {
    println!("{line}");
}
