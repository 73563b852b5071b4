//! How many messages a second one core parses and maps: `cargo bench -p hl7`.
//!
//! Of ADT at least 2,000 are wanted; the command fails below that. Time is what the thread spent on a core, where the system
//! tells it: a machine that is busy with something else does not change the answer.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Each kind is measured for this long, on the core.
const SPAN: Duration = Duration::from_secs(3);
/// ADT messages a second.
const WANTED: u128 = 2_000;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to whoever ran it")]
fn main() -> ExitCode {
    let kinds: [(&str, &[&str]); 4] = [
        (
            "ADT, demographics",
            &["a01-admission", "a04-devanagari", "a08-deletions", "a28-latin1", "a31-several-addresses"],
        ),
        ("ADT with diagnoses, allergies, observations", &["a01-clinical"]),
        ("ORU^R01, two orders, thirteen results", &["r01-haematology"]),
        ("SIU^S12 and VXU^V04", &["s12-appointment", "v04-vaccination"]),
    ];
    println!("| messages | bytes | per second | µs each |\n| --- | ---: | ---: | ---: |");
    let mut slowest_adt = u128::MAX;
    for (name, fixtures) in kinds {
        let messages = match read(fixtures) {
            Ok(messages) => messages,
            Err(fault) => {
                eprintln!("{name}: {fault}");
                return ExitCode::from(2);
            }
        };
        let rate = rate(&messages);
        let bytes: usize = messages.iter().map(Vec::len).sum::<usize>() / messages.len().max(1);
        println!("| {name} | {bytes} | {rate} | {} |", 1_000_000 / rate.max(1));
        if name.starts_with("ADT") {
            slowest_adt = slowest_adt.min(rate);
        }
    }
    if slowest_adt >= WANTED { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(fixtures: &[&str]) -> std::io::Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    fixtures.iter().map(|name| std::fs::read(folder.join(format!("{name}.hl7")))).collect()
}

/// Messages a second, parsed, mapped and acknowledged on this thread.
fn rate(messages: &[Vec<u8>]) -> u128 {
    let (started, mut count) = (on_core(), 0_u128);
    let at = chrono::DateTime::UNIX_EPOCH;
    let mut spent = Duration::ZERO;
    while spent < SPAN {
        for bytes in std::iter::repeat_n(messages, 100).flatten() {
            let message = hl7::parse(black_box(bytes));
            let content = message.as_ref().map(hl7::read);
            let header = message.as_ref().map(hl7::Message::header);
            if let (Ok(Ok(header)), Ok(Ok(content))) = (header, content) {
                black_box(hl7::ack::acknowledge(&header, hl7::AckCode::AA, "ACK-1", at, None));
                black_box(content);
                count += 1;
            }
        }
        spent = on_core().saturating_sub(started);
    }
    count * 1_000_000 / spent.as_micros().max(1)
}

/// How long this thread has been on a core; elsewhere than on Linux how long the program has run.
fn on_core() -> Duration {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let started = *STARTED;
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedule.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| started.elapsed(), Duration::from_nanos)
}
