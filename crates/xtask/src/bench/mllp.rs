//! HL7 messages over MLLP: each stored, applied and acknowledged before its sender sends the next.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::cpu::{Meter, Meters};
use super::report::{hundredths, machine, percentile};
use super::{Bench, Manner};
use crate::home::port;
use crate::mllp;
use crate::seed::people::{Person, person};

/// Nobody who is seeded has so high a number.
const NEWCOMERS: u64 = 100_000_000;

/// What was measured.
pub struct Rate {
    latencies: Vec<u64>,
    took: Duration,
    cpu: Vec<(&'static str, u64)>,
    manner: Manner,
}

/// Sends from as many senders as there are connections, each as fast as it is acknowledged.
pub async fn measure(bench: &Bench<'_>) -> Result<Rate> {
    let meters = Meters::new(vec![
        ("worker of patients", Meter::alone(bench.process("patients-worker")?)),
        ("PostgreSQL", Meter::with_children(bench.process("postgres")?)),
    ]);
    let (address, manner) = (bench.home.port(port::MLLP), bench.manner);
    say!("measuring: HL7 messages over MLLP");
    send(address, manner.concurrency, manner.length / 5, "W").await?; // pools warm up unmeasured
    let before = meters.read();
    let begun = Instant::now();
    let mut latencies = send(address, manner.concurrency, manner.length, "M").await?;
    let took = begun.elapsed();
    let cpu = meters.since(&before);
    latencies.sort_unstable();
    Ok(Rate { latencies, took, cpu, manner })
}

/// Microseconds from each message's first byte to its acknowledgment's last.
async fn send(address: u16, senders: usize, length: Duration, run: &'static str) -> Result<Vec<u64>> {
    let until = Instant::now() + length;
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    let mut all = JoinSet::new();
    for sender in 0..senders {
        let (stream, first) = (mllp::connect(address).await?, NEWCOMERS + u64::try_from(sender)? * 1_000_000);
        all.spawn(one(stream, format!("{run}{moment}-{sender}"), first, until));
    }
    let mut latencies = Vec::new();
    while let Some(of_one) = all.join_next().await {
        latencies.extend(of_one??);
    }
    ensure!(!latencies.is_empty(), "no message was acknowledged");
    Ok(latencies)
}

async fn one(mut stream: TcpStream, name: String, first: u64, until: Instant) -> Result<Vec<u64>> {
    stream.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut number = 0_u64;
    while Instant::now() < until {
        let sent = message(&name, number, first);
        let begun = Instant::now();
        let heard = mllp::exchange(&mut stream, &sent).await?;
        latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        ensure!(heard.contains(&format!("MSA|AA|{name}-{number}\r")), "acknowledged otherwise: {heard}");
        number += 1;
    }
    Ok(latencies)
}

/// A registration, and then an update of the same patient with an allergy, and so on: half of each. Names and phones are those
/// of seeded patients, from the `first` on.
fn message(name: &str, number: u64, first: u64) -> String {
    let (event, patient) = (if number.is_multiple_of(2) { "A04" } else { "A08" }, number / 2);
    let Person { first, last, phone, .. } = person(first + patient);
    let street = if event == "A04" { "12 Gandhi Road" } else { "7 Marina Street" };
    let clinical = if event == "A08" { "AL1|1|DA|7980^Penicillin G^RXNORM|SV|Rash\r" } else { "" };
    format!(
        "MSH|^~\\&|HIS|BENCH|EHS|EHS|20261123091500+0530||ADT^{event}^ADT_A01|{name}-{number}|P|2.5.1||||||UNICODE UTF-8\r\
         EVN|{event}|20261123091500+0530\r\
         PID|1||{name}-{patient}^^^BENCH^MR||{last}^{first}||19800412|F|||{street}^^Chennai^Tamil Nadu^600001^IN||^PRN^CP^^91^^{phone}||ta\r\
         NK1|1|{last}^Karthik|SPO^Spouse||9840012345\rPV1|1|O|OPD^12\r{clinical}"
    )
}

impl Rate {
    /// The table.
    pub fn markdown(&self) -> String {
        let count = u64::try_from(self.latencies.len()).unwrap_or(u64::MAX);
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build, {} connections, {} s; registrations and updates with an allergy in turns, each stored, applied and \
             acknowledged with AA before the next; load generator, PostgreSQL and all services on the same cores.\n",
            machine(),
            self.manner.concurrency,
            self.manner.length.as_secs()
        );
        let _ = write!(text, "| messages | per second | p50 ms | p99 ms |");
        for (name, _) in &self.cpu {
            let _ = write!(text, " CPU µs per message: {name} |");
        }
        text.push_str("\n| ---: | ---: | ---: | ---: | ---: | ---: |\n");
        let _ = write!(
            text,
            "| {count} | {} | {} | {} |",
            count.saturating_mul(1000) / millis,
            hundredths(percentile(&self.latencies, 50) / 10),
            hundredths(percentile(&self.latencies, 99) / 10)
        );
        for (_, micros) in &self.cpu {
            let _ = write!(text, " {} |", micros / count.max(1));
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_message_updates_the_patient_of_the_one_before() {
        let (first, second) = (message("M", 6, 0), message("M", 7, 0));
        assert!(first.contains("ADT^A04^") && first.contains("|M-6|P|") && first.contains("|M-3^^^BENCH^MR|"));
        assert!(second.contains("ADT^A08^") && second.contains("|M-7|P|") && second.contains("|M-3^^^BENCH^MR|"));
    }

    #[test]
    fn the_rate_is_that_of_the_whole_time() {
        let rate = Rate {
            latencies: vec![1000; 600],
            took: Duration::from_secs(2),
            cpu: vec![("worker of patients", 600_000), ("PostgreSQL", 1_200_000)],
            manner: Manner { length: Duration::from_secs(2), concurrency: 4 },
        };
        assert!(rate.markdown().ends_with("| 600 | 300 | 1.00 | 1.00 | 1000 | 2000 |\n"), "{}", rate.markdown());
    }
}
