//! The facts that this crate reads out of a message.

use hl7::adt::{Change, Identifier, PatientFacts};
use hl7::clinical::{Encounter, Observation, Value};
use hl7::datatype::{Coded, Decimal};
use hl7::{Content, Timestamp};

use crate::Facts;
use crate::bundle::{instant, put};

pub fn facts(content: &Content) -> Facts {
    let mut facts = Facts::new();
    patient(content.patient(), &mut facts);
    match content {
        Content::Adt(adt) => {
            adt.merged_identifiers.iter().for_each(|one| identifier(one, &mut facts));
            encounter(adt.encounter.as_ref(), &mut facts);
            adt.observations.iter().for_each(|one| observation(one, &mut facts));
            for allergy in &adt.allergies {
                put(&mut facts, "allergy.code", code(&allergy.code));
                put(&mut facts, "allergy.criticality", allergy.criticality.unwrap_or_default());
                put(&mut facts, "allergy.category", allergy.category.unwrap_or_default());
            }
            for procedure in &adt.procedures {
                put(&mut facts, "procedure.code", code(&procedure.code));
                put(&mut facts, "procedure.date", &time(procedure.performed));
            }
        }
        Content::Results(results) => {
            encounter(results.encounter.as_ref(), &mut facts);
            for report in &results.reports {
                put(&mut facts, "report.code", report.code.as_ref().map_or("", code));
                report.observations.iter().for_each(|one| observation(one, &mut facts));
            }
            results.observations.iter().for_each(|one| observation(one, &mut facts));
        }
        Content::Schedule(schedule) => {
            encounter(schedule.encounter.as_ref(), &mut facts);
            schedule.observations.iter().for_each(|one| observation(one, &mut facts));
            let appointment = &schedule.appointment;
            for id in [&appointment.placer, &appointment.filler].into_iter().flatten() {
                put(&mut facts, "appointment.identifier", &id.value);
            }
            put(&mut facts, "appointment.status", appointment.status);
            put(&mut facts, "appointment.start", &time(appointment.start));
            put(&mut facts, "appointment.end", &time(appointment.end));
            put(&mut facts, "appointment.minutes", &appointment.minutes.map_or(String::new(), |m| m.to_string()));
        }
        Content::Vaccination(vaccination) => {
            encounter(vaccination.encounter.as_ref(), &mut facts);
            vaccination.observations.iter().for_each(|one| observation(one, &mut facts));
            for given in &vaccination.immunizations {
                put(&mut facts, "immunization.code", code(&given.vaccine));
                put(&mut facts, "immunization.date", &time(given.occurrence));
                put(&mut facts, "immunization.status", given.status.unwrap_or_default());
                put(&mut facts, "immunization.lot", given.lot_number.as_deref().unwrap_or_default());
                put(&mut facts, "immunization.dose", &given.dose.as_ref().map_or(String::new(), number));
                given.observations.iter().for_each(|one| observation(one, &mut facts));
            }
        }
    }
    let diagnoses = match content {
        Content::Adt(adt) => adt.diagnoses.as_slice(),
        Content::Schedule(schedule) => schedule.diagnoses.as_slice(),
        Content::Results(_) | Content::Vaccination(_) => &[],
    };
    for diagnosis in diagnoses {
        put(&mut facts, "diagnosis.code", code(&diagnosis.code));
        put(&mut facts, "diagnosis.onset", &time(diagnosis.onset));
    }
    facts
}

fn patient(patient: &PatientFacts, facts: &mut Facts) {
    for name in &patient.names {
        // One word alone is the given name here, and the family name there.
        let family = if name.family.is_empty() { &name.given } else { &name.family };
        put(facts, "name.family", family);
        if !name.family.is_empty() {
            put(facts, "name.given", &name.given);
            name.middle.split_whitespace().for_each(|word| put(facts, "name.given", word));
        }
        put(facts, "name.given", name.called.as_deref().unwrap_or_default());
        put(facts, "name.prefix", &name.prefix);
        name.suffix.split_whitespace().for_each(|word| put(facts, "name.suffix", word));
    }
    put(facts, "birth date", &patient.birth_date.value().map_or(String::new(), ToString::to_string));
    put(facts, "gender", &patient.gender.value().map_or(String::new(), |gender| gender.as_str().to_lowercase()));
    patient.identifiers.iter().for_each(|one| identifier(one, facts));
    for phone in patient.phones.value().into_iter().flatten() {
        put(facts, "phone", &phone.number);
    }
    // The district of PID-12 stands in the chosen address alone.
    for address in patient.addresses.iter().chain(patient.address.value()) {
        put(facts, "address.line", &address.line1);
        put(facts, "address.line", &address.line2);
        put(facts, "address.city", &address.city);
        put(facts, "address.district", &address.district);
        put(facts, "address.state", &address.state);
        put(facts, "address.postal code", &address.postal_code);
        put(facts, "address.country", &address.country);
    }
}

fn identifier(identifier: &Identifier, facts: &mut Facts) {
    let kind = identifier.type_code.as_deref().unwrap_or_default();
    put(facts, "identifier", &format!("{kind} {}", identifier.value));
}

fn encounter(encounter: Option<&Encounter>, facts: &mut Facts) {
    let Some(encounter) = encounter else { return };
    put(facts, "encounter.class", encounter.class.as_ref().map_or("", |class| &class.code));
    put(facts, "encounter.start", &time(encounter.start));
    if let Change::Set(end) = &encounter.end {
        put(facts, "encounter.end", &time(Some(*end)));
    }
}

fn observation(observation: &Observation, facts: &mut Facts) {
    let name = code(&observation.code);
    put(facts, "observation.code", name);
    for value in &observation.values {
        let text = match value {
            Value::Quantity { number: value, .. } => number(value),
            Value::Coded(value) => code(value).to_owned(),
            Value::Text(text) | Value::Pointer(text) => text.clone(),
            Value::Time(at) => time(Some(*at)),
            Value::TimeOfDay(at) => at.to_string(),
            Value::Range { .. } | Value::Ratio { .. } | Value::Period { .. } => continue,
        };
        put(facts, &format!("observation {name}.value"), &text);
    }
    let has_quantity = observation.values.iter().any(|value| matches!(value, Value::Quantity { .. }));
    if let Some(unit) = observation.unit.as_ref().filter(|_| has_quantity) {
        put(facts, &format!("observation {name}.unit"), code(unit));
    }
    let range = observation.reference_range.as_ref().map_or("", |range| &range.text);
    put(facts, &format!("observation {name}.range"), range);
    for flag in &observation.flags {
        put(facts, &format!("observation {name}.flag"), &flag.code);
    }
    put(facts, &format!("observation {name}.date"), &time(observation.effective));
    put(facts, &format!("observation {name}.status"), observation.status);
}

fn code(coded: &Coded) -> &str {
    coded.code.as_deref().unwrap_or_default()
}

fn number(number: &Decimal) -> String {
    let text = number.as_str();
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

fn time(at: Option<Timestamp>) -> String {
    let Some(at) = at else { return String::new() };
    let text = at.to_string();
    // Minutes alone are a time to HL7, and not to RFC 3339.
    let with_seconds = text.rfind(['+', '-']).and_then(|sign| {
        let (clock, zone) = text.split_at_checked(sign)?;
        Some(format!("{clock}:00{zone}"))
    });
    let padded = instant(with_seconds.as_deref().unwrap_or(&text));
    if padded.ends_with('Z') { padded } else { instant(&text) }
}
