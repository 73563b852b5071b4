//! Records to `Patient` resources, each checked against the profile's rules.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use chrono::{DateTime, NaiveDate};
use fhir::{AddressRecord, ContactRecord, Date, Deceased, Gender, PatientRecord, nrces, patient::patient};
use serde_json::Value;

fn whole() -> PatientRecord<'static> {
    PatientRecord {
        id: "48213",
        version: 3,
        last_updated: DateTime::from_timestamp(1_795_400_000, 123_000_000).unwrap(),
        active: true,
        patient_id: "EHS-2026-000481",
        former_ids: &[],
        patient_id_system: "https://ehs.example.in/patient-id",
        abha_number: Some("91712455301186"),
        abha_address: Some("rajesh.sharma75@abdm"),
        first_name: "Rajesh Kumar",
        last_name: "Sharma",
        birth_date: NaiveDate::from_ymd_opt(1975, 4, 12).map(Date::Day),
        gender: Gender::Male,
        phone: Some("+919840012345"),
        email: Some("rajesh.sharma@example.in"),
        address: Some(AddressRecord {
            line1: "14 Gandhi Nagar 2nd Main Road",
            line2: "Adyar",
            city: "Chennai",
            district: "Chennai",
            state: "Tamil Nadu",
            pin_code: "600020",
            country: "India",
        }),
        emergency_contact: Some(ContactRecord { name: "Sunita Sharma", relationship: "Wife", phone: "+919840054321" }),
        preferred_language: Some("ta"),
        deceased: None,
    }
}

/// Only what a record must have, and blanks where a form leaves them.
fn bare() -> PatientRecord<'static> {
    PatientRecord {
        id: "1",
        version: 1,
        abha_number: None,
        abha_address: Some(""),
        first_name: "लक्ष्मी",
        last_name: "",
        birth_date: Some(Date::Year(1960)),
        gender: Gender::Unknown,
        phone: Some("  "),
        email: None,
        address: Some(AddressRecord { country: "India", ..AddressRecord::default() }),
        emergency_contact: Some(ContactRecord::default()),
        preferred_language: Some(""),
        active: false,
        ..whole()
    }
}

fn written(record: &PatientRecord<'_>) -> Value {
    let resource = serde_json::to_value(patient(record)).unwrap();
    assert_eq!(nrces::patient_breaches(&resource), []);
    resource
}

#[test]
fn a_whole_record() {
    insta::assert_json_snapshot!(written(&whole()));
}

#[test]
fn a_bare_record() {
    insta::assert_json_snapshot!(written(&bare()));
}

#[test]
fn a_date_says_no_more_than_is_known() {
    let born = |date| written(&PatientRecord { birth_date: Some(date), ..whole() })["birthDate"].clone();
    assert_eq!(born(Date::Year(1975)), "1975");
    assert_eq!(born(Date::Month(1975, 4)), "1975-04");
    assert!(written(&PatientRecord { birth_date: None, ..whole() }).get("birthDate").is_none());
}

#[test]
fn a_death_is_a_time_or_a_fact() {
    let dead = |deceased| written(&PatientRecord { deceased: Some(deceased), ..whole() });
    assert_eq!(dead(Deceased::Yes)["deceasedBoolean"], true);
    assert_eq!(dead(Deceased::No)["deceasedBoolean"], false);
    assert_eq!(dead(Deceased::On(Date::Month(2026, 11)))["deceasedDateTime"], "2026-11");
    let at = DateTime::parse_from_rfc3339("2026-11-22T02:40:00+05:30").unwrap();
    assert_eq!(dead(Deceased::At(at))["deceasedDateTime"], "2026-11-22T02:40:00+05:30");
}

#[test]
fn debug_shows_no_content() {
    assert_eq!(format!("{:?}", whole()), r#"PatientRecord { id: "48213", .. }"#);
}

#[test]
fn numbers_of_merged_records_are_old_ones() {
    let former = ["EHS-2025-000007".to_owned(), " ".to_owned()];
    let resource = written(&PatientRecord { former_ids: &former, ..whole() });
    let identifiers = resource["identifier"].as_array().unwrap();
    let uses: Vec<&Value> = identifiers.iter().map(|identifier| &identifier["use"]).collect();
    assert_eq!(uses, ["usual", "official", "official", "old"]);
    assert_eq!(
        (&identifiers[3]["value"], &identifiers[3]["system"]),
        (&"EHS-2025-000007".into(), &identifiers[0]["system"])
    );
}
