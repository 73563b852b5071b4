//! The billing service's commands.

use actix_web::web;
use audit::AuditCommand;
use audit::routes::AuditLog;
use billing::app::App;
use billing::config::Config;
use billing::{TITLE, migrations, routes, worker};
use chassis::env::Env;
use chassis::http::{Readiness, serve_process};
use chassis::openapi;
use chassis::{db, shutdown, telemetry};
use clap::Parser;

/// Billing of EHS: invoices and payments.
#[derive(Parser)]
enum Command {
    /// Serve the API.
    Serve,
    /// Send and apply events.
    Worker,
    /// Bring the schema up to date, as its owner (EHS_MIGRATE_DATABASE_URL).
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Prove that books, invoices, payments, numbers and reports agree; ends with 1 and says what does not.
    Verify,
    /// Export and verify the audit log, detach its old months.
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Serve => serve(Config::read(Env::process())?).await,
        Command::Worker => {
            let config = Config::read(Env::process())?;
            let _telemetry = telemetry::init(&config.base.telemetry, "billing-worker")?;
            Box::pin(worker::run(config)).await
        }
        Command::Migrate => migrate().await,
        Command::Audit(command) => command.run("billing").await,
        Command::Verify => verify().await,
        Command::Openapi => print(&openapi::document(TITLE, routes).to_pretty_json()?),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&config.base.telemetry, "billing")?;
    let app = App::build(&config).await?;
    db::require_migrated(&app.db, migrations()).await?;
    let ready = Readiness::of_database(app.db.clone());
    let (verifier, app) = (app.verifier.clone(), web::Data::new(app));
    let all = move |service: &mut utoipa_actix_web::service_config::ServiceConfig<'_>| {
        service.app_data(verifier.clone()).app_data(app.clone());
        app.audit.install(service, AuditLog::new(app.db.clone(), app.cursor_key.clone()));
        routes(service);
    };
    serve_process(&config.base, TITLE, all, ready, shutdown::token()?).await
}

async fn migrate() -> anyhow::Result<()> {
    let mut env = Env::process();
    let url = env.secret("EHS_MIGRATE_DATABASE_URL");
    for applied in db::migrate(&env.finish(url)?, migrations()).await? {
        print(&applied)?;
    }
    Ok(())
}

async fn verify() -> anyhow::Result<()> {
    let mut env = Env::process();
    let config = db::DbConfig::read(&mut env);
    let pool = db::pool(&env.finish(config)?, "billing-verify")?;
    db::require_migrated(&pool, migrations()).await?;
    let verdict = billing::verify::verify(&mut *pool.get().await?).await?;
    for finding in &verdict.findings {
        print(&finding.to_string())?;
    }
    anyhow::ensure!(verdict.findings.is_empty(), "{} things do not agree", verdict.findings.len());
    print(&format!("{} checks, nothing found", verdict.checks))
}

#[expect(clippy::print_stdout, reason = "what a command is asked for goes to standard output")]
fn print(text: &str) -> anyhow::Result<()> {
    println!("{text}");
    Ok(())
}
