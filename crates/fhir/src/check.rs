//! The rules of R4 and of the guide's profiles that a written resource breaks. No validator: what tests hold every resource
//! to. The Indian `Patient` has rules of its own in [`nrces`].

use std::collections::HashSet;

use serde_json::Value;

use crate::bundle::unresolved;
use crate::codes::{ICD_10, LOINC, SNOMED_CT};
use crate::nrces::{self, Breach, Breaches, list, text};

/// What R4 requires of a type, the codes of its status, and in which systems the guide's profile wants which codes.
struct Rule {
    kind: &'static str,
    required: &'static [&'static str],
    statuses: &'static [&'static str],
    coded: &'static [(&'static str, &'static [&'static str])],
    profiled: &'static [&'static str],
}

const ANY: &[&str] = &[];

const RULES: [Rule; 14] = [
    Rule {
        kind: "Condition",
        required: &["subject"],
        statuses: ANY,
        coded: &[("code", &[SNOMED_CT, ICD_10])],
        profiled: &["code"],
    },
    Rule {
        kind: "AllergyIntolerance",
        required: &["patient"],
        statuses: ANY,
        coded: &[("code", &[SNOMED_CT])],
        profiled: &["code"],
    },
    Rule {
        kind: "MedicationStatement",
        required: &["status", "medicationCodeableConcept", "subject"],
        statuses: &[
            "active",
            "completed",
            "entered-in-error",
            "intended",
            "stopped",
            "on-hold",
            "unknown",
            "not-taken",
        ],
        coded: &[("medicationCodeableConcept", &[SNOMED_CT])],
        profiled: ANY,
    },
    Rule {
        kind: "MedicationRequest",
        required: &["status", "intent", "medicationCodeableConcept", "subject"],
        statuses: &["active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"],
        coded: &[("medicationCodeableConcept", &[SNOMED_CT])],
        profiled: &["authoredOn", "requester", "dosageInstruction"],
    },
    Rule {
        kind: "Observation",
        required: &["status", "code"],
        statuses: &[
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
        ],
        coded: &[("code", &[LOINC, SNOMED_CT])],
        profiled: ANY,
    },
    Rule {
        kind: "Procedure",
        required: &["status", "subject"],
        statuses: &[
            "preparation",
            "in-progress",
            "not-done",
            "on-hold",
            "stopped",
            "completed",
            "entered-in-error",
            "unknown",
        ],
        coded: &[("code", &[SNOMED_CT])],
        profiled: &["code"],
    },
    Rule {
        kind: "Immunization",
        required: &["status", "vaccineCode", "patient"],
        statuses: &["completed", "entered-in-error", "not-done"],
        coded: &[("vaccineCode", ANY)],
        profiled: &["occurrenceDateTime"],
    },
    Rule {
        kind: "FamilyMemberHistory",
        required: &["status", "patient", "relationship"],
        statuses: &["partial", "completed", "entered-in-error", "health-unknown"],
        coded: &[],
        profiled: &["condition"],
    },
    Rule {
        kind: "DocumentReference",
        required: &["status", "content"],
        statuses: &["current", "superseded", "entered-in-error"],
        coded: &[],
        profiled: ANY,
    },
    Rule {
        kind: "DiagnosticReport",
        required: &["status", "code"],
        statuses: &["registered", "partial", "preliminary", "final", "amended", "corrected", "cancelled", "unknown"],
        coded: &[("code", &[LOINC])],
        profiled: &["resultsInterpreter", "result", "conclusion"],
    },
    Rule {
        kind: "Appointment",
        required: &["status", "participant"],
        statuses: &[
            "proposed",
            "pending",
            "booked",
            "arrived",
            "fulfilled",
            "cancelled",
            "noshow",
            "entered-in-error",
            "checked-in",
            "waitlist",
        ],
        coded: &[],
        profiled: &["start"],
    },
    Rule {
        kind: "Encounter",
        required: &["status", "class"],
        statuses: &["planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "unknown"],
        coded: &[],
        profiled: ANY,
    },
    Rule { kind: "Practitioner", required: ANY, statuses: ANY, coded: &[], profiled: &["identifier", "name"] },
    Rule { kind: "Organization", required: ANY, statuses: ANY, coded: &[], profiled: &["identifier", "name"] },
];

/// What a written resource breaks; none where it is as it should be.
pub fn breaches(resource: &Value) -> Vec<Breach> {
    let kind = text(resource, "resourceType").unwrap_or_default();
    match kind {
        "Patient" => return nrces::patient_breaches(resource),
        "Bundle" => return bundle_breaches(resource),
        "Composition" => return composition_breaches(resource),
        _ => {}
    }
    let mut breaches = Breaches::of_resource(kind, resource);
    let Some(rule) = RULES.iter().find(|rule| rule.kind == kind) else {
        breaches.unless(false, "resourceType", "is one that is written here");
        return breaches.into_inner();
    };
    for element in rule.required {
        breaches.unless(!resource[*element].is_null(), &format!("{kind}.{element}"), "is required by R4");
    }
    if let Some(status) = text(resource, "status") {
        breaches.unless(rule.statuses.contains(&status), &format!("{kind}.status"), "is a code of its value set");
    }
    more_of_r4(kind, resource, &mut breaches);
    if list(&resource["meta"], "profile").next().is_some() {
        for element in rule.profiled {
            breaches.unless(!resource[*element].is_null(), &format!("{kind}.{element}"), "is required by the profile");
        }
        for (element, systems) in rule.coded {
            for (at, coding) in list(&resource[*element], "coding") {
                let whole = ["system", "code", "display"].iter().all(|part| text(coding, part).is_some());
                let known =
                    systems.is_empty() || text(coding, "system").is_some_and(|system| systems.contains(&system));
                let path = format!("{kind}.{element}.coding[{at}]");
                breaches.unless(whole && known, &path, "is whole and of the profile's systems");
            }
        }
    }
    breaches.into_inner()
}

/// Invariants that R4 names.
fn more_of_r4(kind: &str, resource: &Value, breaches: &mut Breaches) {
    let has = |element: &str| !resource[element].is_null();
    match kind {
        "Condition" | "AllergyIntolerance" => {
            let verified = resource.pointer("/verificationStatus/coding/0/code");
            let in_error = verified.is_some_and(|code| code == "entered-in-error");
            breaches.unless(
                has("clinicalStatus") != in_error,
                kind,
                "con-5, ait-1, ait-2: has a clinical status unless entered in error",
            );
            for (at, reaction) in list(resource, "reaction") {
                let path = format!("{kind}.reaction[{at}].manifestation");
                breaches.unless(list(reaction, "manifestation").next().is_some(), &path, "is required by R4");
            }
        }
        "Observation" => {
            let values = ["valueQuantity", "valueString"].iter().filter(|value| has(value)).count();
            breaches.unless(values <= 1, "Observation.value[x]", "is one");
            breaches.unless(values == 0 || !has("component"), "Observation", "obs-7: a value or components");
        }
        "Immunization" => {
            let one = has("occurrenceDateTime") != has("occurrenceString");
            breaches.unless(one, "Immunization.occurrence[x]", "is there once");
            let bound = resource.pointer("/doseQuantity/comparator").is_none();
            breaches.unless(bound, "Immunization.doseQuantity", "sqty-1: has no comparator");
        }
        "Appointment" => {
            let ends = has("end") || has("_end");
            let may_lack = matches!(text(resource, "status"), Some("proposed" | "cancelled" | "waitlist"));
            breaches.unless(may_lack || (has("start") && ends), "Appointment", "app-3: says when it is");
        }
        _ => {}
    }
}

fn composition_breaches(composition: &Value) -> Vec<Breach> {
    let mut breaches = Breaches::of_resource("Composition", composition);
    for element in ["status", "type", "subject", "date", "author", "title", "section"] {
        breaches.unless(
            !composition[element].is_null(),
            &format!("Composition.{element}"),
            "is required by the profile",
        );
    }
    for element in ["attester", "relatesTo"] {
        breaches.unless(composition[element].is_null(), &format!("Composition.{element}"), "is left out");
    }
    for (at, section) in list(composition, "section") {
        let entries = list(section, "entry").next().is_some();
        breaches.unless(
            entries && text(section, "title").is_some(),
            &format!("Composition.section[{at}]"),
            "has title and entries",
        );
    }
    breaches.into_inner()
}

fn bundle_breaches(bundle: &Value) -> Vec<Breach> {
    let mut breaches = Breaches::of_resource("Bundle", bundle);
    let is_document = bundle["type"] == "document";
    breaches.unless(is_document || bundle["type"] == "searchset", "Bundle.type", "is one that is written here");
    if is_document {
        for path in ["/meta/versionId", "/identifier/system", "/identifier/value", "/timestamp"] {
            breaches.unless(bundle.pointer(path).is_some_and(Value::is_string), path, "is required by the profile");
        }
        breaches.unless(
            bundle.pointer("/entry/0/resource/resourceType").is_some_and(|first| first == "Composition"),
            "Bundle.entry[0]",
            "bdl-11: a document begins with its composition",
        );
    }
    let mut urls = HashSet::new();
    for (at, entry) in list(bundle, "entry") {
        let url = text(entry, "fullUrl").unwrap_or_default();
        breaches.unless(urls.insert(url.to_owned()), &format!("Bundle.entry[{at}].fullUrl"), "bdl-7: is there once");
        breaches.unless(
            is_document == entry["search"].is_null(),
            &format!("Bundle.entry[{at}].search"),
            "bdl-2: is of searches",
        );
        let inner = crate::check::breaches(&entry["resource"]);
        breaches.extend(inner);
        let id = text(&entry["resource"], "id").unwrap_or("?");
        breaches.unless(url.ends_with(id), &format!("Bundle.entry[{at}].fullUrl"), "names the resource");
    }
    for lost in unresolved(bundle) {
        breaches.unless(false, &lost, "leads to a resource of the bundle");
    }
    breaches.into_inner()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(resource: &Value) -> Vec<String> {
        breaches(resource).into_iter().map(|breach| breach.path).collect()
    }

    #[test]
    fn each_rule_is_found_broken() {
        let profile = json!({"profile": ["https://nrces.in/ndhm/fhir/r4/StructureDefinition/X"]});
        for (resource, path) in [
            (json!({"resourceType": "Condition", "id": "1"}), "Condition.subject"),
            (json!({"resourceType": "Condition", "id": "1", "subject": {"reference": "x"}}), "Condition"),
            (json!({"resourceType": "Condition", "id": "a b"}), "Condition.id"),
            (json!({"resourceType": "Procedure", "id": "1", "meta": profile}), "Procedure.code"),
            (json!({"resourceType": "Procedure", "id": "1", "status": "done"}), "Procedure.status"),
            (
                json!({"resourceType": "Procedure", "id": "1", "meta": profile, "code": {"coding": [{"system": "urn:x", "code": "1", "display": "x"}]}}),
                "Procedure.code.coding[0]",
            ),
            (json!({"resourceType": "Observation", "id": "1", "note": []}), "Observation.note"),
            (json!({"resourceType": "Observation", "id": "1", "valueString": "1", "component": [{}]}), "Observation"),
            (json!({"resourceType": "Immunization", "id": "1"}), "Immunization.occurrence[x]"),
            (json!({"resourceType": "Appointment", "id": "1", "status": "booked"}), "Appointment"),
            (json!({"resourceType": "Composition", "id": "1", "attester": [{}]}), "Composition.attester"),
            (
                json!({"resourceType": "Bundle", "type": "document", "entry": [{"fullUrl": "x", "search": {"mode": "match"}}]}),
                "Bundle.entry[0].search",
            ),
            (
                json!({"resourceType": "Bundle", "type": "searchset", "entry": [{"fullUrl": "urn:a", "resource": {"subject": {"reference": "urn:b"}}}]}),
                "urn:a: urn:b",
            ),
            (json!({"resourceType": "Basic", "id": "1"}), "resourceType"),
        ] {
            assert!(paths(&resource).iter().any(|found| found == path), "{path}: {:?}", paths(&resource));
        }
    }
}
