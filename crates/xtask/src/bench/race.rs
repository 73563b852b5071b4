//! Two hundred people at as many desks race for the slots of one doctor, through the gateway: some book, some move what they have,
//! some call it off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::load::Load;
use super::report::{hundredths, percentile};
use super::seed::Seeded;
use super::users::in_hundredths;
use crate::api::{Api, Call};
use crate::parts::postgres::Cluster;
use crate::system::DATABASE;

/// Who races.
const CLIENTS: usize = 200;
/// For how many slots.
const SLOTS: usize = 20;
/// How long each looks at an answer before asking again.
const PAUSE: Duration = Duration::from_secs(2);
/// How many times as long as other measurements.
const LONGER: u32 = 6;
/// Behind the seeded year, where nobody has booked: from so many days on, so many.
const FAR: (u64, u64) = (480, 60);

/// What came of it.
pub struct Race {
    /// Microseconds, sorted.
    took: Vec<u64>,
    booked: usize,
    changed: usize,
    lost: usize,
    length: Duration,
}

/// What is raced for.
struct Prize {
    doctor: u64,
    date: NaiveDate,
    times: Vec<String>,
}

/// One client.
struct Racer {
    api: Api,
    token: String,
    prize: Arc<Prize>,
    patient: u64,
    dice: Seeded,
    held: Vec<u64>,
}

/// What one client met.
#[derive(Default)]
struct Met {
    took: Vec<u64>,
    booked: Vec<u64>,
    changed: usize,
    lost: usize,
}

/// Races, and sees afterwards that no two have one time, and that everybody who was told so has an appointment.
pub async fn run(load: &Load, cluster: &Cluster, doctors: &[u64], today: NaiveDate) -> Result<Race> {
    say!("measuring: {CLIENTS} clients race for {SLOTS} slots");
    let api = Api::new(&format!("http://127.0.0.1:{}", load.address), None)?;
    let doctor = *doctors.first().context("there are doctors")?;
    let prize = Arc::new(prize(&api, &load.token, doctor, today).await?);
    let patients = patients(cluster).await?;
    let length = load.manner.length * LONGER;
    let until = Instant::now() + length;
    let mut racers = JoinSet::new();
    for (seed, patient) in (0..).zip(patients) {
        let (api, token, prize) = (api.clone(), load.token.clone(), Arc::clone(&prize));
        let racer = Racer { api, token, prize, patient, dice: Seeded::new(seed), held: Vec::new() };
        racers.spawn(racer.run(until));
    }
    let mut all = Met::default();
    while let Some(met) = racers.join_next().await {
        let met = met??;
        all.took.extend(met.took);
        all.booked.extend(met.booked);
        all.changed += met.changed;
        all.lost += met.lost;
    }
    ensure!(!all.booked.is_empty() && all.lost > 0, "nobody raced");
    check(cluster, &prize, &all.booked).await?;
    all.took.sort_unstable();
    Ok(Race { took: all.took, booked: all.booked.len(), changed: all.changed, lost: all.lost, length })
}

/// A day that is free.
async fn prize(api: &Api, token: &str, doctor: u64, today: NaiveDate) -> Result<Prize> {
    let day = |days: u64| today.checked_add_days(Days::new(days)).context("the calendar ends");
    let (first, several) = FAR;
    let (from, to) = (day(first)?, day(first + several)?);
    let path = format!("/api/appointments/doctor/{doctor}/schedule/?start_date={from}&end_date={to}");
    let schedule = api.expect(&Call::get(path).by(token), &[200]).await?.body;
    let days = schedule.get("days").and_then(Value::as_array).context("a schedule has days")?;
    for day in days {
        let slots = day.get("slots").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let free = slots.iter().filter(|slot| slot.get("status").and_then(Value::as_str) == Some("FREE"));
        let times: Vec<String> =
            free.filter_map(|slot| slot.get("time_slot")?.as_str().map(str::to_owned)).take(SLOTS).collect();
        if times.len() == SLOTS {
            let date = day.get("date").and_then(Value::as_str).context("a day has a date")?.parse()?;
            return Ok(Prize { doctor, date, times });
        }
    }
    bail!("doctor {doctor} has no day with {SLOTS} free slots from {from} to {to}")
}

async fn patients(cluster: &Cluster) -> Result<Vec<u64>> {
    let some = format!("SELECT id FROM appointments.patients WHERE is_active ORDER BY id LIMIT {CLIENTS}");
    let ids = cluster.psql(DATABASE, &["-c", &some]).await?;
    let ids: Vec<u64> = ids.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(ids.len() == CLIENTS, "there are only {} patients", ids.len());
    Ok(ids)
}

async fn check(cluster: &Cluster, prize: &Prize, booked: &[u64]) -> Result<()> {
    let overlaps = format!(
        "SELECT count(*) FROM appointments.appointments a JOIN appointments.appointments b ON a.id < b.id AND b.doctor_id = a.doctor_id \
         WHERE a.doctor_id = {} AND a.starts_at::date = '{}' AND b.starts_at::date = a.starts_at::date AND 'CANCELLED' NOT IN (a.status, b.status) \
         AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at",
        prize.doctor, prize.date
    );
    let ids: Vec<String> = booked.iter().map(u64::to_string).collect();
    let there = format!("SELECT count(*) FROM appointments.appointments WHERE id IN ({})", ids.join(","));
    let [overlaps, there] =
        [cluster.psql(DATABASE, &["-c", &overlaps]).await?, cluster.psql(DATABASE, &["-c", &there]).await?];
    ensure!(overlaps.trim() == "0", "{} appointments overlap", overlaps.trim());
    ensure!(there.trim() == ids.len().to_string(), "{} were booked, of which {} are there", ids.len(), there.trim());
    Ok(())
}

impl Racer {
    async fn run(mut self, until: Instant) -> Result<Met> {
        let mut met = Met::default();
        let thousandths = u32::try_from(self.dice.below(1000)).unwrap_or_default();
        tokio::time::sleep(PAUSE.saturating_mul(thousandths) / 1000).await; // they do not all come at once
        while Instant::now() < until {
            let call = self.next();
            let began = Instant::now();
            let answer = self.api.send(&call).await?;
            met.took.push(u64::try_from(began.elapsed().as_micros())?);
            match answer.status {
                201 => {
                    let id = u64::try_from(answer.number("id")?)?;
                    self.held.push(id);
                    met.booked.push(id);
                }
                200 => met.changed += 1,
                409 => met.lost += 1,
                status => bail!("{} answered {status} in the race: {}", call.path, answer.text),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(met)
    }

    /// Who has an appointment calls it off or moves it every other time.
    fn next(&mut self) -> Call {
        let time = self.dice.one_of(&self.prize.times).cloned().unwrap_or_default();
        let change = match (self.dice.below(4), self.held.last().copied()) {
            (0, Some(id)) => {
                self.held.pop();
                Some((id, json!({"status": "CANCELLED", "cancellation_reason": "changed their mind"})))
            }
            (1, Some(id)) => Some((id, json!({"time_slot": time}))),
            _ => None,
        };
        match change {
            Some((id, change)) => Call::patch(format!("/api/appointments/{id}/")).by(&self.token).json(change),
            None => {
                let Prize { doctor, date, .. } = &*self.prize;
                let wanted = json!({"patient": self.patient, "doctor": doctor, "date": date, "time_slot": time, "reason": "Follow-up"});
                Call::post("/api/appointments/").by(&self.token).json(wanted)
            }
        }
    }
}

impl Race {
    /// A paragraph.
    pub fn markdown(&self) -> String {
        format!(
            "{CLIENTS} clients race for {SLOTS} slots of one doctor, {} s, each {} s after its last answer: {} requests, {} bookings, {} \
             moves and cancellations, {} answers of 409; p50 {} ms, p99 {} ms. No two appointments overlap, and each that was answered \
             201 is there. The bar is a p99 of 100 ms.\n",
            self.length.as_secs(),
            hundredths(in_hundredths(PAUSE)),
            self.took.len(),
            self.booked,
            self.changed,
            self.lost,
            hundredths(percentile(&self.took, 50) / 10),
            hundredths(percentile(&self.took, 99) / 10),
        )
    }
}
