//! The users service: accounts, sign-in, keys. See the README.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context;
use audit::AuditCommand;
use auth::Role;
use chassis::env::Env;
use chassis::http::{self, Readiness};
use chassis::{db, shutdown, telemetry};
use clap::{Args, Parser, Subcommand};
use users::app::App;
use users::config::{self, CreateAdminConfig, ServeConfig, WorkerConfig};
use users::create_admin::{Admin, Outcome, create_admin};
use users::import_django::account::Roles;
use users::import_django::{Import, Refused, Tally};

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
    /// The users of the old system, out of Django's `dumpdata`; those refused go to standard output, with the reasons
    ImportDjango(ImportArgs),
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

#[derive(Args)]
struct ImportArgs {
    /// `manage.py dumpdata auth.group auth.user`, as a JSON array or an object a line
    file: PathBuf,
    /// Who becomes what: a group's name or id, and a role; again for each group
    #[arg(long = "role", value_name = "GROUP=ROLE", value_parser = group_role)]
    roles: Vec<(String, Role)>,
    /// Superusers become ADMIN; without this they are refused
    #[arg(long)]
    superusers_are_admins: bool,
    /// The model of users, where the old system had its own
    #[arg(long, default_value = "auth.user")]
    model: String,
    /// Says what would become of the dump, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

fn group_role(text: &str) -> Result<(String, Role), String> {
    let (group, role) = text.rsplit_once('=').ok_or("write it as GROUP=ROLE")?;
    let role = role.parse().map_err(|fault: auth::roles::UnknownRole| fault.to_string())?;
    Ok((group.to_owned(), role))
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
        /// Even when tokens of the key before last may still live, as when one of them leaked
        #[arg(long)]
        at_once: bool,
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
        Command::ImportDjango(args) => import(args).await,
        Command::Keys(Keys::Generate { file }) => {
            let keys = users::keys::generate(&file)?;
            say(&format!("{} holds the new key {}", file.display(), keys.current_kid()));
            Ok(())
        }
        Command::Keys(Keys::Rotate { file, at_once }) => {
            let keys = if at_once { users::keys::rotate_at_once(&file)? } else { users::keys::rotate(&file)? };
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
    say(&chassis::openapi::document("EHS users", users::routes).to_pretty_json()?);
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

async fn import(args: ImportArgs) -> anyhow::Result<()> {
    let ImportArgs { file, roles, superusers_are_admins, model, dry_run } = args;
    let db = config::database(Env::process())?;
    let pool = db::pool(&db, "users-import")?;
    db::require_migrated(&pool, users::migrations()).await?;
    let dump = BufReader::new(File::open(&file).with_context(|| file.display().to_string())?);
    let roles = Roles { of_groups: roles.into_iter().collect(), superusers_are_admins };
    let import = Import { roles, model, dry_run };
    let mut conn = pool.get().await.context("cannot reach PostgreSQL")?;
    let mut tell = |refused: Refused| {
        say(&format!("refused: object {} ({}): {}", refused.object, refused.who, refused.faults.join("; ")));
    };
    let Tally { imported, present, refused, others } = import.run(&mut conn, dump, &mut tell).await?;
    let written = if dry_run { "would be imported" } else { "imported" };
    say(&format!("{imported} {written}, {present} there already, {refused} refused, {others} of other models"));
    anyhow::ensure!(refused == 0, "not every user of the dump could be taken");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command answers on standard output")]
fn say(line: &str) {
    println!("{line}");
}
