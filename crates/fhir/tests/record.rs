//! Whole records to bundles: every resource keeps the rules, every reference resolves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use chrono::{DateTime, TimeDelta, Utc};
use fhir::document::{DocumentRequest, Missing, document};
use fhir::everything::{Page, everything};
use fhir::{
    AddressRecord, Bundle, Date, DocumentRecord, DocumentType, EntryKind, EntryRecord, Gender, HospitalRecord, Naming,
    PatientRecord, StaffRecord, VisitRecord, WholeRecord, check,
};
use proptest::prelude::*;
use serde_json::Value;

const SNOMED_CT: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const ICD_10: &str = "http://hl7.org/fhir/sid/icd-10";

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_400_000, 0).unwrap() + TimeDelta::hours(hours)
}

fn patient() -> PatientRecord<'static> {
    PatientRecord {
        id: "7",
        version: 2,
        last_updated: at(0),
        active: true,
        patient_id: "P00007",
        former_ids: &[],
        patient_id_system: "urn:ehs:patient-id",
        abha_number: Some("91123456789012"),
        abha_address: Some("lakshmi.r@abdm"),
        first_name: "Lakshmi",
        last_name: "Raman",
        birth_date: Some(Date::Year(1980)),
        gender: Gender::Female,
        phone: Some("+919876543210"),
        email: None,
        address: Some(AddressRecord { city: "Chennai", ..AddressRecord::default() }),
        emergency_contact: None,
        preferred_language: Some("ta"),
        deceased: None,
    }
}

fn entry(
    id: i64,
    kind: EntryKind,
    status: &'static str,
    code: (&'static str, &'static str, &'static str),
) -> EntryRecord<'static> {
    EntryRecord {
        id,
        kind,
        version: 1,
        recorded: at(-2),
        last_updated: at(-1),
        code_system: Some(code.0),
        code: Some(code.1),
        display: Some(code.2),
        status,
        effective_date: Some("2026-11-20"),
        value: None,
        unit: None,
        severity: None,
        interpretation: None,
        reference_range: None,
        note: None,
        author: Some(2),
    }
}

/// One of everything.
fn whole() -> WholeRecord<'static> {
    let uncoded = |id, kind, status, display| EntryRecord {
        code_system: None,
        code: None,
        display: Some(display),
        effective_date: None,
        author: None,
        ..entry(id, kind, status, ("", "", ""))
    };
    let entries = vec![
        EntryRecord {
            severity: Some("MODERATE"),
            note: Some("Since the monsoon"),
            ..entry(1, EntryKind::Condition, "ACTIVE", (SNOMED_CT, "195967001", "Asthma"))
        },
        entry(2, EntryKind::Condition, "RESOLVED", (ICD_10, "A90", "Dengue fever")),
        EntryRecord {
            severity: Some("SEVERE"),
            ..entry(3, EntryKind::Allergy, "ACTIVE", (SNOMED_CT, "91936005", "Allergy to penicillin"))
        },
        EntryRecord { severity: Some("HIGH"), ..uncoded(4, EntryKind::Allergy, "INACTIVE", "Peanuts") },
        EntryRecord {
            value: Some("500"),
            unit: Some("mg"),
            ..entry(5, EntryKind::Medication, "ACTIVE", (SNOMED_CT, "387517004", "Paracetamol"))
        },
        EntryRecord { value: Some("1-0-1"), ..uncoded(6, EntryKind::Medication, "STOPPED", "Triphala") },
        EntryRecord {
            value: Some("120/80"),
            unit: Some("mmHg"),
            ..entry(7, EntryKind::Observation, "FINAL", (LOINC, "85354-9", "Blood pressure panel"))
        },
        EntryRecord {
            value: Some("61.5"),
            unit: Some("kg"),
            ..entry(8, EntryKind::Observation, "FINAL", (LOINC, "29463-7", "Body weight"))
        },
        EntryRecord {
            value: Some("7.9"),
            unit: Some("%"),
            interpretation: Some("H"),
            reference_range: Some("4.0-5.6"),
            ..entry(9, EntryKind::Observation, "FINAL", (LOINC, "4548-4", "Hemoglobin A1c"))
        },
        EntryRecord {
            value: Some("Non-reactive"),
            interpretation: Some("NEG"),
            ..entry(10, EntryKind::Observation, "PRELIMINARY", (LOINC, "5196-1", "Hepatitis B surface antigen"))
        },
        entry(11, EntryKind::Procedure, "COMPLETED", (SNOMED_CT, "80146002", "Appendectomy")),
        EntryRecord {
            value: Some("0.5"),
            unit: Some("mL"),
            ..entry(
                12,
                EntryKind::Immunization,
                "COMPLETED",
                ("http://hl7.org/fhir/sid/cvx", "210", "COVID-19 vaccine"),
            )
        },
        EntryRecord { value: Some("second"), ..uncoded(13, EntryKind::Immunization, "COMPLETED", "BCG") },
        EntryRecord {
            value: Some("Mother"),
            ..entry(14, EntryKind::FamilyHistory, "COMPLETED", (SNOMED_CT, "44054006", "Diabetes mellitus type 2"))
        },
        EntryRecord {
            note: Some("Speaks Tamil.\nLives alone."),
            ..uncoded(15, EntryKind::Note, "FINAL", "Social history")
        },
    ];
    let visit = |id, status, days: i64| VisitRecord {
        id,
        version: 3,
        doctor: 2,
        starts_at: at(24 * days),
        ends_at: Some(at(24 * days) + TimeDelta::minutes(15)),
        status,
        is_remote: false,
    };
    WholeRecord {
        patient: patient(),
        blood_group: Some("O+"),
        entries,
        documents: vec![DocumentRecord {
            id: 1,
            version: 2,
            recorded: at(-5),
            last_updated: at(-4),
            title: "Chest X-ray",
            kind: "IMAGING",
            description: "",
            content_type: "image/png",
            size: 48_211,
            url: "https://ehs.example.in/api/patients/7/documents/1/content/".into(),
            author: Some(5),
        }],
        visits: vec![
            VisitRecord { is_remote: true, ..visit(33, "CONFIRMED", 14) },
            VisitRecord { ends_at: None, ..visit(32, "SCHEDULED", 7) },
            visit(31, "COMPLETED", -1),
            visit(30, "CANCELLED", -20),
        ],
        staff: vec![StaffRecord { id: 2, name: "Anand Iyer" }, StaffRecord { id: 5, name: "" }],
        hospital: HospitalRecord {
            name: "Asha Demo Hospital",
            patient_id_system: "urn:ehs:patient-id",
            facility_id: None,
        },
    }
}

fn served() -> Naming {
    Naming::Served { base: "https://ehs.example.in/fhir".into() }
}

fn searchset(record: &WholeRecord<'_>, page: Page) -> Value {
    serde_json::to_value(Bundle::searchset(None, Vec::new(), everything(&served(), record, page))).unwrap()
}

fn made(kind: DocumentType, record: &WholeRecord<'_>) -> Result<Value, Missing> {
    let request = DocumentRequest { kind, identifier: "8d1fbd0a-7a5c-4a43-9d5e-0c6a4b1f2e3d", at: at(0) };
    document(&request, record).map(|bundle| serde_json::to_value(bundle).unwrap())
}

fn types(bundle: &Value) -> Vec<&str> {
    bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["resource"]["resourceType"].as_str().unwrap())
        .collect()
}

#[test]
fn everything_of_a_record() {
    let bundle = searchset(&whole(), Page::First);
    assert_eq!(check::breaches(&bundle), []);
    insta::assert_json_snapshot!(bundle);
}

#[test]
fn a_later_page_names_its_patient_too() {
    let record =
        WholeRecord { entries: whole().entries.split_off(8), visits: Vec::new(), documents: Vec::new(), ..whole() };
    let bundle = searchset(&record, Page::Later);
    assert_eq!(check::breaches(&bundle), []);
    assert_eq!((&bundle["entry"][0]["search"]["mode"], types(&bundle)[0]), (&"include".into(), "Patient"));
}

#[test]
fn a_document_of_every_type() {
    for kind in DocumentType::ALL {
        let bundle = made(kind, &whole()).unwrap();
        assert_eq!(check::breaches(&bundle), [], "{}", kind.as_str());
        let composition = &bundle["entry"][0]["resource"];
        assert_eq!(composition["meta"]["profile"][0], kind.profile(), "{}", kind.as_str());
        let sections = composition["section"].as_array().unwrap();
        let titles: Vec<&str> = sections.iter().map(|section| section["title"].as_str().unwrap()).collect();
        match kind {
            DocumentType::OpConsult => {
                insta::assert_json_snapshot!("op_consult", bundle);
            }
            DocumentType::Prescription => {
                assert_eq!(sections[0]["entry"].as_array().unwrap().len(), 1, "what is taken")
            }
            DocumentType::Immunization | DocumentType::HealthDocument => {
                assert_eq!(sections[0]["entry"].as_array().unwrap().len(), 2);
            }
            DocumentType::DiagnosticReport => {
                let report = types(&bundle).iter().position(|kind| *kind == "DiagnosticReport").unwrap();
                let report = &bundle["entry"][report]["resource"];
                assert_eq!(report["status"], "preliminary");
                assert_eq!(
                    report["conclusion"], "Results: 2, of which flagged as not normal: 1",
                    "a negative one is none"
                );
            }
            DocumentType::DischargeSummary => assert!(titles.contains(&"Diagnostic Report"), "{titles:?}"),
            DocumentType::Wellness => assert_eq!(titles, ["Vital Signs", "Body Measurement"]),
        }
    }
}

#[test]
fn a_document_names_nobody_whom_it_does_not_need() {
    let record = WholeRecord { entries: vec![whole().entries.remove(12)], documents: Vec::new(), ..whole() };
    let bundle = made(DocumentType::Immunization, &record).unwrap();
    assert_eq!(types(&bundle), ["Composition", "Patient", "Organization", "Immunization"]);
}

#[test]
fn what_a_record_has_not_is_no_document() {
    let empty = WholeRecord { entries: Vec::new(), documents: Vec::new(), ..whole() };
    assert_eq!(made(DocumentType::Prescription, &empty).err(), Some(Missing::Content));
    let never_came = WholeRecord { visits: whole().visits.split_off(3), ..whole() };
    assert_eq!(made(DocumentType::OpConsult, &never_came).err(), Some(Missing::Visit));
    assert!(made(DocumentType::Wellness, &never_came).is_ok());
}

#[test]
fn one_key_is_one_name_in_every_document() {
    let patient_of = |kind| made(kind, &whole()).unwrap()["entry"][1]["fullUrl"].clone();
    assert_eq!(patient_of(DocumentType::OpConsult), patient_of(DocumentType::Wellness));
}

fn a_text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), Just(Some(String::new())), "[ -~]{0,12}".prop_map(Some), "\\PC{0,12}".prop_map(Some)]
}

#[derive(Debug, Clone)]
struct Drawn {
    kind: EntryKind,
    status: String,
    texts: Vec<Option<String>>,
    severity: Option<&'static str>,
    date: Option<&'static str>,
    author: Option<i64>,
}

fn a_drawn() -> impl Strategy<Value = Drawn> {
    let kinds = vec![
        EntryKind::Condition,
        EntryKind::Allergy,
        EntryKind::Medication,
        EntryKind::Observation,
        EntryKind::Procedure,
        EntryKind::Immunization,
        EntryKind::FamilyHistory,
        EntryKind::Note,
    ];
    let statuses = prop_oneof![
        prop::sample::select(vec![
            "ACTIVE",
            "COMPLETED",
            "FINAL",
            "ENTERED_IN_ERROR",
            "ON_HOLD",
            "INTENDED",
            "HEALTH_UNKNOWN"
        ])
        .prop_map(str::to_owned),
        "[A-Z_]{0,8}"
    ];
    (
        prop::sample::select(kinds),
        statuses,
        prop::collection::vec(a_text(), 7),
        prop::sample::select(vec![None, Some("MILD"), Some("SEVERE"), Some("LOW"), Some("??")]),
        prop::sample::select(vec![None, Some("2019"), Some("2019-05"), Some("2019-05-17")]),
        prop::sample::select(vec![None, Some(2), Some(99)]),
    )
        .prop_map(|(kind, status, texts, severity, date, author)| Drawn {
            kind,
            status,
            texts,
            severity,
            date,
            author,
        })
}

proptest! {
    #[test]
    fn any_entries_make_bundles_that_keep_the_rules(
        drawn in prop::collection::vec(a_drawn(), 1..6),
        system in prop::sample::select(vec![None, Some(SNOMED_CT), Some(LOINC), Some("urn:x"), Some("")]),
        code in prop::sample::select(vec![None, Some("85354-9"), Some("29463-7"), Some("1"), Some("  ")]),
    ) {
        let text = |drawn: &'static Drawn, at: usize| drawn.texts[at].as_deref();
        let drawn: &'static [Drawn] = drawn.leak();
        let entries = drawn.iter().enumerate().map(|(id, one)| EntryRecord {
            id: i64::try_from(id).unwrap(),
            kind: one.kind,
            version: 1,
            recorded: at(0),
            last_updated: at(0),
            code_system: system,
            code,
            display: text(one, 0),
            status: &one.status,
            effective_date: one.date,
            value: text(one, 1),
            unit: text(one, 2),
            severity: one.severity,
            interpretation: text(one, 3),
            reference_range: text(one, 4),
            note: text(one, 5),
            author: one.author,
        });
        let record = WholeRecord { entries: entries.collect(), ..whole() };
        prop_assert_eq!(check::breaches(&searchset(&record, Page::First)), []);
        for kind in DocumentType::ALL {
            if let Ok(bundle) = made(kind, &record) {
                prop_assert_eq!(check::breaches(&bundle), [], "{}", kind.as_str());
            }
        }
    }
}
