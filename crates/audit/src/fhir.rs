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
