//! Files that are exchanged while the gateway runs.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::shutdown::CancellationToken;

use super::{Current, Fault, Pair};
use crate::config::Tls;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);

const WARN_BELOW: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const WARN_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Takes a new pair once its files have stood unchanged from one look to the next, until `stop` is cancelled. A faulty
/// one is refused, told of once and counted; the old one serves on.
pub async fn watch(files: &Tls, current: &Arc<Current>, first: Pair, stop: CancellationToken) {
    let mut files = Files { files, taken: stamp(files), seen: stamp(files) };
    let mut expiry = Expiry { pair: first, warned: None };
    loop {
        expiry.tell();
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let outcome = match files.changed() {
            Some(Ok(pair)) => {
                current.exchange(pair.clone());
                expiry = Expiry { pair, warned: None };
                tracing::info!(days_left = expiry.days(), "a new certificate serves from now on");
                "taken"
            }
            Some(Err(fault)) => {
                tracing::error!(%fault, "the new certificate is refused, the old one serves on");
                "refused"
            }
            None => continue,
        };
        metrics::counter!("gateway_certificate_reloads_total", "outcome" => outcome).increment(1);
    }
}

/// What tells one state of both files from another; a file that is not there has a state too.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

fn stamp(files: &Tls) -> Stamp {
    let stamp = |about: Metadata| (about.ino(), about.len(), about.mtime(), about.mtime_nsec());
    [&files.certificate, &files.key].map(|path| std::fs::metadata(path).ok().map(stamp))
}

struct Files<'a> {
    files: &'a Tls,
    taken: Stamp,
    seen: Stamp,
}

impl Files<'_> {
    /// The pair, when the files changed and have come to rest: two files are not written in one moment.
    fn changed(&mut self) -> Option<Result<Pair, Fault>> {
        let (before, now) = (self.seen, stamp(self.files));
        self.seen = now;
        if now == self.taken || now != before {
            return None;
        }
        self.taken = now;
        Some(Pair::load(self.files))
    }
}

struct Expiry {
    pair: Pair,
    warned: Option<Instant>,
}

impl Expiry {
    fn days(&self) -> u64 {
        self.pair.left().as_secs() / (24 * 60 * 60)
    }

    /// Sets the metric, and warns once a day while little time is left.
    fn tell(&mut self) {
        let left = self.pair.left();
        metrics::gauge!("gateway_certificate_expires_seconds").set(left);
        let warned = self.warned.is_some_and(|at| at.elapsed() < WARN_EVERY);
        if left < WARN_BELOW && !warned {
            tracing::warn!(days_left = self.days(), "the certificate expires soon");
            self.warned = Some(Instant::now());
        }
    }
}
