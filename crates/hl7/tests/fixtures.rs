//! What is read out of each fixture, and that no bytes make the crate panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;

use hl7::adt::{AdtMessage, Change, Gender};
use hl7::{AckCode, Content, header_lossy, parse};
use proptest::prelude::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.hl7"))).unwrap()
}

fn adt(name: &str) -> AdtMessage {
    hl7::adt::read(&parse(&fixture(name)).unwrap()).unwrap()
}

fn content(name: &str) -> Content {
    hl7::read(&parse(&fixture(name)).unwrap()).unwrap()
}

macro_rules! reads {
    ($($test:ident: $name:literal,)+) => {$(
        #[test]
        fn $test() {
            insta::assert_json_snapshot!($name, content($name));
        }
    )+};
}

reads! {
    an_admission: "a01-admission",
    a_discharge_of_one_who_died: "a03-discharge-death",
    a_name_of_one_word: "a04-one-word-name",
    a_name_in_devanagari: "a04-devanagari",
    separators_of_its_own: "a05-preadmission-separators",
    deletions: "a08-deletions",
    latin_1: "a28-latin1",
    several_names_and_addresses: "a31-several-addresses",
    a_merge: "a40-merge",
    what_care_was_given: "a01-clinical",
    results: "r01-haematology",
    an_appointment: "s12-appointment",
    an_appointment_cancelled: "s15-cancelled",
    vaccinations: "v04-vaccination",
}

#[test]
fn the_one_that_matters_is_found_among_several() {
    let patient = adt("a01-admission").patient;
    assert_eq!(patient.medical_record().unwrap().value, "SH-0048213");
    assert_eq!(patient.abha_number().unwrap(), "91712455301186");
    assert_eq!(patient.abha_address().unwrap(), "rajesh.sharma75@abdm");
    assert_eq!(patient.phone(), Change::Set("+919840012345"));
    assert_eq!(patient.name.value().unwrap().first_name(), "Rajesh Kumar");
    assert_eq!(patient.gender, Change::Set(Gender::Male));
    assert_eq!(adt("a04-one-word-name").patient.medical_record().unwrap().value, "MEL/2026/0771");
}

#[test]
fn a_damaged_message_gets_a_reason_and_can_be_answered() {
    let refusal = |name: &str| {
        let bytes = fixture(name);
        let fault = parse(&bytes).and_then(|message| hl7::adt::read(&message)).unwrap_err();
        let header = header_lossy(&bytes).unwrap();
        let ack = hl7::ack::refuse(&header, fault.acknowledgment(), &fault, "EHS-1", chrono::DateTime::UNIX_EPOCH);
        assert!(parse(ack.as_bytes()).unwrap().header().is_ok());
        assert!(ack.contains("|SARASWATI HOSPITAL|"));
        (fault.acknowledgment(), fault.to_string(), header.control_id)
    };
    let (code, reason, control_id) = refusal("damaged-no-control-id");
    assert_eq!((code, reason.as_str(), control_id.as_str()), (AckCode::AE, "MSH-10: a required field is empty", ""));
    let (code, reason, control_id) = refusal("damaged-broken-line");
    assert_eq!(code, AckCode::AE);
    assert_eq!(reason, "segment 4: a line does not begin with a segment name");
    assert_eq!(control_id, "SH20261122-0140");
    assert_eq!(refusal("damaged-no-patient").1, "PID: a required segment is missing");
}

#[test]
fn what_is_not_taken_here_is_refused() {
    let refusal = |msh9: &str, rest: &str| {
        let text = format!("MSH|^~\\&|H|A|E|E|||{msh9}|1|P|2.5\r{rest}");
        let fault = hl7::adt::read(&parse(text.as_bytes()).unwrap()).unwrap_err();
        (fault.acknowledgment().as_str(), fault.to_string())
    };
    assert_eq!(refusal("ORU^R01", "PID|||7").0, "AR");
    assert_eq!(refusal("ADT^A17", "PID|||7").1, "MSH-9: messages for this event are not read here");
    assert_eq!(refusal("ADT^A04", "PID|||\"\"||A^B").1, "PID-3: a required field is empty");
    assert_eq!(refusal("ADT^A40", "PID|||7").1, "MRG: a required segment is missing");
    assert_eq!(refusal("ADT^A40", "PID|||7\rMRG|").0, "AE");
}

#[test]
fn what_is_read_can_be_written_again() {
    for name in ["a01-admission", "a05-preadmission-separators", "a28-latin1", "r01-haematology"] {
        let message = parse(&fixture(name)).unwrap();
        assert_eq!(parse(&message.to_bytes()).unwrap(), message, "{name}");
    }
}

#[test]
fn another_patients_results_are_not_this_ones() {
    let both = "MSH|^~\\&|H|A|E|E|||ORU^R01|1|P|2.5\rPID|1||7\rOBR|1\rOBX|1|NM|A||1\rPID|2||8\rOBR|1\rOBX|1|NM|B||2";
    let Content::Results(results) = hl7::read(&parse(both.as_bytes()).unwrap()).unwrap() else { panic!() };
    assert_eq!(results.reports.len(), 1);
    assert_eq!(results.reports[0].observations.len(), 1);
    assert_eq!(results.warnings[0].location, "PID");
}

#[test]
fn each_patient_of_a_message_is_read_and_keeps_its_places() {
    let each = |text: &str| hl7::read_each(&parse(text.as_bytes()).unwrap());
    let both = "MSH|^~\\&|H|A|E|E|||ORU^R01|1|P|2.5\rPID|1||7\rOBR|1\rOBX|1|NM|A||1\rPID|2||8\rOBR|1\rOBX|1|NM|B||2";
    let read: Vec<_> = each(both)
        .unwrap()
        .into_iter()
        .map(|content| {
            let Content::Results(results) = content else { panic!() };
            assert!(results.reports.len() == 1 && results.warnings.iter().all(|warning| warning.location != "PID"));
            let of = &results.reports[0].observations[0];
            let place = of.sources.of("values").next().unwrap().to_string();
            (results.patient.identifiers[0].value.clone(), of.code.display().to_owned(), place)
        })
        .collect();
    let expected = [("7", "A", "OBX-5"), ("8", "B", "OBX[2]-5")];
    assert_eq!(read, expected.map(|(id, code, place)| (id.to_owned(), code.to_owned(), place.to_owned())));

    let merges = "MSH|^~\\&|H|A|E|E|||ADT^A40|1|P|2.5\rEVN|A40\rPID|1||7\rMRG|6\rPID|2||9\rMRG|8";
    let goes: Vec<String> = each(merges)
        .unwrap()
        .into_iter()
        .map(|content| {
            let Content::Adt(adt) = content else { panic!() };
            adt.merged_identifiers[0].value.clone()
        })
        .collect();
    assert_eq!(goes, ["6", "8"]);
    // Each needs what the first needs; and other messages speak of one.
    let fault = |text: &str| each(text).unwrap_err();
    assert_eq!(fault(&merges.replace("\rMRG|6", "")).to_string(), "MRG: a required segment is missing");
    assert_eq!(fault(&both.replace("PID|2||8", "PID|2")).to_string(), "PID-3: a required field is empty");
    let others = ["ADT^A08", "VXU^V04"].map(|kind| fault(&merges.replace("ADT^A40", kind)));
    assert!(others.iter().all(|fault| fault.reason == hl7::Reason::TooManyPatients), "{others:?}");
    assert_eq!(others[0].acknowledgment(), AckCode::AE);
    let many = format!("MSH|^~\\&|H|A|E|E|||ORU^R01|1|P|2.5\r{}", "PID|1||7\r".repeat(hl7::MAX_PATIENTS + 1));
    assert_eq!(fault(&many).reason, hl7::Reason::TooManyPatients);
    assert_eq!(fault(&merges.replace("ADT^A40", "ADT^A17")).acknowledgment(), AckCode::AR);
}

#[test]
fn a_fact_says_where_it_was_found() {
    let Content::Results(results) = content("r01-haematology") else { panic!() };
    let place = |sources: &hl7::Sources, fact: &str| sources.of(fact).map(|p| p.to_string()).collect::<Vec<_>>();
    let report = &results.reports[0];
    assert_eq!(place(&report.sources, "placer"), ["ORC-2"]);
    assert_eq!(place(&report.observations[0].sources, "flags"), ["OBX[2]-8", "OBX[2]-8[2]"]);
    assert_eq!(place(&report.observations[1].sources, "effective"), ["OBR-7"]);
    assert_eq!(place(&report.observations[0].notes[1].sources, "text"), ["NTE[4]-3"]);
    assert_eq!(place(&results.patient.sources, "name"), ["PID-5"]);
}

#[test]
fn a_frame_makes_no_difference() {
    let framed = [b"\x0B".as_slice(), &fixture("a01-admission"), b"\x1C\r"].concat();
    assert_eq!(parse(&framed).unwrap(), parse(&fixture("a01-admission")).unwrap());
}

/// Reads the bytes every way there is.
fn read_everything(bytes: &[u8]) {
    let header = header_lossy(bytes);
    let read = parse(bytes).and_then(|message| {
        for segment in message.segments() {
            for field in (0..=45).map(|number| segment.field(number)) {
                for repetition in field.repetitions() {
                    (0..=8).for_each(|number| drop(repetition.component(number).subcomponent(2)));
                }
            }
        }
        hl7::read_each(&message)
    });
    if let (Some(header), Err(fault)) = (header, read) {
        hl7::ack::refuse(&header, fault.acknowledgment(), &fault, "1", chrono::DateTime::UNIX_EPOCH);
    }
}

fn any_fixture() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        "a01-admission",
        "a04-devanagari",
        "a05-preadmission-separators",
        "a28-latin1",
        "a40-merge",
        "a01-clinical",
        "r01-haematology",
        "s12-appointment",
        "v04-vaccination",
    ])
    .prop_map(fixture)
}

proptest! {
    #[test]
    fn a_message_that_was_read_is_written_as_it_was_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for set in ["", "8859/1", "8859/15"] {
            let start = format!("MSH|^~\\&|A|B|C|D|||ADT^A08|1|P|2.5||||||{set}\rPID|1||");
            if let Ok(message) = parse(&[start.as_bytes(), &bytes].concat()) {
                prop_assert_eq!(parse(&message.to_bytes()).unwrap(), message);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_everything(&bytes);
        read_everything(&[b"MSH|^~\\&|".as_slice(), &bytes].concat());
        for kind in ["ADT^A08", "ORU^R01", "SIU^S12", "VXU^V04"] {
            let start = format!("MSH|^~\\&|A|B|C|D|||{kind}|1|P|2.5\rPID|1||7\rSCH|1\rOBR|1\rRXA|||||9\rOBX|");
            read_everything(&[start.as_bytes(), &bytes].concat());
        }
    }

    #[test]
    fn a_message_with_bytes_changed_is_a_message_or_a_fault(
        mut bytes in any_fixture(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        end in any::<prop::sample::Index>(),
    ) {
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        read_everything(&bytes);
        read_everything(bytes.get(..end.index(bytes.len())).unwrap());
    }

    #[test]
    fn a_name_comes_out_as_it_went_in(given in r"[A-Za-z\u{905}-\u{939}|^~&\\]{1,20}", family in r"[A-Z\u{B85}-\u{BB9}|^~&\\]{1,20}") {
        let escaped = |text: &str| text.chars().map(|c| match c {
            '|' => r"\F\".to_owned(),
            '^' => r"\S\".to_owned(),
            '~' => r"\R\".to_owned(),
            '&' => r"\T\".to_owned(),
            '\\' => r"\E\".to_owned(),
            c => c.to_string(),
        }).collect::<String>();
        let text = format!("MSH|^~\\&|H|A|E|E|||ADT^A08|1|P|2.5\rPID|||7||{}^{}", escaped(&family), escaped(&given));
        let name = hl7::adt::read(&parse(text.as_bytes()).unwrap()).unwrap().patient.name.into_value().unwrap();
        prop_assert_eq!((name.given, name.family), (given, family));
    }
}
