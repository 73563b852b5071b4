//! Acts 2 and 3: the patient arrives by HL7 message, is found and is read.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::newcomer::Newcomer;
use super::player::{Player, must};
use super::{Cast, has_id};
use crate::api::Call;

const IMPORT: &str = "/api/patients/hl7/import/";

/// Imports the patient, sends the message again, changes the patient, and sends a damaged one.
pub async fn import(player: &Player, cast: &Cast, newcomer: &Newcomer) -> Result<i64> {
    let token = &cast.receptionist;
    let message = newcomer.adt("A28", 1);
    let first = player.play("a new patient", Call::post(IMPORT).by(token).hl7(&message), 200).await?;
    must(acknowledged(&first.body, "AA"), "a message that was applied is acknowledged with AA")?;
    must(first.body.get("created") == Some(&Value::Bool(true)), "the patient is new")?;
    must(first.word("message_control_id")? == newcomer.control_id(1), "the answer names the message")?;
    let id = patient_id(&first.body)?;

    let path = format!("/api/patients/{id}/");
    let before = player.play("the patient is there", Call::get(&path).by(token), 200).await?;
    let again = player
        .play("the same message again", Call::post(IMPORT).by(token).json(json!({"message": message})), 200)
        .await?;
    must(acknowledged(&again.body, "AA") && patient_id(&again.body)? == id, "the stored acknowledgment comes again")?;
    let after = player.play("and nothing has changed", Call::get(&path).by(token), 200).await?;
    must(
        before.header("etag").is_some() && before.header("etag") == after.header("etag"),
        "a replayed message changes nothing",
    )?;

    let moved = newcomer.adt("A08", 2).replace("12, Gandhi Road", "7, Marina Street");
    let bare = Call::post(IMPORT).by(token).hl7(&moved).accept("application/hl7-v2");
    let ack = player.play("an update, answered with a bare ACK", bare, 200).await?;
    must(
        ack.text.contains("MSA|AA|") && ack.text.contains(&newcomer.control_id(2)),
        "the ACK is AA and names the message",
    )?;
    let changed = player.play("and this has changed", Call::get(&path).by(token), 200).await?;
    must(
        changed.body.pointer("/address/line1").and_then(Value::as_str) == Some("7, Marina Street"),
        "the address is the new one",
    )?;

    let damaged = player.play("a damaged message", Call::post(IMPORT).by(token).hl7(&newcomer.damaged(3)), 400).await?;
    must(acknowledged(&damaged.body, "AE"), "a message that cannot be applied is answered with AE")?;
    must(damaged.word("detail").is_ok_and(|reason| !reason.is_empty()), "and with a reason")?;
    Ok(id)
}

/// Finds the patient in every way there is, and reads them in both forms.
pub async fn find(player: &Player, cast: &Cast, newcomer: &Newcomer, id: i64) -> Result<()> {
    let token = &cast.receptionist;
    let path = format!("/api/patients/{id}/");
    let patient = player.play("read", Call::get(&path).by(token), 200).await?;
    must(patient.word("phone")? == newcomer.phone(), "a phone number is returned as E.164")?;
    let number = patient.word("patient_id")?.to_owned();
    let by_name = newcomer.part_of_last_name().to_uppercase();
    for (what, words) in
        [("by part of a name", by_name), ("by patient_id", number), ("by phone", newcomer.phone_as_typed())]
    {
        let search = format!("/api/patients/?search={}", words.replace(' ', "%20"));
        let found = player.play(what, Call::get(search).by(token), 200).await?;
        must(has_id(found.list("results")?, id), &format!("searching {what} finds the patient"))?;
    }
    let etag = patient.header("etag").context("a patient has an ETag")?.to_owned();
    let stale = Call::patch(&path).by(token).json(json!({"email": newcomer.email()})).if_match("\"0\"");
    player.play("a change based on something old", stale, 412).await?;
    let change = Call::patch(&path).by(token).json(json!({"email": newcomer.email()})).if_match(&etag);
    player.play("a change based on what was read", change, 200).await?;
    player.play("a misspelt field", Call::patch(&path).by(token).json(json!({"frist_name": "X"})), 400).await?;

    let fhir = player
        .play("as FHIR R4", Call::get(format!("{path}fhir/")).by(token).accept("application/fhir+json"), 200)
        .await?;
    must(fhir.word("resourceType")? == "Patient", "FHIR calls it a Patient")?;
    must(
        fhir.header("content-type").is_some_and(|kind| kind.starts_with("application/fhir+json")),
        "with FHIR's content type",
    )?;
    Ok(())
}

/// Whether an import's answer carries this acknowledgment code, as a word or within an ER7 acknowledgment.
fn acknowledged(body: &Value, code: &str) -> bool {
    match body.get("acknowledgment") {
        Some(Value::String(text)) => text == code || text.contains(&format!("MSA|{code}")),
        Some(Value::Object(fields)) => fields.get("code").and_then(Value::as_str) == Some(code),
        _ => false,
    }
}

fn patient_id(body: &Value) -> Result<i64> {
    let patient = body.get("patient").context("the answer to an import names the patient")?;
    patient.as_i64().or_else(|| patient.get("id")?.as_i64()).context("the patient has an id")
}
