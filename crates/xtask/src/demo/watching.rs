//! Act 6: the trace of the visit's end, as `cargo xtask trace` shows it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::home::Home;
use crate::trace;

/// Spans travel in batches, a few seconds apart.
const BOUND: Duration = Duration::from_secs(30);
/// Whom the trace must have passed.
const STATIONS: [&str; 3] = ["gateway", "appointments", "billing"];

/// Waits until the trace is whole, and prints it.
pub async fn trace(home: &Home, id: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let missing = missing(home, id);
        if missing.is_empty() {
            return trace::show(home, id, None);
        }
        if began.elapsed() > BOUND {
            let _ = trace::show(home, id, None); // whatever there is helps to see what is not
            bail!("the trace {id} shows nothing of: {}", missing.join(", "));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn missing(home: &Home, id: &str) -> Vec<&'static str> {
    let spans = trace::spans(home, id);
    let mut missing: Vec<&'static str> =
        STATIONS.into_iter().filter(|station| !spans.iter().any(|span| span.service.contains(station))).collect();
    if !spans.iter().any(|span| span.kind == trace::Kind::Consumer) {
        missing.push("a consumed message");
    }
    if !spans.iter().any(|span| span.kind == trace::Kind::Client && span.service.contains("appointments")) {
        missing.push("PostgreSQL");
    }
    missing
}
