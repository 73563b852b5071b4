//! Prints as many records as asked for, drawn by a seed, as bundles: everything, and each document that can be made of it. For
//! validators that are not ours; see the README.
#![allow(clippy::print_stdout, reason = "a program speaks to whoever typed it")]

use chrono::{DateTime, TimeDelta, Utc};
use fhir::document::{DocumentRequest, document};
use fhir::everything::{Page, everything};
use fhir::{
    AddressRecord, Bundle, ContactRecord, Date, DocumentRecord, DocumentType, EntryKind, EntryRecord, Gender,
    HospitalRecord, Naming, OperationOutcome, PatientRecord, StaffRecord, VisitRecord, WholeRecord,
};

const FIRST: [&str; 8] = ["Lakshmi", "Rajesh Kumar", "लक्ष्मी", "José", "R.", "Meena", "Gurpreet", "ஆனந்த்"];
const LAST: [&str; 6] = ["", "Raman", "D'Souza-Pinto", "Sharma", "Iyer", "Singh Bedi"];
const DATES: [Option<&str>; 5] = [None, Some("2019"), Some("2019-05"), Some("2024-02-29"), Some("2026-11-20")];
const NOTES: [Option<&str>; 4] =
    [None, Some("Since the monsoon"), Some("Two lines\nof text"), Some("BP <120/80 \"resting\"")];
const SEVERITIES: [Option<&str>; 6] =
    [None, Some("MILD"), Some("MODERATE"), Some("SEVERE"), Some("HIGH"), Some("UNABLE_TO_ASSESS")];
const VALUES: [(Option<&str>, Option<&str>); 9] = [
    (None, None),
    (Some("7.9"), Some("%")),
    (Some("120/80"), Some("mmHg")),
    (Some("<0.01"), Some("ng/mL")),
    (Some("98.60"), Some("[degF]")),
    (Some("1-0-1"), None),
    (Some("500"), Some("mg")),
    (Some("Mother"), None),
    (Some("three"), Some("drops")),
];
const CODES: [(Option<&str>, Option<&str>, Option<&str>); 9] = [
    (Some("http://snomed.info/sct"), Some("195967001"), Some("Asthma")),
    (Some("http://snomed.info/sct"), Some("387517004"), None),
    (Some("http://hl7.org/fhir/sid/icd-10"), Some("A90"), Some("Dengue fever")),
    (Some("http://loinc.org"), Some("85354-9"), Some("Blood pressure panel")),
    (Some("http://loinc.org"), Some("29463-7"), Some("Body weight")),
    (Some("http://loinc.org"), Some("4548-4"), Some("Hemoglobin A1c")),
    (Some("http://hl7.org/fhir/sid/cvx"), Some("210"), Some("COVID-19 vaccine")),
    (Some("urn:oid:1.2.3"), Some("a 1"), None),
    (None, None, Some("In words")),
];
const KINDS: [(EntryKind, &[&str]); 8] = [
    (
        EntryKind::Condition,
        &["ACTIVE", "RECURRENCE", "RELAPSE", "INACTIVE", "REMISSION", "RESOLVED", "ENTERED_IN_ERROR"],
    ),
    (EntryKind::Allergy, &["ACTIVE", "INACTIVE", "RESOLVED", "ENTERED_IN_ERROR"]),
    (
        EntryKind::Medication,
        &["ACTIVE", "COMPLETED", "INTENDED", "STOPPED", "ON_HOLD", "UNKNOWN", "NOT_TAKEN", "ENTERED_IN_ERROR"],
    ),
    (
        EntryKind::Observation,
        &["FINAL", "REGISTERED", "PRELIMINARY", "AMENDED", "CORRECTED", "CANCELLED", "UNKNOWN", "ENTERED_IN_ERROR"],
    ),
    (
        EntryKind::Procedure,
        &["COMPLETED", "PREPARATION", "IN_PROGRESS", "NOT_DONE", "ON_HOLD", "STOPPED", "UNKNOWN", "ENTERED_IN_ERROR"],
    ),
    (EntryKind::Immunization, &["COMPLETED", "NOT_DONE", "ENTERED_IN_ERROR"]),
    (EntryKind::FamilyHistory, &["COMPLETED", "PARTIAL", "HEALTH_UNKNOWN", "ENTERED_IN_ERROR"]),
    (EntryKind::Note, &["FINAL", "PRELIMINARY", "AMENDED", "ENTERED_IN_ERROR"]),
];
const VISITS: [&str; 7] = ["SCHEDULED", "CONFIRMED", "CHECKED_IN", "IN_PROGRESS", "COMPLETED", "CANCELLED", "NO_SHOW"];

/// Numbers by a seed (Knuth's MMIX).
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default().checked_rem(most).unwrap_or_default()
    }

    fn of<T: Copy + Default>(&mut self, all: &[T]) -> T {
        all.get(self.below(all.len())).copied().unwrap_or_default()
    }
}

fn main() -> serde_json::Result<()> {
    let records: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    for number in 0..records {
        let record = drawn(&mut Draw(number), number);
        print(&Bundle::searchset(Some(1), Vec::new(), everything(&served(), &record, Page::First)))?;
        for kind in DocumentType::ALL {
            let identifier = format!("{number:08x}-0000-4000-8000-{number:012x}");
            if let Ok(bundle) = document(&DocumentRequest { kind, identifier: &identifier, at: at(0) }, &record) {
                print(&bundle)?;
            }
        }
    }
    print(&OperationOutcome::of_status(404, "There is no such patient."))?;
    let server = fhir::capability::Server { base: "https://ehs.example.in/fhir", version: "0.1.0", date: "2026-11-27" };
    print(&fhir::capability::statement(&server))
}

fn print(resource: &impl serde::Serialize) -> serde_json::Result<()> {
    println!("{}", serde_json::to_string(resource)?);
    Ok(())
}

fn served() -> Naming {
    Naming::Served { base: "https://ehs.example.in/fhir".into() }
}

fn at(hours: i64) -> DateTime<Utc> {
    let base = DateTime::from_timestamp(1_795_400_000, 0).unwrap_or_default();
    base.checked_add_signed(TimeDelta::hours(hours)).unwrap_or_default()
}

fn drawn(draw: &mut Draw, number: u64) -> WholeRecord<'static> {
    let entries = (1..=i64::try_from(draw.below(24)).unwrap_or_default()).map(|id| entry(draw, id)).collect();
    let visits = (1..=i64::try_from(draw.below(6)).unwrap_or_default()).map(|id| visit(draw, id)).collect();
    let documents = (1..=i64::try_from(draw.below(3)).unwrap_or_default()).map(document_of).collect();
    WholeRecord {
        patient: patient(draw, number),
        blood_group: draw.of(&[None, Some("O+"), Some("AB-")]),
        entries,
        documents,
        visits,
        staff: vec![StaffRecord { id: 2, name: "Anand Iyer" }, StaffRecord { id: 3, name: "" }],
        hospital: HospitalRecord {
            name: "Asha Demo Hospital",
            patient_id_system: "urn:ehs:patient-id",
            facility_id: draw.of(&[None, Some("IN3310000183")]),
        },
    }
}

fn patient(draw: &mut Draw, number: u64) -> PatientRecord<'static> {
    let key: &'static str = Box::leak(number.saturating_add(1).to_string().into_boxed_str());
    let known = |draw: &mut Draw, text: &'static str| (draw.below(2) == 0).then_some(text);
    PatientRecord {
        id: key,
        version: 3,
        last_updated: at(-9),
        active: draw.below(5) > 0,
        patient_id: "P00007",
        former_ids: &[],
        patient_id_system: "urn:ehs:patient-id",
        abha_number: known(draw, "91123456789012"),
        abha_address: known(draw, "lakshmi.r@abdm"),
        first_name: draw.of(&FIRST),
        last_name: draw.of(&LAST),
        birth_date: match draw.below(4) {
            0 => None,
            1 => Some(Date::Year(1950)),
            2 => Some(Date::Month(1980, 4)),
            _ => chrono::NaiveDate::from_ymd_opt(1980, 2, 29).map(Date::Day),
        },
        gender: match draw.below(4) {
            0 => Gender::Male,
            1 => Gender::Female,
            2 => Gender::Other,
            _ => Gender::Unknown,
        },
        phone: known(draw, "+919876543210"),
        email: known(draw, "lakshmi@example.in"),
        address: (draw.below(2) == 0).then_some(AddressRecord {
            line1: "12 MG Road",
            city: "Chennai",
            pin_code: "600001",
            country: "India",
            ..AddressRecord::default()
        }),
        emergency_contact: (draw.below(2) == 0).then_some(ContactRecord {
            name: "Raman",
            relationship: "Husband",
            phone: "+919840012345",
        }),
        preferred_language: known(draw, "ta"),
        deceased: None,
    }
}

fn entry(draw: &mut Draw, id: i64) -> EntryRecord<'static> {
    let (kind, statuses) = KINDS.get(draw.below(KINDS.len())).copied().unwrap_or((EntryKind::Note, &["FINAL"]));
    let (code_system, code, display) = draw.of(&CODES);
    let (value, unit) = draw.of(&VALUES);
    EntryRecord {
        id,
        kind,
        version: 1,
        recorded: at(-200),
        last_updated: at(-100),
        code_system,
        code,
        display,
        status: draw.of(statuses),
        effective_date: draw.of(&DATES),
        value,
        unit,
        severity: draw.of(&SEVERITIES),
        interpretation: draw.of(&[None, Some("N"), Some("H"), Some("POS"), Some("<")]),
        reference_range: draw.of(&[None, Some("4.0-5.6")]),
        note: draw.of(&NOTES),
        author: draw.of(&[None, Some(2), Some(3), Some(99)]),
    }
}

fn visit(draw: &mut Draw, id: i64) -> VisitRecord<'static> {
    let starts_at = at(24 * id.saturating_sub(3));
    VisitRecord {
        id,
        version: 2,
        doctor: draw.of(&[2, 3, 99]),
        starts_at,
        ends_at: (draw.below(3) > 0).then(|| starts_at.checked_add_signed(TimeDelta::minutes(15))).flatten(),
        status: draw.of(&VISITS),
        is_remote: draw.below(3) == 0,
    }
}

fn document_of(id: i64) -> DocumentRecord<'static> {
    DocumentRecord {
        id,
        version: 2,
        recorded: at(-50),
        last_updated: at(-49),
        title: "Chest X-ray",
        kind: ["IMAGING", "OTHER"].into_iter().nth(usize::try_from(id % 2).unwrap_or_default()).unwrap_or("OTHER"),
        description: "",
        content_type: "image/png",
        size: 48_211,
        url: format!("https://ehs.example.in/api/patients/7/documents/{id}/content/"),
        author: Some(2),
    }
}
