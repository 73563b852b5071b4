//! `cargo xtask test`: what CI runs. Real parts on ports of their own, then every check, then every test.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::cargo::cargo;
use crate::home::{Home, Purpose, random_hex, write_private};
use crate::parts::{aws, postgres, redis};
use crate::process::which;
use crate::shutdown::Shutdown;
use crate::supervise::Supervisor;
use crate::test_system::TestSystem;
use crate::{deps, install, tidy};

const ENDPOINTS: &str = "endpoints.json";
const POSTGRES: u16 = 25432;
const REDIS: u16 = 26379;
const AWS: u16 = 24566;
const READY_BOUND: Duration = Duration::from_secs(60);

/// The parts that tests talk to.
struct Endpoints {
    postgres: String,
    redis: String,
    aws: String,
}

/// Runs everything. The last lines printed are the test runner's own, and after them what failed.
pub async fn test() -> Result<()> {
    let home = Home::of(Purpose::Test)?;
    let shutdown = Shutdown::listen()?;
    let mut supervisor = Supervisor::new(&home.logs(), None)?;
    let outcome = tokio::select! {
        outcome = run_all(&home, &mut supervisor) => outcome,
        () = shutdown.wished() => Err(anyhow::anyhow!("interrupted")),
    };
    supervisor.stop_all(&shutdown).await;
    forget(&home);
    outcome
}

/// Starts the parts alone and keeps them until Ctrl-C, for running single tests with `cargo test` or `cargo nextest`.
pub async fn parts() -> Result<()> {
    let home = Home::of(Purpose::Test)?;
    let shutdown = Shutdown::listen()?;
    let mut supervisor = Supervisor::new(&home.logs(), None)?;
    let outcome = match start_parts(&home, &mut supervisor).await {
        Ok(endpoints) => {
            tell(&home, &endpoints)?;
            say!("tests find them through {}; Ctrl-C stops them", home.short(&home.path(ENDPOINTS)));
            supervisor.watch(&shutdown).await
        }
        Err(fault) => Err(fault),
    };
    supervisor.stop_all(&shutdown).await;
    forget(&home);
    outcome
}

async fn run_all(home: &Home, supervisor: &mut Supervisor) -> Result<()> {
    let endpoints = match given_endpoints() {
        Some(given) => given,
        None => start_parts(home, supervisor).await?,
    };
    tell(home, &endpoints)?;

    let mut failed = checks(home).await;
    let system = TestSystem::of(home)?;
    system.start_and_play(&mut failed).await;
    // From here on only the runner speaks.
    if !failed.is_empty() {
        say!("\nfailed so far: {}; running the tests all the same", failed.join(", "));
    }
    let nextest = std::env::var("EHS_TEST_RUNNER").map_or_else(|_| cargo_has("nextest"), |runner| runner == "nextest");
    if nextest {
        step(home, &endpoints, "doc tests", &["test", "--workspace", "--doc", "--quiet"], &mut failed).await;
        step(home, &endpoints, "tests", &["nextest", "run", "--workspace", "--no-fail-fast"], &mut failed).await;
    } else {
        step(home, &endpoints, "tests", &["test", "--workspace", "--no-fail-fast"], &mut failed).await;
    }
    system.stop().await;
    // Said after the runner's lines too: a log is read from its end, and what failed before a thousand tests that
    // passed is not seen there.
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Tests that are run by themselves find the parts through this file.
fn tell(home: &Home, endpoints: &Endpoints) -> Result<()> {
    let content = json!({"postgres": endpoints.postgres, "redis": endpoints.redis, "aws": endpoints.aws});
    write_private(&home.path(ENDPOINTS), &serde_json::to_string_pretty(&content)?)
}

/// Parts that are stopped must not be looked for.
fn forget(home: &Home) {
    let _ = std::fs::remove_file(home.path(ENDPOINTS)); // it may never have been written
}

/// The checks that need no parts, quickest first; gives the names of those that failed.
async fn checks(home: &Home) -> Vec<&'static str> {
    let mut failed = Vec::new();
    let none = Endpoints { postgres: String::new(), redis: String::new(), aws: String::new() };
    step(home, &none, "format", &["fmt", "--all", "--check"], &mut failed).await;
    say!("\n== house rules");
    if let Err(fault) = tidy::tidy(&home.root) {
        say!("{fault:#}");
        failed.push("house rules");
    }
    say!("\n== dependency direction");
    if let Err(fault) = deps::deps(&home.root).await {
        say!("{fault:#}");
        failed.push("dependency direction");
    }
    if cargo_has("deny") {
        step(
            home,
            &none,
            "cargo deny",
            &["deny", "--offline", "--workspace", "check", "bans", "licenses", "sources"],
            &mut failed,
        )
        .await;
    }
    step(home, &none, "clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &mut failed).await;
    step(home, &none, "docs", &["doc", "--workspace", "--no-deps", "--quiet"], &mut failed).await;
    failed
}

async fn step(home: &Home, endpoints: &Endpoints, name: &'static str, args: &[&str], failed: &mut Vec<&'static str>) {
    say!("\n== {name}: cargo {}", args.join(" "));
    let mut command = cargo(&home.root);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command.env("RUSTDOCFLAGS", "-D warnings").env("EHS_TEST_SYSTEM", home.path("system"));
    if !endpoints.postgres.is_empty() {
        command.env("EHS_TEST_POSTGRES_URL", &endpoints.postgres);
        command.env("EHS_TEST_REDIS_URL", &endpoints.redis);
        command.env("EHS_TEST_AWS_ENDPOINT", &endpoints.aws);
    }
    // What a developer's shell says of AWS or a database must not reach a test.
    for stray in ["DATABASE_URL", "REDIS_URL", "AWS_PROFILE", "AWS_ENDPOINT_URL"] {
        command.env_remove(stray);
    }
    match command.status().await {
        Ok(status) if status.success() => {}
        Ok(_) => failed.push(name),
        Err(fault) => {
            say!("cannot start cargo: {fault}");
            failed.push(name);
        }
    }
}

/// Parts that somebody else started for us, when all three answer.
fn given_endpoints() -> Option<Endpoints> {
    let given = Endpoints {
        postgres: std::env::var("EHS_TEST_POSTGRES_URL").ok()?,
        redis: std::env::var("EHS_TEST_REDIS_URL").ok()?,
        aws: std::env::var("EHS_TEST_AWS_ENDPOINT").ok()?,
    };
    let all = [&given.postgres, &given.redis, &given.aws].into_iter().all(|url| answers(url));
    if !all {
        say!("the EHS_TEST_… endpoints do not all answer: starting parts of our own");
    }
    all.then_some(given)
}

fn answers(url: &str) -> bool {
    let Some(authority) = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()) else { return false };
    let address = authority.rsplit('@').next().unwrap_or(authority);
    std::net::TcpStream::connect(address).is_ok()
}

async fn start_parts(home: &Home, supervisor: &mut Supervisor) -> Result<Endpoints> {
    let tools = install::ensure(&home.venv()).await?;
    for folder in ["postgres", "redis", "ministack"] {
        wipe(&home.path(folder))?;
    }
    wipe(&postgres::elsewhere(&home.path("postgres")))?;
    for folder in ["redis", "ministack"] {
        std::fs::create_dir_all(home.path(folder))?;
    }
    say!("starting PostgreSQL, Redis, SQS and S3 for the tests");
    let (postgres_port, redis_port, aws_port) = (free_port(POSTGRES)?, free_port(REDIS)?, free_port(AWS)?);
    let cluster =
        postgres::Cluster::prepare(tools.postgres, &home.path("postgres"), postgres_port, &random_hex(16)?).await?;
    supervisor.start(cluster.spec(postgres::Durability::Fast))?;
    supervisor.start(redis::spec(&tools.redis, &home.path("redis"), redis_port))?;
    supervisor.start(aws::spec(&tools.ministack, &home.path("ministack"), aws_port))?;
    supervisor.wait_ready(&["postgres", "redis", "ministack"], READY_BOUND).await?;
    let extensions = cluster
        .psql("postgres", &["-c", "select count(*) from pg_available_extensions where name = 'btree_gist'"])
        .await?;
    if extensions.trim() != "1" {
        install::contrib().await?;
    }
    Ok(Endpoints {
        postgres: cluster.superuser_url(),
        redis: format!("redis://127.0.0.1:{redis_port}"),
        aws: format!("http://127.0.0.1:{aws_port}"),
    })
}

fn wipe(folder: &std::path::Path) -> Result<()> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}: an earlier run by another user made it", folder.display()))?;
    }
    Ok(())
}

/// The usual port, or the next one that is free: two checkouts may be tested at once.
fn free_port(usual: u16) -> Result<u16> {
    for port in (usual..usual.saturating_add(200)).step_by(10) {
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {usual} on is free")
}

fn cargo_has(subcommand: &str) -> bool {
    which(&format!("cargo-{subcommand}")).is_some()
        || std::env::var_os("CARGO_HOME")
            .or_else(|| Some(std::path::Path::new(&std::env::var_os("HOME")?).join(".cargo").into()))
            .is_some_and(|home| std::path::Path::new(&home).join("bin").join(format!("cargo-{subcommand}")).is_file())
}
