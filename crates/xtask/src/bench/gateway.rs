//! What the gateway's own work costs: one worker of it with and without limits, and of Envoy, asked in turns for the same
//! answer of a server that does nothing else.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::cpu::Meter;
use super::load::{Load, Target};
use super::report::{hundredths, machine, percentile};
use super::{Bench, Manner};
use crate::home::{Home, port};
use crate::install;
use crate::process::Identity;
use crate::supervise::{Layer, Probe, Spec, Stop, Supervisor};

/// Where the server behind listens.
const BEHIND: u16 = 8120;
/// What is compared: name, port, admin port.
const SIDES: [(&str, u16, u16); 3] = [
    ("Envoy with `jwt_authn`", 8121, 9121),
    ("gateway without limits", 8122, 9122),
    ("gateway with limits", 8123, 9123),
];
/// Turns of each side; the order changes from turn to turn, so that a drift meets all.
const TURNS: u32 = 12;
/// Requests in flight at once.
const CONNECTIONS: usize = 16;
/// Spans are kept of one request in ten.
const SAMPLED: &str = "0.1";
const LONGEST_START: Duration = Duration::from_secs(30);
/// As large as a patient.
const ANSWER: usize = 1024;

/// The ports that [`measure`] needs besides the system's own.
pub fn ports(home: &Home) -> Vec<(String, u16)> {
    let sides = SIDES.iter().flat_map(|(name, listen, admin)| {
        [((*name).to_owned(), home.port(*listen)), (format!("admin of {name}"), home.port(*admin))]
    });
    sides.chain([("the server behind".to_owned(), home.port(BEHIND))]).collect()
}

/// What was measured.
pub struct Side {
    name: &'static str,
    latencies: Vec<u64>,
    /// Microseconds.
    cpu: u64,
}

/// All sides, asked in turns.
pub struct Comparison {
    sides: Vec<Side>,
    manner: Manner,
}

/// Starts all sides, and asks each in turn.
pub async fn measure(bench: &Bench<'_>, supervisor: &mut Supervisor) -> Result<Comparison> {
    behind(bench.home).await?;
    let mut processes = Vec::new();
    for (name, listen, admin) in SIDES {
        let spec = if name.starts_with("Envoy") {
            envoy(bench, name, listen, admin).await?
        } else {
            gateway(bench, name, listen, admin)?
        };
        let known = spec.name.clone();
        supervisor.start(spec)?;
        supervisor.wait_ready(&[&known], LONGEST_START).await?;
        processes.push((listen, supervisor.identity(&known).context("it was just started")?));
    }
    say!("measuring: the gateway beside Envoy");
    let mut sides: Vec<Side> = SIDES.iter().map(|(name, ..)| Side { name, latencies: Vec::new(), cpu: 0 }).collect();
    let turn = bench.manner.length / TURNS;
    for round in 0..=TURNS {
        for step in 0..SIDES.len() {
            let at = (step + usize::try_from(round)?) % SIDES.len();
            let (Some((listen, process)), Some(side)) = (processes.get(at), sides.get_mut(at)) else { continue };
            let (latencies, cpu) = ask(bench, *listen, process, turn).await?;
            if round > 0 {
                // the first round warms up
                side.latencies.extend(latencies);
                side.cpu += cpu;
            }
        }
    }
    for side in &mut sides {
        side.latencies.sort_unstable();
    }
    Ok(Comparison { sides, manner: bench.manner })
}

async fn ask(bench: &Bench<'_>, listen: u16, process: &Identity, turn: Duration) -> Result<(Vec<u64>, u64)> {
    let manner = Manner { concurrency: CONNECTIONS, length: turn };
    let load = Load { address: bench.home.port(listen), token: bench.token.clone(), manner };
    let meter = Meter::alone(process.clone());
    let before = meter.micros();
    let latencies = load.run(&Target::Read(bench.ids.clone()), turn).await?;
    Ok((latencies, meter.micros().saturating_sub(before)))
}

/// Answers every request with the same bytes.
async fn behind(home: &Home) -> Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], home.port(BEHIND)));
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let body = Bytes::from(vec![b' '; ANSWER]);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true); // slower, not wrong
            let body = body.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |_request: Request<Incoming>| {
                    let body = body.clone();
                    async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
                });
                let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                let _ = served.await; // the other side hung up
            });
        }
    });
    Ok(())
}

fn gateway(bench: &Bench<'_>, name: &str, listen: u16, admin: u16) -> Result<Spec> {
    let home = bench.home;
    let limits = if name.ends_with("with limits") { json!(["each-address", "each-user"]) } else { json!([]) };
    let wide = |key: &str| json!({"key": key, "requests": 1_000_000, "per_s": 1});
    let config = json!({
        "listener": {"address": format!("127.0.0.1:{}", home.port(listen)), "workers": 1},
        "admin": {"address": format!("127.0.0.1:{}", home.port(admin))},
        "limits": {"each-address": wide("address"), "each-user": wide("user")},
        "routes": [{"prefix": "/api/patients/", "cluster": "behind", "auth": "required", "limits": limits}],
        "clusters": {"behind": {"endpoints": [home.http(BEHIND)]}},
    });
    let file = home.path(&format!("{}.yaml", name.replace(' ', "-")));
    std::fs::write(&file, serde_yaml_ng::to_string(&config)?)?;
    let mut spec = bench.settings().gateway(&file)?;
    spec.env.retain(|(name, _)| name != "EHS_TRACE_SAMPLE_RATIO");
    spec.env.push(("EHS_TRACE_SAMPLE_RATIO".to_owned(), SAMPLED.to_owned()));
    spec.probe = Probe::Http(format!("{}/readyz", home.http(admin)));
    Ok(Spec { name: name.to_owned(), address: home.http(listen), ..spec })
}

async fn envoy(bench: &Bench<'_>, name: &str, listen: u16, admin: u16) -> Result<Spec> {
    let home = bench.home;
    let program = install::envoy(&home.venv()).await?;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
    let keys = format!("{}/.well-known/jwks.json", home.http(port::GATEWAY));
    let jwks: Value = http.get(keys).send().await?.error_for_status()?.json().await?;
    let template = std::fs::read_to_string(home.root.join("crates/gateway/benches/envoy.yaml"))?;
    let config = template
        .replace("ADMIN_PORT", &home.port(admin).to_string())
        .replace("LISTEN_PORT", &home.port(listen).to_string())
        .replace("BEHIND_PORT", &home.port(BEHIND).to_string())
        .replace("'JWKS'", &format!("'{jwks}'"));
    let file = home.path("envoy.yaml");
    std::fs::write(&file, config)?;
    let args = ["-c", &file.display().to_string(), "--concurrency", "1", "--log-level", "error"];
    Ok(Spec {
        name: name.to_owned(),
        program,
        args: args.map(str::to_owned).to_vec(),
        env: Vec::new(),
        dir: home.dir.clone(),
        user: None,
        stop: Stop::Terminate,
        layer: Layer::Gateway,
        address: home.http(listen),
        probe: Probe::Http(format!("{}/ready", home.http(admin))),
    })
}

impl Side {
    /// Hundredths of a microsecond per request.
    fn cpu_per_request(&self) -> u64 {
        self.cpu * 100 / u64::try_from(self.latencies.len()).unwrap_or(u64::MAX).max(1)
    }
}

impl Comparison {
    /// The table.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let seconds = self.manner.length.as_secs();
        let _ = writeln!(
            text,
            "{}; release build; one worker each, {CONNECTIONS} connections, {TURNS} turns, {seconds} s of each in all; load \
             generator, the server behind, Redis and all sides on the same cores. The gateway checks the token and asks \
             whether the session stands, writes its access log and traces one request in ten; with limits it counts by \
             address and by user in Redis. Envoy (`crates/gateway/benches/envoy.yaml`) checks the token and does nothing \
             else of it.\n",
            machine()
        );
        text.push_str("| proxy | per second | p50 ms | p99 ms | CPU µs per request | CPU to Envoy's |\n");
        text.push_str("| --- | ---: | ---: | ---: | ---: | ---: |\n");
        let envoys = self.sides.first().map_or(1, Side::cpu_per_request).max(1);
        for side in &self.sides {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                side.name,
                u64::try_from(side.latencies.len()).unwrap_or(u64::MAX) / seconds.max(1),
                hundredths(percentile(&side.latencies, 50) / 10),
                hundredths(percentile(&side.latencies, 99) / 10),
                hundredths(side.cpu_per_request()),
                hundredths(side.cpu_per_request() * 100 / envoys),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_told_as_a_ratio_to_envoys() {
        let side = |name, cpu| Side { name, latencies: vec![1_000; 100], cpu };
        let manner = Manner { length: Duration::from_secs(10), concurrency: 1 };
        let text = Comparison { sides: vec![side("Envoy", 20_000), side("ours", 11_000)], manner }.markdown();
        assert!(text.contains("| Envoy | 10 | 1.00 | 1.00 | 200.00 | 1.00 |"), "{text}");
        assert!(text.contains("| ours | 10 | 1.00 | 1.00 | 110.00 | 0.55 |"), "{text}");
    }
}
