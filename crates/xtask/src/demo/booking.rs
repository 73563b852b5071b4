//! Act 4 and the first half of act 5: slots, double bookings, and the visit itself.

use anyhow::{Context, Result, bail};
use chrono::{Days, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::player::{Player, must};
use super::{Cast, has_id};
use crate::api::Call;

pub const APPOINTMENTS: &str = "/api/appointments/";
/// How many try for one slot at the same instant.
const CROWD: usize = 50;

/// A free slot.
pub struct Slot {
    /// Day.
    pub date: String,
    /// When it begins.
    pub time: String,
}

/// Books an appointment, fails to book over it, and lets a crowd fight for another slot. Gives the appointment, and a
/// slot that is free.
pub async fn book(player: &Player, cast: &Cast, patient: i64) -> Result<(i64, Slot)> {
    let token = &cast.receptionist;
    let mut slots = free_slots(player, cast).await?.into_iter();
    let (Some(slot), Some(contested), Some(free)) = (slots.next(), slots.next(), slots.next()) else {
        bail!("the doctor has no three free slots in the coming month")
    };
    let wanted = json!({"patient": patient, "doctor": cast.doctor_id, "date": slot.date, "time_slot": slot.time, "reason": "Fever for three days"});
    let key = format!("demo-booking-{patient}");
    let booked = player.play("book", Call::post(APPOINTMENTS).by(token).json(wanted.clone()).key(&key), 201).await?;
    let id = booked.number("id")?;
    must(booked.word("status")? == "SCHEDULED", "a new appointment is SCHEDULED")?;
    must(booked.header("location").is_some(), "201 says where the new thing is")?;

    let replay = player
        .play("the same request again", Call::post(APPOINTMENTS).by(token).json(wanted.clone()).key(&key), 201)
        .await?;
    must(
        replay.number("id")? == id && replay.header("idempotent-replayed") == Some("true"),
        "the first answer comes again",
    )?;
    let mut other = wanted.clone();
    if let Some(other) = other.as_object_mut() {
        other.insert("reason".to_owned(), json!("Cough"));
    }
    player
        .play("the same key for something else", Call::post(APPOINTMENTS).by(token).json(other).key(&key), 409)
        .await?;

    let clash = player.play("somebody books over it", Call::post(APPOINTMENTS).by(token).json(wanted), 409).await?;
    must(!clash.list("conflicts")?.is_empty(), "the answer says with what it collides")?;
    must(clash.list("next_available")?.len() == 3, "and offers the next three free slots")?;
    let past = json!({"patient": patient, "doctor": cast.doctor_id, "date": "2020-01-06", "time_slot": "10:00:00"});
    player.play("a day that is over", Call::post(APPOINTMENTS).by(token).json(past), 400).await?;

    crowd(player, cast, patient, &contested).await?;

    let range =
        format!("{APPOINTMENTS}date-range/?start_date={0}&end_date={0}&doctor_id={1}", slot.date, cast.doctor_id);
    let listed = player.play("the day's list", Call::get(range).by(token), 200).await?;
    let mut names: Vec<&str> =
        listed.body.as_object().context("the list is an object")?.keys().map(String::as_str).collect();
    names.sort_unstable();
    must(names == ["appointments", "count", "end_date", "start_date"], "a date range has exactly its four fields")?;
    must(has_id(listed.list("appointments")?, id), "and the appointment is in it")?;
    Ok((id, free))
}

/// A visit, from walking in to COMPLETED, and its trace.
pub struct Visit {
    /// The appointment.
    pub appointment: i64,
    /// The trace of the last step.
    pub trace: String,
}

/// The patient comes today, without waiting for what is booked: walks in, gets a number, and is seen.
pub async fn visit(player: &Player, cast: &Cast, patient: i64, booked: i64) -> Result<Visit> {
    let early = Call::patch(format!("{APPOINTMENTS}{booked}/")).json(json!({"status": "CHECKED_IN"}));
    player.play("nobody is checked in before the day", early.by(&cast.receptionist), 409).await?;
    on_duty_today(player, cast).await?;
    let walk_in = json!({"patient": patient, "doctor": cast.doctor_id, "reason": "The fever is worse"});
    let call = Call::post(format!("{APPOINTMENTS}walk-in/")).by(&cast.receptionist).json(walk_in);
    let here = player.play("the patient walks in", call, 201).await?;
    must(here.word("status")? == "CHECKED_IN", "who walks in is here")?;
    must(here.number("queue_number")? > 0, "and has a number in the doctor's queue")?;

    let appointment = here.number("id")?;
    let path = format!("{APPOINTMENTS}{appointment}/");
    let to = |status: &str| Call::patch(&path).json(json!({"status": status}));
    player.play("the cashier may not complete it", to("COMPLETED").by(&cast.accountant), 403).await?;
    player.play("the doctor begins", to("IN_PROGRESS").by(&cast.doctor), 200).await?;
    player.play("and can not go back", to("SCHEDULED").by(&cast.doctor), 409).await?;
    let done = player.play("the visit is over", to("COMPLETED").by(&cast.doctor), 200).await?;
    must(done.word("status")? == "COMPLETED", "the appointment is COMPLETED")?;
    let parent = done.header("traceparent").context("every answer has a traceparent")?;
    let trace = parent.split('-').nth(1).context("a traceparent has four parts")?.to_owned();
    let history = player.play("who did what", Call::get(format!("{path}history/")).by(&cast.doctor), 200).await?;
    must(history.list("results")?.len() == 3, "every step is in the history")?;
    Ok(Visit { appointment, trace })
}

/// Whatever the hour, the doctor is there: other hours for a while, for this day in India.
async fn on_duty_today(player: &Player, cast: &Cast) -> Result<()> {
    let now = Utc::now().checked_add_signed(TimeDelta::minutes(330)).context("the calendar ends")?;
    let today = now.date_naive().to_string();
    let day = |day: u8| json!({"weekday": day, "start": "00:00:00", "end": "23:59:00"});
    let weekly: Vec<Value> = (0..7).map(day).collect();
    let body = json!({"slot_minutes": 15, "weekly": weekly, "effective_from": today, "effective_until": today,
        "works_on_holidays": true});
    let call = Call::put(format!("{APPOINTMENTS}doctor/{}/availability/", cast.doctor_id)).by(&cast.doctor).json(body);
    player.play("the doctor is on duty all day", call, 200).await.map(drop)
}

/// Fifty requests for one slot at the same instant: one gets it.
async fn crowd(player: &Player, cast: &Cast, patient: i64, slot: &Slot) -> Result<()> {
    let body = json!({"patient": patient, "doctor": cast.doctor_id, "date": slot.date, "time_slot": slot.time});
    let mut requests = JoinSet::new();
    for _ in 0..CROWD {
        let (api, call) = (player.api().clone(), Call::post(APPOINTMENTS).by(&cast.receptionist).json(body.clone()));
        requests.spawn(async move { api.send(&call).await });
    }
    let (mut won, mut lost, mut others) = (Vec::new(), 0_usize, Vec::new());
    while let Some(answer) = requests.join_next().await {
        let answer = answer??;
        match answer.status {
            201 => won.push(answer.number("id")?),
            409 => lost += 1,
            status => others.push(format!("{status}: {}", answer.text)),
        }
    }
    player.counted(CROWD);
    say!(
        "  fifty at the same instant\n    {CROWD} × POST {APPOINTMENTS} {body}\n    → {} × 201, {lost} × 409",
        won.len()
    );
    let [winner] = won.as_slice() else { bail!("one of fifty gets the slot, not {}: {others:?}", won.len()) };
    must(lost == CROWD - 1, &format!("all others are told 409; {others:?}"))?;
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "it was only a demonstration"});
    let path = format!("{APPOINTMENTS}{winner}/");
    player.play("the winner gives it back", Call::patch(path).by(&cast.receptionist).json(cancel), 200).await.map(drop)
}

/// The doctor's free slots, from the day after tomorrow on.
async fn free_slots(player: &Player, cast: &Cast) -> Result<Vec<Slot>> {
    let today = Utc::now().date_naive();
    let day = |days: u64| today.checked_add_days(Days::new(days)).context("the calendar ends");
    let path =
        format!("{APPOINTMENTS}doctor/{}/schedule/?start_date={}&end_date={}", cast.doctor_id, day(2)?, day(32)?);
    let schedule = player.play("the doctor's schedule", Call::get(path).by(&cast.receptionist), 200).await?;
    let mut free = Vec::new();
    for day in schedule.list("days")? {
        let date = day.get("date").and_then(Value::as_str).context("a day has a date")?;
        for slot in day.get("slots").and_then(Value::as_array).into_iter().flatten() {
            if slot.get("status").and_then(Value::as_str) == Some("FREE") {
                let time = slot.get("time_slot").and_then(Value::as_str).context("a slot has a time")?;
                free.push(Slot { date: date.to_owned(), time: time.to_owned() });
            }
        }
    }
    Ok(free)
}
