//! Messages made to do harm: each is refused or read in bounded time and memory, and never with a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use hl7::mllp::{FrameFault, FrameReader};
use hl7::{Content, MAX_BYTES, MAX_FIELDS, MAX_REPETITIONS, MAX_SEGMENTS, Reason, parse};

const MSH: &str = "MSH|^~\\&|H|A|E|E|||ADT^A08|1|P|2.5";

/// Far more than any of these takes, and far less than what grows with the square of the size would.
const SOON: Duration = Duration::from_secs(20);

fn soon<T>(what: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let value = what();
    assert!(started.elapsed() < SOON, "took {:?}", started.elapsed());
    value
}

fn reason(text: &str) -> Reason {
    soon(|| parse(text.as_bytes()).unwrap_err().reason)
}

fn content(text: &str) -> Content {
    soon(|| hl7::read(&parse(text.as_bytes()).unwrap()).unwrap())
}

#[test]
fn a_hundred_thousand_segments_are_refused() {
    assert_eq!(reason(&format!("{MSH}\r{}", "NTE|1\r".repeat(100_000))), Reason::TooManySegments);
    assert_eq!(reason(&format!("{MSH}\r{}", "NTE|1|||||||\r".repeat(100_000))), Reason::TooLarge);
}

#[test]
fn as_many_segments_as_may_be_are_read() {
    let results = |segment: &str| {
        let msh = MSH.replace("ADT^A08", "ORU^R01");
        let text = format!("{msh}\rPID|1||7||A^B\rOBR|1\r{}", segment.repeat(MAX_SEGMENTS - 3));
        let Content::Results(results) = content(&text) else { panic!() };
        (results.reports[0].observations.len(), results.reports[0].notes.len(), results.warnings.len())
    };
    assert_eq!(results("OBX|1|NM|1-1||5\r"), (MAX_SEGMENTS - 3, 0, 0));
    assert_eq!(results("NTE|1||x\r"), (0, MAX_SEGMENTS - 3, 0));
    // Each has a fault of its own place: warnings are bounded too.
    let (_, _, warnings) = results("OBX|1|NM|1-1||five|||||||||soon\r");
    assert_eq!(warnings, 100);
    let Content::Adt(adt) = content(&format!("{MSH}\rPID|1||7\r{}", "NK1|1|A^B|SPO\r".repeat(MAX_SEGMENTS - 2))) else {
        panic!()
    };
    assert_eq!(adt.patient.contacts.len(), MAX_SEGMENTS - 2);
}

#[test]
fn repetitions_are_bounded_and_what_is_left_of_them_is_read() {
    assert_eq!(reason(&format!("{MSH}\rPID|1||{}", "7~".repeat(500_000))), Reason::TooManyRepetitions);
    assert_eq!(reason(&format!("{MSH}\rPID{}", "|".repeat(500_000))), Reason::TooManyFields);
    let many: Vec<String> = (0..MAX_REPETITIONS).map(|n| format!("{n}^^^A{n}&1.{n}&ISO^MR")).collect();
    let field = many.join("~");
    let line = format!("|{field}").repeat(20);
    let Content::Adt(adt) = content(&format!("{MSH}\rPID|1|{line}")) else { panic!() };
    // PID-2 to PID-4 say the same; PID-19 and PID-20 add the first with types of their own.
    assert_eq!(adt.patient.identifiers.len(), MAX_REPETITIONS + 2);
    let row = format!("\rPID|1||7{}", "|~~~~".repeat(MAX_FIELDS - 3));
    content(&format!("{MSH}{row}"));
}

#[test]
fn components_without_end_cost_no_more_than_their_bytes() {
    let room = MAX_BYTES / 4;
    for mark in ["^", "&", "^&", "\\", "\\E", "\\X41", "\\.sp9\\", "\"\"^", "A^"] {
        let text = format!("{MSH}\rPID|1||7||{}", mark.repeat(room / mark.len()));
        content(&text);
        let text = format!("{MSH}\rPID|1||7\rOBX|1|CWE|1||{}", mark.repeat(room / mark.len()));
        content(&text);
    }
}

#[test]
fn escapes_in_escapes_are_read_once() {
    let text = |pid5: &str| {
        let Content::Adt(adt) = content(&format!("{MSH}\rPID|1||7||{pid5}")) else { panic!() };
        adt.patient.name.into_value().unwrap().family
    };
    assert_eq!(text(r"\E\F\E\^A"), r"\F\");
    assert_eq!(text(r"\E\X41\E\^A"), r"\X41\");
    assert_eq!(text(r"\X5C\F\X5C\^A"), r"\F\");
    assert_eq!(text(r"\F\F\F\^A"), "|F|");
    assert_eq!(text(r"\X5C465C\^A"), r"\F\");
    assert_eq!(text(r"R\T^A"), r"R\T");
}

#[test]
fn a_frame_of_a_gigabyte_is_refused_with_the_first_byte_too_many() {
    let mut reader = FrameReader::new(MAX_BYTES);
    let most = vec![b'A'; MAX_BYTES];
    assert_eq!(reader.read(&mut b"\x0B".as_slice()), Ok(None));
    assert_eq!(reader.read(&mut most.as_slice()), Ok(None));
    assert_eq!(reader.read(&mut b"A".as_slice()), Err(FrameFault::TooLarge));
    soon(|| (0..32).for_each(|_| assert_eq!(reader.read(&mut most.as_slice()), Ok(None))));
    let next = hl7::mllp::frame(MSH.as_bytes());
    let rest = [b"\x1C\r".as_slice(), &next].concat();
    assert_eq!(reader.read(&mut rest.as_slice()).unwrap().unwrap(), MSH.as_bytes());
}

#[test]
fn a_batch_of_batches_is_bounded() {
    let headers = "BHS|^~\\&\r".repeat(1_000_000);
    soon(|| assert_eq!(hl7::batch::split(headers.as_bytes()).unwrap_err().reason, Reason::Empty));
    let lines = format!("BHS|^~\\&\r{MSH}\r{}", "PID|1\r".repeat(1_000_000));
    let batch = soon(|| hl7::batch::split(lines.as_bytes()).unwrap());
    assert_eq!(batch.messages.len(), 1);
    assert_eq!(parse(batch.messages[0]).unwrap_err().reason, Reason::TooLarge);
}
