//! The gateway's command line: `gateway --config FILE`.

use std::path::PathBuf;
use std::process::ExitCode;

use auth::AuthConfig;
use chassis::env::{ConfigFaults, Env};
use chassis::redis::{Redis, RedisConfig};
use chassis::telemetry::{self, TelemetryConfig};
use clap::Parser;
use gateway::config::Config;

/// The proxy in front of the services.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Listeners, routes and clusters; see gateway.example.yaml.
    #[arg(long)]
    config: PathBuf,
}

/// `EX_USAGE` of sysexits.h: the configuration is wrong, and a restart will not help.
const CONFIG_FAULT: u8 = 64;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "faults before telemetry is there are said on standard error")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (config, settings) = match (Config::load(&arguments.config), settings(Env::process())) {
        (Ok(config), Ok(settings)) => (config, settings),
        (config, settings) => {
            config.err().into_iter().for_each(|faults| eprintln!("{faults:#}"));
            settings.err().into_iter().for_each(|faults| eprintln!("{faults}"));
            return ExitCode::from(CONFIG_FAULT);
        }
    };
    match run(config, settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("gateway: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

struct Settings {
    auth: AuthConfig,
    redis: RedisConfig,
    telemetry: TelemetryConfig,
}

fn settings(mut env: Env) -> Result<Settings, ConfigFaults> {
    let auth = AuthConfig::read(&mut env);
    let redis = RedisConfig::read(&mut env);
    let telemetry = TelemetryConfig::read(&mut env);
    let settings = || Some(Settings { auth: auth?, redis: redis?, telemetry: telemetry? });
    env.finish(settings())
}

async fn run(config: Config, settings: Settings) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&settings.telemetry, "gateway")?;
    let stop = chassis::shutdown::token()?;
    gateway::run(config, settings.auth.verifier()?, Redis::new(&settings.redis)?, stop).await
}
