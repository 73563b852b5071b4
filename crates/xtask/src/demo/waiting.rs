//! Who waits for a slot that somebody else has, and gets it when that one calls off.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Cast;
use super::booking::{APPOINTMENTS, Slot};
use super::newcomer::Newcomer;
use super::player::{Player, must};
use crate::api::{Answer, Call};

const WAITLIST: &str = "/api/appointments/waitlist/";
/// Times that the entry is looked at, a quarter of a second apart.
const LOOKS: u32 = 80;

/// A stranger has the slot, the patient waits for it, the stranger calls off, and nobody else gets it.
pub async fn wait(player: &Player, cast: &Cast, newcomer: &Newcomer, patient: i64, slot: &Slot) -> Result<()> {
    let token = &cast.receptionist;
    let body = json!({"first_name": "Mohan", "last_name": newcomer.last_name()});
    let other =
        player.play("somebody else is registered", Call::post("/api/patients/").by(token).json(body), 201).await?;
    let other = other.number("id")?;
    let theirs = json!({"patient": other, "doctor": cast.doctor_id, "date": slot.date, "time_slot": slot.time});
    let call = Call::post(APPOINTMENTS).by(token).json(theirs.clone());
    let booked = player.play("and has the slot", call, 201).await?;

    let wish = json!({"patient": patient, "doctor": cast.doctor_id, "start_date": slot.date, "end_date": slot.date,
        "earliest_time": slot.time, "latest_time": booked.word("end_time")?});
    let waits = player.play("the patient waits for it", Call::post(WAITLIST).by(token).json(wish), 201).await?;
    let path = format!("{WAITLIST}{}/", waits.number("id")?);
    let accept = || Call::post(format!("{path}accept/")).by(token);
    player.play("nothing can be accepted yet", accept(), 409).await?;

    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "it was only a demonstration"});
    let call = Call::patch(format!("{APPOINTMENTS}{}/", booked.number("id")?)).by(token).json(cancel);
    player.play("the other one calls off", call, 200).await?;
    offered(player, token, &path).await?;
    let call = Call::post(APPOINTMENTS).by(token).json(theirs);
    let held = player.play("it is held: nobody else gets it", call, 409).await?;
    must(held.text.contains("waitlist"), "the answer says that it is held for somebody who waits")?;
    let taken = player.play("the patient accepts", accept(), 201).await?;
    must(taken.word("time_slot")? == slot.time, "what was offered is booked")?;
    let again = player.play("and accepts again", accept(), 200).await?;
    must(again.number("id")? == taken.number("id")?, "it is one appointment")
}

/// The worker offers it within a moment.
async fn offered(player: &Player, token: &str, path: &str) -> Result<Answer> {
    for _ in 0..LOOKS {
        let seen = player.api().expect(&Call::get(path).by(token), &[200]).await?;
        if seen.word("status")? == "OFFERED" {
            let shown = player.play("the worker has offered it", Call::get(path).by(token), 200).await?;
            shown.body.pointer("/offer/expires_at").context("an offer says until when it is held")?;
            return Ok(shown);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    bail!("nobody offered the slot that came free")
}
