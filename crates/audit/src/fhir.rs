//! A row as FHIR R4 `AuditEvent`. Pure.

use serde_json::{Map, Value, json};

use crate::row::Row;

/// The row as an `AuditEvent` that `service` reports.
pub fn audit_event(row: &Row, service: &str) -> Value {
    let mut entities: Vec<Value> = row.patients.iter().map(|id| patient(*id)).collect();
    entities.push(json!({ "name": row.object, "detail": details(row) }));
    let mut event = Object::default();
    event.add(json!({
        "resourceType": "AuditEvent",
        "id": format!("{service}-{}", row.id),
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" },
        "subtype": [{ "system": "urn:ehs:action", "code": row.action }],
        "action": action(&row.object),
        "recorded": row.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        "outcome": outcome(&row.outcome),
        "outcomeDesc": row.outcome,
        "agent": [agent(row)],
        "source": { "observer": { "display": format!("EHS {service}") } },
        "entity": entities,
    }));
    if let Some(reason) = &row.reason {
        let break_glass = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG" });
        event.add(json!({ "purposeOfEvent": [{ "coding": [break_glass], "text": reason }] }));
    }
    Value::Object(event.0)
}

fn agent(row: &Row) -> Value {
    let mut agent = Object::default();
    agent.add(json!({ "requestor": true }));
    if let Some(actor) = row.actor {
        agent.add(json!({ "who": { "identifier": { "system": "urn:ehs:user", "value": actor.to_string() } } }));
    }
    if let Some(role) = &row.role {
        agent.add(json!({ "role": [{ "coding": [{ "system": "urn:ehs:role", "code": role }] }] }));
    }
    if let Some(address) = &row.address {
        agent.add(json!({ "network": { "address": address, "type": "2" } }));
    }
    Value::Object(agent.0)
}

/// FHIR has no empty members: what is not known is left out.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn add(&mut self, members: Value) {
        if let Value::Object(members) = members {
            self.0.extend(members);
        }
    }
}

fn patient(id: i64) -> Value {
    json!({
        "what": { "reference": format!("Patient/{id}") },
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1" },
        "role": { "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1" },
    })
}

fn details(row: &Row) -> Vec<Value> {
    let session = row.session.map(|session| session.to_string());
    let all =
        [("session", session.as_ref()), ("trace", row.trace_id.as_ref()), ("user-agent", row.user_agent.as_ref())];
    // FHIR has no empty strings
    let there = all.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let transaction = [("transaction", row.tx.to_string())];
    let all = transaction.into_iter().chain(there.map(|(name, value)| (name, value.clone())));
    all.map(|(name, value)| json!({ "type": name, "valueString": value })).collect()
}

fn action(object: &str) -> &'static str {
    match object.split(' ').next() {
        Some("GET" | "HEAD") => "R",
        Some("POST") => "C",
        Some("PUT" | "PATCH") => "U",
        Some("DELETE") => "D",
        _ => "E",
    }
}

/// 0 success, 4 minor failure, 8 serious failure.
fn outcome(outcome: &str) -> &'static str {
    match outcome {
        "SUCCESS" => "0",
        "FAILED" => "8",
        _ => "4",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn row() -> Row {
        Row {
            id: 41,
            tx: 9,
            at: DateTime::from_timestamp_micros(1_763_898_000_123_456).unwrap(),
            actor: Some(12),
            role: Some("DOCTOR".into()),
            session: Some("0192d5a4-7b5c-7d4e-8f10-111213141516".parse().unwrap()),
            action: "PatientRead".into(),
            object: "GET /api/patients/7/".into(),
            patients: vec![7],
            outcome: "SUCCESS".into(),
            address: Some("203.0.113.7".into()),
            user_agent: Some("ward-tablet/3".into()),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
            reason: Some("unconscious, brought in at night".into()),
        }
    }

    fn empty() -> Row {
        Row {
            actor: None,
            role: None,
            session: None,
            patients: Vec::new(),
            outcome: "UNAUTHENTICATED".into(),
            address: None,
            user_agent: Some(String::new()),
            trace_id: None,
            reason: None,
            ..row()
        }
    }

    #[test]
    fn every_field_has_its_place() {
        let event = audit_event(&row(), "patients");
        assert_eq!(event["recorded"], "2025-11-23T11:40:00.123456Z");
        assert_eq!((&event["action"], &event["outcome"]), (&"R".into(), &"0".into()));
        assert_eq!(event["subtype"][0]["code"], "PatientRead");
        let agent = &event["agent"][0];
        assert_eq!((&agent["requestor"], &agent["who"]["identifier"]["value"]), (&true.into(), &"12".into()));
        assert_eq!(
            (&agent["role"][0]["coding"][0]["code"], &agent["network"]["type"]),
            (&"DOCTOR".into(), &"2".into())
        );
        assert_eq!(event["source"]["observer"]["display"], "EHS patients");
        assert_eq!(event["entity"][0]["what"]["reference"], "Patient/7");
        let details = event["entity"][1]["detail"].as_array().unwrap();
        let names: Vec<&str> = details.iter().map(|detail| detail["type"].as_str().unwrap()).collect();
        assert_eq!(names, ["transaction", "session", "trace", "user-agent"]);
        let purpose = &event["purposeOfEvent"][0];
        assert_eq!((&purpose["coding"][0]["code"], &purpose["text"]), (&"BTG".into(), &row().reason.into()));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let event = audit_event(&empty(), "patients");
        // R4: type, recorded, agent with requestor, and source with observer are always there.
        for required in ["type", "recorded", "agent", "source"] {
            assert!(event.get(required).is_some(), "{required}");
        }
        assert_eq!(event["agent"], json!([{ "requestor": true }]));
        assert_eq!((&event["outcome"], event.get("purposeOfEvent")), (&"4".into(), None));
        assert_eq!(event["entity"].as_array().unwrap().len(), 1);
        fn has_nothing_empty(value: &Value) -> bool {
            match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(all) => !all.is_empty() && all.iter().all(has_nothing_empty),
                Value::Object(all) => !all.is_empty() && all.values().all(has_nothing_empty),
                Value::Bool(_) | Value::Number(_) => true,
            }
        }
        assert!(has_nothing_empty(&event), "{event}");
    }
}
