//! Schedules, date ranges and bookings among the appointments of three years, through the gateway.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate, Utc};
use serde_json::json;

use super::cpu::Meters;
use super::load::{Load, Target, Writes};
use super::race::{self, Race};
use super::report::{head, hundredths, machine};
use super::users::{self, Bar, Measured, in_hundredths};
use super::{Bench, Manner};
use crate::seed::Script;
use crate::seed::appointments as seeded;

/// Bookings that are prepared.
const BOOKINGS: u32 = 50_000;
/// Days in which they lie: from here on, so many.
const BOOKED: (u64, u64) = (3, 42);
/// Every such month is streamed.
const STREAMED: usize = 6;

/// What is read where appointments are shown and booked.
const WORKED_WITH: [&str; 14] = [
    "appointments_by_creation",
    "appointments_by_start",
    "appointments_of_status",
    "appointments_awaited",
    "appointments_queue",
    "appointments_pkey",
    "appointments_doctor_overlap",
    "appointments_patient_overlap",
    "appointments_of_patient",
    "appointments_of_doctor",
    "appointments_busy",
    "appointments",
    "patients_shown",
    "patients",
];

/// What was measured.
pub struct Appointments {
    there: u64,
    doctors: usize,
    measured: Vec<Measured>,
    streams: Vec<Stream>,
    race: Race,
    meters: Meters,
    manner: Manner,
}

/// A month of the whole hospital.
struct Stream {
    month: String,
    appointments: u64,
    bytes: u64,
    took: Duration,
    cpu: Vec<(&'static str, u64)>,
}

/// Seeds, and measures.
pub async fn measure(bench: &Bench<'_>) -> Result<Appointments> {
    say!("seeding {} appointments", bench.sizes.appointments);
    let cluster = &bench.system.cluster;
    let there = seeded::fill(bench.home, cluster, bench.sizes.appointments).await.context(bench.other_sizes())?;
    bench.warm("appointments", &WORKED_WITH).await?;
    let (doctors, months) = (seeded::doctors(cluster).await?, seeded::months(cluster).await?);
    let (load, meters) = (bench.load_by("RECEPTIONIST").await?, bench.meters("appointments")?);
    let today = Utc::now().date_naive();
    let ahead = months.iter().filter(|(_, last)| *last >= today).take(6);
    let schedules = each(&doctors, ahead, |doctor, (from, to)| {
        format!("/api/appointments/doctor/{doctor}/schedule/?start_date={from}&end_date={to}")
    });
    let ranges = each(&doctors, months.iter(), |doctor, (from, to)| {
        format!("/api/appointments/date-range/?start_date={from}&end_date={to}&doctor_id={doctor}")
    });
    let targets = [
        (Target::OneOf("a doctor's schedule of a month", schedules), Bar::P99(15)),
        (Target::OneOf("a doctor's date range of a month", ranges), Bar::P99(15)),
        (Target::Each("book an appointment", bookings(bench, today).await?), Bar::P99(25)),
    ];
    let mut measured = Vec::new();
    for (target, bar) in targets {
        measured.push(users::measure(&load, &meters, &target, bar).await?);
    }
    let streams = stream(&load, &meters, &months).await?;
    let race = race::run(&load, cluster, &doctors, today).await?;
    Ok(Appointments { there, doctors: doctors.len(), measured, streams, race, meters, manner: bench.manner })
}

fn each<'a>(
    doctors: &[u64],
    months: impl Iterator<Item = &'a (NaiveDate, NaiveDate)> + Clone,
    path: impl Fn(u64, (NaiveDate, NaiveDate)) -> String,
) -> Arc<[String]> {
    doctors.iter().flat_map(|doctor| months.clone().map(|month| path(*doctor, *month)).collect::<Vec<_>>()).collect()
}

/// Bookings that nothing is in the way of.
async fn bookings(bench: &Bench<'_>, today: NaiveDate) -> Result<Arc<Writes>> {
    let day = |days: u64| today.checked_add_days(Days::new(days)).context("the calendar ends");
    let (first, several) = BOOKED;
    let values = vec![
        ("from", day(first)?.to_string()),
        ("to", day(first + several)?.to_string()),
        ("most", BOOKINGS.to_string()),
    ];
    let script = Script::new(bench.home, &bench.system.cluster, "free-slots", include_str!("free_slots.sql"))?;
    let slots = script.run(values).await?;
    let body = |line: &str| {
        let mut cells = line.split('|');
        let mut cell = || cells.next().context("four columns were asked for");
        let (patient, doctor): (u64, u64) = (cell()?.parse()?, cell()?.parse()?);
        let (date, time) = (cell()?, cell()?);
        let booking =
            json!({"patient": patient, "doctor": doctor, "date": date, "time_slot": time, "reason": "Follow-up"});
        Ok(booking.to_string())
    };
    Writes::new("/api/appointments/", slots.lines().map(body).collect::<Result<_>>()?)
}

/// Months of the whole hospital, one after the other on one connection. The first one warms up.
async fn stream(load: &Load, meters: &Meters, months: &[(NaiveDate, NaiveDate)]) -> Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for (from, to) in months.iter().take(1).chain(months.iter().step_by(STREAMED)) {
        say!("measuring: the whole hospital from {from} to {to}");
        let before = meters.read();
        let path = format!("/api/appointments/date-range/?start_date={from}&end_date={to}");
        let fetched = load.fetch(&path).await?;
        let cpu = meters.since(&before);
        let appointments = count(&fetched.head).with_context(|| format!("{path} does not say how many there are"))?;
        let month = from.format("%Y-%m").to_string();
        streams.push(Stream { month, appointments, bytes: fetched.bytes, took: fetched.took, cpu });
    }
    streams.remove(0);
    Ok(streams)
}

/// How many appointments a date range says that it has.
fn count(head: &str) -> Option<u64> {
    let (_, rest) = head.split_once("\"count\":")?;
    rest.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
}

impl Appointments {
    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build, through the gateway, by a receptionist; {} appointments of three years with {} doctors. Load generator, \
             PostgreSQL, Redis and all services on the same cores; the workers tell of what is booked meanwhile. The tables are in PostgreSQL's memory at the start, as after a day's work. {}\n",
            machine(),
            self.there,
            self.doctors,
            users::manner(self.manner)
        );
        text.push_str(&users::table(&self.measured, &self.meters));
        text.push_str("\nA month of the whole hospital, streamed to one client. The bar is 100,000 appointments per second of the service's CPU time.\n\n");
        let columns = ["month", "appointments", "MB", "s"];
        text.push_str(&head(&columns, "appointments per second of CPU time", &self.meters.names()));
        for stream in &self.streams {
            let _ = write!(
                text,
                "| {} | {} | {} | {} |",
                stream.month,
                stream.appointments,
                stream.bytes / 1_000_000,
                hundredths(in_hundredths(stream.took))
            );
            for (_, used) in &stream.cpu {
                let _ = match stream.appointments.saturating_mul(1_000_000).checked_div(*used) {
                    Some(rate) => write!(text, " {rate} |"),
                    None => text.write_str(" – |"), // less than a tick
                };
            }
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.race.markdown());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_range_says_how_many() {
        let head = r#"{"start_date":"2026-11-01","end_date":"2026-11-30","count":139214,"appointments":[{"id":7"#;
        assert_eq!(count(head), Some(139_214));
        assert_eq!(count("{}"), None);
    }
}
