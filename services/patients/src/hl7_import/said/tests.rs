//! Whole messages, as entries of the history.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::history::kind::Kind;

fn said(message: &[u8]) -> Vec<Said> {
    let message = hl7::parse(message).unwrap();
    of(&hl7::read(&message).unwrap(), &message.header().unwrap(), chrono_tz::Asia::Kolkata, today())
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 27).unwrap()
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../../crates/hl7/fixtures/{name}.hl7", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn entries(message: &[u8]) -> (Vec<Entry>, Vec<String>) {
    let mut warnings = Vec::new();
    let entries = said(message).iter().filter_map(|said| said.checked(today(), &mut warnings)).collect();
    (entries, warnings)
}

fn text(value: Option<&chassis::phi::Phi<String>>) -> &str {
    value.map_or("", |value| value.expose())
}

#[test]
fn an_admission_gives_allergies_diagnoses_procedures_and_observations() {
    let (entries, warnings) = entries(&fixture("a01-clinical"));
    let shown: Vec<_> = entries
        .iter()
        .map(|e| (e.kind, text(e.code.as_ref()), e.status.as_str(), e.effective_date.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        shown,
        [
            (Kind::Allergy, "7980", "ACTIVE", "2019-03-01"),
            (Kind::Allergy, "PNUT", "ACTIVE", "2001"),
            (Kind::Condition, "I10", "ACTIVE", "2026-11-21"),
            (Kind::Condition, "E11.9", "ACTIVE", ""),
            (Kind::Condition, "", "ENTERED_IN_ERROR", ""),
            (Kind::Procedure, "29303009", "COMPLETED", "2026-11-21"),
            (Kind::Observation, "8480-6", "FINAL", "2026-11-21"),
            (Kind::Observation, "8462-4", "FINAL", "2026-11-21"),
        ],
        "{warnings:?}"
    );
    assert_eq!(text(entries[0].note.as_ref()), "Rash\nBreathless");
    assert_eq!((entries[0].severity.as_deref(), entries[1].severity.as_deref()), (Some("SEVERE"), Some("MODERATE")));
    let pressure = &entries[6];
    assert_eq!((text(pressure.value.as_ref()), pressure.unit.as_deref()), ("168", Some("mm[Hg]")));
    assert_eq!((text(pressure.reference_range.as_ref()), pressure.interpretation.as_deref()), ("90-140", Some("H")));
    assert_eq!(text(entries[7].note.as_ref()), "Left arm, sitting");
}

#[test]
fn results_keep_value_unit_range_flag_and_where_they_stood() {
    let message = fixture("r01-haematology");
    let found = said(&message);
    let haemoglobin = found.iter().find(|said| said.at == "OBX[2]").unwrap();
    assert_eq!(
        Json::Object(haemoglobin.places.clone()),
        serde_json::json!({"code": ["OBX[2]-3"], "value": ["OBX[2]-5"], "unit": ["OBX[2]-6"],
            "reference_range": ["OBX[2]-7"], "interpretation": ["OBX[2]-8", "OBX[2]-8[2]"], "status": ["OBX[2]-11"],
            "effective_date": ["OBX[2]-14"], "note": ["NTE[3]-3", "NTE[4]-3"]})
    );
    let (entries, warnings) = entries(&message);
    let values: Vec<_> = entries.iter().map(|e| (text(e.value.as_ref()), e.status.as_str())).collect();
    assert_eq!(
        values,
        [
            ("172", "FINAL"),
            ("", "FINAL"),
            ("9.20", "FINAL"),
            ("<0.5", "PRELIMINARY"),
            (">1000", "FINAL"),
            ("1:128", "CORRECTED"),
            ("3-5", "FINAL"),
            ("no organisms seen", "FINAL"),
            ("", "FINAL"),
            ("Blood group A Rh(D) positive", "FINAL"),
            ("pending", "UNKNOWN"),
            ("2026-10", "FINAL"),
            ("06:15", "FINAL"),
            ("one, two", "CANCELLED"),
            ("140", "PRELIMINARY"),
        ],
        "{warnings:?}"
    );
    let comment = entries.iter().find(|e| text(e.code.as_ref()) == "8251-1").unwrap();
    assert_eq!(text(comment.note.as_ref()), "first line\nsecond line & more");
}

#[test]
fn the_same_result_has_the_same_key_in_every_message_and_its_double_another() {
    let message = |control_id: &str, filler: &str, rest: &str| {
        format!(
            "MSH|^~\\&|LIS|LAB|E|E|||ORU^R01|{control_id}|P|2.5\rPID|1||7^^^A^MR\rOBR|1||{filler}|X\r\
             OBX|1|NM|718-7^Hb^LN||{rest}\rOBX|2|NM|718-7^Hb^LN||9\r"
        )
    };
    let keys = |control_id: &str, filler: &str, rest: &str| {
        said(message(control_id, filler, rest).as_bytes()).iter().map(|said| said.key).collect::<Vec<_>>()
    };
    let first = keys("1", "F-1", "13|g/dL");
    assert_ne!(first[0], first[1]);
    assert_eq!(keys("2", "F-1", "14|g/dL||||C"), first);
    assert_ne!(keys("1", "F-2", "13"), first);
    // Without a number of the order and without a time nothing says that it is the same result.
    assert_ne!(keys("1", "", "13"), keys("2", "", "13"));
}

#[test]
fn vaccinations_say_which_dose_was_given_or_refused() {
    let (entries, warnings) = entries(&fixture("v04-vaccination"));
    let given: Vec<_> = entries.iter().filter(|e| e.kind == Kind::Immunization).collect();
    assert_eq!(given.len(), 2, "{warnings:?}");
    assert_eq!((text(given[0].code.as_ref()), text(given[0].value.as_ref())), ("146", "0.5"));
    assert_eq!((given[0].unit.as_deref(), given[0].status.as_str()), (Some("mL"), "COMPLETED"));
    assert!(text(given[0].note.as_ref()).contains("LOT77"));
    assert_eq!(given[1].status, "NOT_DONE");
    assert!(text(given[1].note.as_ref()).contains("Parental decision"));
}

#[test]
fn a_time_with_an_offset_is_of_the_day_that_it_is_in_the_hospital() {
    let dated = |time: &str| {
        let (entries, warnings) = entries(
            format!(
                "MSH|^~\\&|LIS|LAB|E|E|||ORU^R01|1|P|2.5\rPID|1||7^^^A^MR\rOBR|1||F-1|X|||{time}\rNTE|1||x\r\
                 OBX|1|NM|718-7^Hb^LN||13||||||F\rOBX|2|NM|777-3^Plt^LN||150||||||F|||{time}\r"
            )
            .as_bytes(),
        );
        assert_eq!((entries.len(), warnings.len()), (3, 0), "{time}: {warnings:?}");
        let dates: Vec<_> = entries.into_iter().map(|e| e.effective_date.unwrap()).collect();
        assert!(dates.iter().all(|date| *date == dates[0]), "{dates:?}");
        dates[0].clone()
    };
    assert_eq!(dated("202611222030+0000"), "2026-11-23");
    assert_eq!(dated("202611230130+0900"), "2026-11-22");
    assert_eq!(dated("202611230130+0530"), "2026-11-23");
    // Without an offset, or without a time of day, nothing says that it is another.
    assert_eq!(dated("202611222030"), "2026-11-22");
    assert_eq!(dated("20261122+0000"), "2026-11-22");
    assert_eq!(dated("202611"), "2026-11");
    let (entries, _) = entries(
        b"MSH|^~\\&|H|A|E|E|||ADT^A08|1|P|2.5\rPID|1||7^^^A^MR\rAL1|1|DA|7980^P^RXNORM|SV||201903012030+0000\r\
          DG1|1||I10^H^I10||202611222030+0000\rPR1|1||29303009^E^SCT||202611222030+0000\r",
    );
    let dates: Vec<_> = entries.iter().filter_map(|e| e.effective_date.as_deref()).collect();
    assert_eq!(dates, ["2019-03-02", "2026-11-23", "2026-11-23"]);
}

#[test]
fn a_flag_is_kept_as_hl7_has_it_and_what_is_not_kept_is_told() {
    let flagged = |flags: &str| {
        let (entries, warnings) = entries(
            format!(
                "MSH|^~\\&|LIS|LAB|E|E|||ORU^R01|1|P|2.5\rPID|1||7^^^A^MR\rOBR|1||F-1|X\rOBX|1|NM|5196-1^HBsAg^LN||1|||{flags}|||F\r"
            )
            .as_bytes(),
        );
        (entries[0].interpretation.clone().unwrap_or_default(), warnings)
    };
    for flag in ["NR", "RR", "WR", "HU", "LU", "E", "NS", "SDD", "SYN-S", "W", "VS", "EXP", "NCL", "TOX", "h", "<"] {
        assert_eq!(flagged(flag), (flag.to_uppercase(), Vec::new()));
    }
    let other = "OBX-8: has a flag that is not of HL7 table 0078; left out".to_owned();
    assert_eq!(flagged("XYZ"), (String::new(), vec![other.clone()]));
    assert_eq!(flagged("XYZ~H"), ("H".to_owned(), vec![other]));
    let more = "OBX-8: has more than one flag; the history keeps the first".to_owned();
    assert_eq!(flagged("H~A"), ("H".to_owned(), vec![more]));
    assert_eq!(flagged("H~H"), ("H".to_owned(), Vec::new()));
}

#[test]
fn what_does_not_pass_the_histories_check_is_left_out_and_the_rest_is_taken() {
    let (entries, warnings) = entries(
        format!(
            "MSH|^~\\&|LIS|LAB|E|E|||ORU^R01|1|P|2.5\rPID|1||7^^^A^MR\rOBR|1||F-1|X\r\
         OBX|1|NM|718-9^Hb^LN||13|{}|<b>x</b>|??|||F|||20990101\rOBX|2|ST|NA^Sodium^L||Aadhaar 2341 2341 2346|||||F\r",
            "g".repeat(50)
        )
        .as_bytes(),
    );
    assert_eq!(entries.len(), 2, "{warnings:?}");
    let first = &entries[0];
    assert_eq!((text(first.display.as_ref()), text(first.value.as_ref())), ("Hb", "13"));
    assert_eq!((first.code_system.as_deref(), text(first.code.as_ref())), (Some("urn:ehs:hl7v2:LAB:LN"), "718-9"));
    assert!(first.unit.is_none() && first.reference_range.is_none() && first.effective_date.is_none());
    assert_eq!(text(entries[1].value.as_ref()), "");
    assert_eq!(
        (entries[1].code_system.as_deref(), text(entries[1].code.as_ref())),
        (Some("urn:ehs:hl7v2:LAB:L"), "NA")
    );
    assert!(warnings.iter().all(|warning| !warning.contains("2341")), "{warnings:?}");
}

#[test]
fn a_procedure_that_lies_ahead_is_in_preparation_and_keeps_its_date() {
    let procedure = |event: &str, performed: &str| {
        let message = format!(
            "MSH|^~\\&|HIS|APOLLO|E|E|20261127||ADT^{event}|1|P|2.5\rPID|1||7^^^A^MR||Raman^Lakshmi\r\
             PR1|1||29303009^Electrocardiogram^SCT||{performed}\r"
        );
        let (entries, warnings) = entries(message.as_bytes());
        assert_eq!(warnings, Vec::<String>::new(), "{event} {performed}");
        (entries[0].status.clone(), entries[0].effective_date.clone().unwrap_or_default())
    };
    for event in ["A01", "A08"] {
        for (performed, status, date) in [
            ("20261128", "PREPARATION", "2026-11-28"),
            ("202612", "PREPARATION", "2026-12"),
            ("2027", "PREPARATION", "2027"),
            // Tomorrow already, in the hospital.
            ("202611271900+0000", "PREPARATION", "2026-11-28"),
            ("20261127", "COMPLETED", "2026-11-27"),
            ("202611272359+0530", "COMPLETED", "2026-11-27"),
            ("2026", "COMPLETED", "2026"),
            ("", "COMPLETED", ""),
        ] {
            assert_eq!(procedure(event, performed), (status.to_owned(), date.to_owned()), "{event} {performed}");
        }
    }
    assert_eq!(procedure("A05", "20261120").0, "PREPARATION");
}
