//! The facts of a FHIR bundle.

use serde_json::Value;

use crate::Facts;

/// The facts that are compared: those of the patient, the encounter, allergies, diagnoses, procedures, observations,
/// appointments and immunisations.
pub fn facts(bundle: &Value) -> Facts {
    let mut facts = Facts::new();
    for resource in items(bundle, "entry").filter_map(|entry| entry.get("resource")) {
        match text(resource, "resourceType") {
            "Patient" => patient(resource, &mut facts),
            "Linkage" => linkage(resource, &mut facts),
            "Encounter" => {
                put(&mut facts, "encounter.class", at(resource, "class", "code"));
                put(&mut facts, "encounter.start", &instant(at(resource, "period", "start")));
                put(&mut facts, "encounter.end", &instant(at(resource, "period", "end")));
            }
            "AllergyIntolerance" => {
                code(&mut facts, "allergy.code", resource.get("code"));
                put(&mut facts, "allergy.criticality", text(resource, "criticality"));
                for category in items(resource, "category") {
                    put(&mut facts, "allergy.category", category.as_str().unwrap_or_default());
                }
            }
            "Condition" => {
                code(&mut facts, "diagnosis.code", resource.get("code"));
                put(&mut facts, "diagnosis.onset", &instant(text(resource, "onsetDateTime")));
            }
            "Procedure" => {
                code(&mut facts, "procedure.code", resource.get("code"));
                put(&mut facts, "procedure.date", &instant(text(resource, "performedDateTime")));
                put(&mut facts, "procedure.date", &instant(at(resource, "performedPeriod", "start")));
            }
            "Observation" => observation(resource, &mut facts),
            "DiagnosticReport" => code(&mut facts, "report.code", resource.get("code")),
            "Appointment" => appointment(resource, &mut facts),
            "Immunization" => {
                code(&mut facts, "immunization.code", resource.get("vaccineCode"));
                put(&mut facts, "immunization.date", &instant(text(resource, "occurrenceDateTime")));
                put(&mut facts, "immunization.status", text(resource, "status"));
                put(&mut facts, "immunization.lot", text(resource, "lotNumber"));
                put(&mut facts, "immunization.dose", &number(resource.get("doseQuantity")));
            }
            _ => {}
        }
    }
    facts
}

fn patient(patient: &Value, facts: &mut Facts) {
    for name in items(patient, "name") {
        put(facts, "name.family", text(name, "family"));
        for (part, list) in [("name.given", "given"), ("name.prefix", "prefix"), ("name.suffix", "suffix")] {
            items(name, list).for_each(|word| put(facts, part, word.as_str().unwrap_or_default()));
        }
    }
    put(facts, "birth date", text(patient, "birthDate"));
    put(facts, "gender", text(patient, "gender"));
    items(patient, "identifier").for_each(|one| identifier(one, facts));
    for telecom in items(patient, "telecom").filter(|one| matches!(text(one, "system"), "" | "phone")) {
        put(facts, "phone", text(telecom, "value"));
    }
    for address in items(patient, "address") {
        items(address, "line").for_each(|line| put(facts, "address.line", line.as_str().unwrap_or_default()));
        for (part, key) in [
            ("address.city", "city"),
            ("address.district", "district"),
            ("address.state", "state"),
            ("address.postal code", "postalCode"),
            ("address.country", "country"),
        ] {
            put(facts, part, text(address, key));
        }
    }
}

fn linkage(linkage: &Value, facts: &mut Facts) {
    for item in items(linkage, "item") {
        if let Some(one) = item.get("resource").and_then(|resource| resource.get("identifier")) {
            identifier(one, facts);
        }
    }
}

fn identifier(identifier: &Value, facts: &mut Facts) {
    let kind = identifier.get("type").and_then(|kind| items(kind, "coding").next());
    let value = text(identifier, "value").trim();
    if !value.is_empty() {
        put(facts, "identifier", &format!("{} {value}", kind.map_or("", |kind| text(kind, "code"))));
    }
}

fn observation(resource: &Value, facts: &mut Facts) {
    let Some(name) = resource.get("code").and_then(|code| items(code, "coding").next()) else { return };
    let name = text(name, "code");
    code(facts, "observation.code", resource.get("code"));
    let parts = std::iter::once(resource).chain(items(resource, "component"));
    for part in parts {
        let quantity = part.get("valueQuantity");
        for value in [
            number(quantity),
            text(part, "valueString").to_owned(),
            instant(text(part, "valueDateTime")),
            coding(part.get("valueCodeableConcept")),
        ] {
            put(facts, &format!("observation {name}.value"), &value);
        }
        let unit = quantity.map(|quantity| (text(quantity, "unit"), text(quantity, "code")));
        let unit = unit.map_or("", |(unit, code)| if unit.is_empty() { code } else { unit });
        put(facts, &format!("observation {name}.unit"), unit);
        for range in items(part, "referenceRange") {
            put(facts, &format!("observation {name}.range"), text(range, "text"));
        }
    }
    for flag in items(resource, "interpretation") {
        put(facts, &format!("observation {name}.flag"), &coding(Some(flag)));
    }
    put(facts, &format!("observation {name}.date"), &instant(text(resource, "effectiveDateTime")));
    put(facts, &format!("observation {name}.status"), text(resource, "status"));
}

fn appointment(resource: &Value, facts: &mut Facts) {
    items(resource, "identifier").for_each(|one| put(facts, "appointment.identifier", text(one, "value")));
    put(facts, "appointment.status", text(resource, "status"));
    put(facts, "appointment.start", &instant(text(resource, "start")));
    put(facts, "appointment.end", &instant(text(resource, "end")));
    let minutes = resource.get("minutesDuration").map(ToString::to_string).unwrap_or_default();
    put(facts, "appointment.minutes", &minutes);
}

fn code(facts: &mut Facts, name: &str, concept: Option<&Value>) {
    put(facts, name, &coding(concept));
}

fn coding(concept: Option<&Value>) -> String {
    let coding = concept.and_then(|concept| items(concept, "coding").next());
    coding.map(|coding| text(coding, "code").to_owned()).unwrap_or_default()
}

fn number(quantity: Option<&Value>) -> String {
    quantity.and_then(|quantity| quantity.get("value")).map(ToString::to_string).unwrap_or_default()
}

/// A time with an offset as the instant it is, and any other date as it stands: both sides may choose their own zone.
pub fn instant(text: &str) -> String {
    let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) else { return text.to_owned() };
    at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Notes a fact down, its white space made even.
pub fn put(facts: &mut Facts, name: &str, value: &str) {
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if !value.is_empty() {
        facts.insert((name.to_owned(), value));
    }
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn at<'a>(value: &'a Value, outer: &str, inner: &str) -> &'a str {
    value.get(outer).map_or("", |value| text(value, inner))
}
