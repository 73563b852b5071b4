//! What auditing costs a read: a patients service that writes rows beside one that does not (`EHS_AUDIT=off`), asked in
//! turns for the same patients: through a gateway each, as clients read, and without it, so that nothing hides the difference.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::cpu::Meter;
use super::load::{Load, Target};
use super::report::{hundredths, machine, percentile};
use super::{Bench, Manner, pgbench};
use crate::gateway_config;
use crate::home::{Home, port};
use crate::process::Identity;
use crate::supervise::{Probe, Spec, Supervisor};
use crate::system::{SERVICES, Service};

/// Where the service that writes nothing listens.
const UNAUDITED: Service = Service { name: "patients", listen: 8112, admin: 9112, worker_admin: 9112 };
/// The gateway in front of it.
const BEFORE_UNAUDITED: (u16, u16) = (8113, 9113);
/// Readers at once: one alone, as many as the other measurements have, and those of the bar.
const READERS: [usize; 3] = [1, 16, 64];
/// Turns of each side. They alternate, and the side that begins does too, so that a drift meets both.
const TURNS: u32 = 20;
const LONGEST_START: Duration = Duration::from_secs(30);

/// The ports that [`measure`] needs besides the system's own.
pub fn ports(home: &Home) -> Vec<(String, u16)> {
    vec![
        ("patients without audit".to_owned(), home.port(UNAUDITED.listen)),
        ("its admin".to_owned(), home.port(UNAUDITED.admin)),
        ("the gateway before it".to_owned(), home.port(BEFORE_UNAUDITED.0)),
        ("that gateway's admin".to_owned(), home.port(BEFORE_UNAUDITED.1)),
    ]
}

/// What was measured.
pub struct Cost {
    comparisons: Vec<Comparison>,
    /// What PostgreSQL needs to commit something small, in microseconds.
    commit: u64,
    manner: Manner,
}

struct Comparison {
    asked: Asked,
    readers: usize,
    without: Side,
    with: Side,
}

/// Who is asked.
#[derive(Clone, Copy)]
enum Asked {
    Gateway,
    Service,
}

impl Asked {
    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "through the gateway",
            Self::Service => "the service itself",
        }
    }
}

/// One side's answers, each turn by itself.
#[derive(Default)]
struct Side {
    turns: Vec<Vec<u64>>,
    /// Microseconds of CPU: the service's, and PostgreSQL's with the worker's.
    service: u64,
    rest: u64,
}

/// Starts the other service, and asks both in turns.
pub async fn measure(bench: &Bench<'_>, supervisor: &mut Supervisor) -> Result<Cost> {
    let mut spec = bench.settings().serve(UNAUDITED)?;
    spec.name = "patients without audit".to_owned();
    spec.env.push(("EHS_AUDIT".to_owned(), "off".to_owned()));
    let name = spec.name.clone();
    supervisor.start(spec)?;
    supervisor.wait_ready(&[&name], LONGEST_START).await?;
    let without = supervisor.identity(&name).context("it was just started")?;
    let rest = [Meter::with_children(bench.process("postgres")?), Meter::alone(bench.process("patients-worker")?)];
    let gateway = gateway(bench)?;
    let name = gateway.name.clone();
    supervisor.start(gateway)?;
    supervisor.wait_ready(&[&name], LONGEST_START).await?;
    let target = Target::Read(bench.ids.clone());
    let mut comparisons = Vec::new();
    let with = bench.process("patients")?;
    for asked in [Asked::Gateway, Asked::Service] {
        let (unaudited, audited) = match asked {
            Asked::Gateway => (BEFORE_UNAUDITED.0, port::GATEWAY),
            Asked::Service => (UNAUDITED.listen, listen()?),
        };
        let sides = [(unaudited, without.clone()), (audited, with.clone())];
        for readers in READERS {
            say!("measuring: reads with and without audit, {}, {readers} at once", asked.name());
            comparisons.push(compare(bench, &target, asked, readers, &sides, &rest).await?);
        }
    }
    let alone = Manner { concurrency: 1, ..bench.manner };
    let commits = pgbench::commits(bench.home, &bench.system.cluster, alone).await?;
    Ok(Cost { comparisons, commit: percentile(&sorted(commits), 50), manner: bench.manner })
}

/// A gateway like the system's, with the service that writes nothing behind it.
fn gateway(bench: &Bench<'_>) -> Result<Spec> {
    let (home, name) = (bench.home, "gateway before patients without audit");
    let (listen, admin) = BEFORE_UNAUDITED;
    let mut config = gateway_config::config(home);
    let fields = [
        ("/listener/address", json!(format!("127.0.0.1:{}", home.port(listen)))),
        ("/admin/address", json!(format!("127.0.0.1:{}", home.port(admin)))),
        ("/clusters/patients/endpoints", json!([home.http(UNAUDITED.listen)])),
    ];
    for (pointer, value) in fields {
        *config.pointer_mut(pointer).with_context(|| format!("the gateway's settings have no {pointer}"))? = value;
    }
    let path = home.path("gateway-unaudited.yaml");
    std::fs::write(&path, serde_yaml_ng::to_string(&config)?)?;
    let mut spec = bench.settings().gateway(&path)?;
    spec.name = name.to_owned();
    spec.address = home.http(listen);
    spec.probe = Probe::Http(format!("{}/readyz", home.http(admin)));
    Ok(spec)
}

fn listen() -> Result<u16> {
    Ok(SERVICES.iter().find(|service| service.name == "patients").context("there is a patients service")?.listen)
}

async fn compare(
    bench: &Bench<'_>,
    target: &Target,
    asked: Asked,
    readers: usize,
    services: &[(u16, Identity); 2],
    rest: &[Meter; 2],
) -> Result<Comparison> {
    let mut sides = [Side::default(), Side::default()];
    let turn = bench.manner.length / TURNS;
    for round in 0..=TURNS {
        let order = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for at in order {
            let (Some((port, service)), Some(side)) = (services.get(at), sides.get_mut(at)) else { continue };
            let manner = Manner { concurrency: readers, length: turn };
            let load = Load { address: bench.home.port(*port), token: bench.token.clone(), manner };
            let service = Meter::alone(service.clone());
            let before = (service.micros(), rest.iter().map(Meter::micros).sum::<u64>());
            let latencies = load.run(target, turn).await?;
            if round == 0 {
                continue; // caches and pools warm up unmeasured
            }
            side.turns.push(latencies);
            side.service += service.micros().saturating_sub(before.0);
            side.rest += rest.iter().map(Meter::micros).sum::<u64>().saturating_sub(before.1);
        }
    }
    let [without, with] = sides;
    Ok(Comparison { asked, readers, without, with })
}

impl Side {
    fn count(&self) -> u64 {
        self.turns.iter().map(|turn| u64::try_from(turn.len()).unwrap_or(u64::MAX)).sum()
    }

    /// The middle of the turns' percentiles: a turn that something else disturbed does not count.
    fn latency(&self, percent: usize) -> u64 {
        let of_turns = self.turns.iter().map(|turn| percentile(&sorted(turn.clone()), percent));
        percentile(&sorted(of_turns.collect()), 50)
    }

    fn cpu(&self) -> (u64, u64) {
        let count = self.count().max(1);
        (self.service / count, self.rest / count)
    }
}

impl Comparison {
    /// What is left of a hundred requests a second, in the turn in the middle; in hundredths.
    fn share(&self) -> u64 {
        let pairs = self.with.turns.iter().zip(&self.without.turns);
        let shares = pairs.map(|(with, without)| {
            let (with, without) = (u64::try_from(with.len()), u64::try_from(without.len()));
            with.unwrap_or(0) * 10_000 / without.unwrap_or(1).max(1)
        });
        percentile(&sorted(shares.collect()), 50)
    }
}

impl Cost {
    /// The table.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build; the patients service itself, with audit and with `EHS_AUDIT=off`, {} turns of each, {} s of each \
             in all; load generator, gateways, PostgreSQL and both services on the same cores. PostgreSQL commits with `fsync` and \
             `synchronous_commit` on; here one commit alone takes {} ms at p50. Each figure is the middle one of the turns; a \
             turn is compared with the one beside it.\n",
            machine(),
            TURNS,
            self.manner.length.as_secs(),
            millis(self.commit)
        );
        text.push_str(
            "| asked | readers at once | p50 ms without | with | audit adds | p99 ms without | with | per second without | with | of its requests it keeps | CPU µs without: service | PostgreSQL, worker | with: service | PostgreSQL, worker |\n",
        );
        text.push_str(
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for compared in &self.comparisons {
            let (without, with) = (&compared.without, &compared.with);
            let seconds = self.manner.length.as_secs().max(1);
            let (cpu_without, cpu_with) = (without.cpu(), with.cpu());
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} % | {} | {} | {} | {} |",
                compared.asked.name(),
                compared.readers,
                millis(without.latency(50)),
                millis(with.latency(50)),
                millis(with.latency(50).saturating_sub(without.latency(50))),
                millis(without.latency(99)),
                millis(with.latency(99)),
                without.count() / seconds,
                with.count() / seconds,
                hundredths(compared.share()),
                cpu_without.0,
                cpu_without.1,
                cpu_with.0,
                cpu_with.1,
            );
        }
        text
    }
}

fn millis(micros: u64) -> String {
    hundredths(micros / 10)
}

fn sorted(mut values: Vec<u64>) -> Vec<u64> {
    values.sort_unstable();
    values
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn side(turns: &[usize], micros: u64) -> Side {
        Side { turns: turns.iter().map(|answers| vec![micros; *answers]).collect(), ..Side::default() }
    }

    #[test]
    fn a_disturbed_turn_does_not_count_and_drift_meets_both() {
        let without = side(&[1000, 500, 100], 300);
        let with = side(&[900, 450, 2], 500);
        let compared = Comparison { asked: Asked::Service, readers: 64, without, with };
        assert_eq!(compared.share(), 9_000);
        assert_eq!(compared.with.latency(50) - compared.without.latency(50), 200);
    }
}
