#![doc = include_str!("../README.md")]

/// Prints a line for the person at the terminal. A terminal that is gone is no reason to fail: what runs must still be stopped.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod api;
mod bench;
mod cargo;
mod demo;
mod demo_hospital;
mod deps;
mod detach;
mod gateway_config;
mod home;
mod install;
mod mllp;
mod openapi;
mod parts;
mod process;
mod running;
mod secrets;
mod seed;
mod shutdown;
mod state;
mod supervise;
mod system;
mod test;
mod test_system;
mod tidy;
mod tls;
mod trace;
mod up;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use cargo::Profile;
use home::{Home, Wire};
use running::Follow;
use up::Manner;

/// Everything that is done to EHS on a developer's machine and in CI.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine, until Ctrl-C
    Up {
        /// Use optimised builds
        #[arg(long)]
        release: bool,
        /// Return when all is ready and leave it running
        #[arg(long)]
        detach: bool,
        /// Speak HTTPS at the gateway, with a certificate by an authority of this machine
        #[arg(long)]
        tls: bool,
        /// Be the background process of --detach
        #[arg(long, hide = true, conflicts_with = "detach")]
        supervisor: bool,
    },
    /// Stop what `up` started
    Down,
    /// Say what runs and whether it is ready
    Status,
    /// Print a process's log (patients, patients-worker, gateway, postgres, …)
    Logs {
        /// Whose
        service: String,
        /// Go on as it grows
        #[arg(short, long)]
        follow: bool,
        /// How many lines to begin with
        #[arg(short = 'n', long, default_value_t = 100)]
        lines: usize,
    },
    /// Stop everything and remove its data
    Reset,
    /// Fill the running system with the patients, appointments and invoices of an Indian hospital, the same ones every time
    Seed {
        /// How many patients in all; 1000000 if nothing else is asked for
        #[arg(long)]
        patients: Option<u64>,
        /// How many appointments of three years with 500 doctors, and the patients that they need
        #[arg(long)]
        appointments: Option<u64>,
        /// How many invoices of the last whole financial year, and the patients that they need
        #[arg(long)]
        invoices: Option<u64>,
    },
    /// Play a patient's journey against a running system
    Demo,
    /// Print a trace as a tree
    Trace {
        /// A trace id or the first digits of one; `last` is the latest that crossed services
        #[arg(default_value = "last")]
        id: String,
        /// With `last`: only traces through this route
        #[arg(long)]
        route: Option<String>,
    },
    /// Run every check and every test
    Test,
    /// Start the parts that tests need, until Ctrl-C, to run single tests by hand
    Parts,
    /// Check names, sizes and READMEs
    Tidy,
    /// Check which crate depends on which
    Deps,
    /// Renew every service's openapi.json
    Openapi,
    /// Measure in release mode, on a system of its own
    Bench {
        /// Measure this only
        #[arg(long, value_enum)]
        only: Option<bench::Section>,
        /// Put the result into docs/benchmarks.md
        #[arg(long)]
        write: bool,
        /// Seconds per measurement
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Requests in flight at once
        #[arg(long, default_value_t = 16)]
        concurrency: usize,
        /// Appointments to measure among
        #[arg(long, default_value_t = 5_000_000)]
        appointments: u64,
        /// Invoices to measure among
        #[arg(long, default_value_t = 1_000_000)]
        invoices: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "error: {fault:#}"); // as `say!`
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Up { release, detach, tls, supervisor } => {
            let manner = match (detach, supervisor) {
                (true, _) => Manner::Detached,
                (_, true) => Manner::Supervisor,
                _ => Manner::Attached,
            };
            let wire = if tls { Wire::Tls } else { Wire::Plain };
            up::up(manner, if release { Profile::Release } else { Profile::Dev }, wire).await
        }
        Command::Down => running::down(&Home::up()?).await,
        Command::Status => running::status(&Home::up()?).await,
        Command::Logs { service, follow, lines } => {
            running::logs(&Home::up()?, &service, lines, if follow { Follow::Yes } else { Follow::No }).await
        }
        Command::Reset => running::reset(&Home::up()?).await,
        Command::Seed { patients, appointments, invoices } => {
            seed::seed(&Home::up()?, seed::Wanted { patients, appointments, invoices }).await
        }
        Command::Demo => demo::demo(&Home::up()?).await,
        Command::Trace { id, route } => trace::show(&Home::up()?, &id, route.as_deref()),
        Command::Test => test::test().await,
        Command::Parts => test::parts().await,
        Command::Tidy => tidy::tidy(&home::root()?),
        Command::Deps => deps::deps(&home::root()?).await,
        Command::Openapi => openapi::openapi().await,
        Command::Bench { only, write, seconds, concurrency, appointments, invoices } => {
            let manner =
                bench::Manner { length: Duration::from_secs(seconds.max(1)), concurrency: concurrency.clamp(1, 512) };
            let sizes = bench::Sizes { appointments, invoices };
            bench::bench(manner, sizes, only, if write { bench::Keep::InDocs } else { bench::Keep::No }).await
        }
    }
}
