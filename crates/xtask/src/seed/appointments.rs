//! Appointments of three years with five hundred doctors.

use anyhow::{Context, Result, bail, ensure};
use chrono::{Datelike, Days, Months, NaiveDate, Utc};

use super::doctors::{self, DOCTORS};
use super::{Script, patients, settle};
use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::system::DATABASE;

/// From the first of a month on: two years that are over, and one ahead.
const MONTHS: u32 = 36;
const MONTHS_OVER: u32 = 24;
/// More would not find a slot each.
const MOST: u64 = 9_000_000;
/// Each patient has so many, where the patients do not have to be more.
const OF_EACH: u64 = 50;
/// With fewer people some would have to be in two places at once.
const FEWEST_PEOPLE: u64 = 2_000;

/// The doctors' appointments that are there.
const THERE: &str = "select count(*), coalesce(min((starts_at at time zone 'Asia/Kolkata')::date)::text, '') from appointments.appointments \
     where doctor_id in (select id from users.users where username like 'seed.doctor.%')";

/// Seeds until there are so many, with the doctors and patients that they need; gives how many there are. The months that were
/// seeded before are left as they are.
pub async fn fill(home: &Home, cluster: &Cluster, wanted: u64) -> Result<u64> {
    ensure!(wanted <= MOST, "{DOCTORS} doctors have no time for more than {MOST} appointments");
    let (count, earliest) = there(cluster).await?;
    if count >= wanted {
        return Ok(count);
    }
    doctors::fill(home, cluster).await?;
    let people = FEWEST_PEOPLE.max(wanted / OF_EACH);
    patients::at_least(home, cluster, people).await?;
    copy_patients(cluster, people).await?;
    let first = first_day(earliest.unwrap_or_else(|| Utc::now().date_naive()), earliest.is_some())?;
    let last = end_of(first, MONTHS)?;
    let mut parts = Vec::new();
    for month in 0..MONTHS {
        let (from, to) = (after(first, month)?, end_of(first, month + 1)?);
        if !is_seeded(cluster, from, to).await? {
            parts.push(vec![
                ("wanted", format!("{wanted}::bigint")),
                ("people", people.to_string()),
                ("first", first.to_string()),
                ("last", last.to_string()),
                ("from", from.to_string()),
                ("to", to.to_string()),
            ]);
        }
    }
    if parts.is_empty() {
        bail!("{count} appointments are seeded already, all their months: `cargo xtask reset` starts afresh");
    }
    let script = Script::new(home, cluster, "appointments", include_str!("appointments.sql"))?;
    script.run_each("the appointments, a month each", parts).await?;
    settle(cluster, &["appointments.appointments", "appointments.appointment_history", "appointments.patients"])
        .await?;
    Ok(there(cluster).await?.0)
}

/// The doctors of seeded appointments.
pub async fn doctors(cluster: &Cluster) -> Result<Vec<u64>> {
    let ids = "select id from users.users where username like 'seed.doctor.%' order by id";
    let ids = cluster.psql(DATABASE, &["-c", ids]).await?;
    ids.split_whitespace().map(|id| id.parse().context("an id is a number")).collect()
}

/// The months of seeded appointments, each from its first day to its last.
pub async fn months(cluster: &Cluster) -> Result<Vec<(NaiveDate, NaiveDate)>> {
    let first = first_day(there(cluster).await?.1.context("there are seeded appointments")?, true)?;
    (0..MONTHS).map(|month| Ok((after(first, month)?, end_of(first, month + 1)?))).collect()
}

async fn there(cluster: &Cluster) -> Result<(u64, Option<NaiveDate>)> {
    let answer = cluster.psql(DATABASE, &["-c", THERE]).await?;
    let (count, earliest) = answer.trim().split_once('|').context("two columns were asked for")?;
    let earliest = if earliest.is_empty() { None } else { Some(earliest.parse()?) };
    Ok((count.parse()?, earliest))
}

/// What appointments would have heard of the patients by events.
async fn copy_patients(cluster: &Cluster, people: u64) -> Result<()> {
    let copy = format!(
        "insert into appointments.patients (id, patient_id, name, user_id, primary_doctor_id, is_active, version) \
         select id, patient_id, btrim(first_name || ' ' || last_name), user_id, primary_doctor, is_active, version \
         from patients.patients where {} order by id limit {people} on conflict (id) do nothing",
        patients::SEEDED
    );
    cluster.psql(DATABASE, &["-c", &copy, "-c", "analyze appointments.patients"]).await.map(drop)
}

/// Whether a month is there: it is there whole or not at all.
async fn is_seeded(cluster: &Cluster, from: NaiveDate, to: NaiveDate) -> Result<bool> {
    let seeded = format!(
        "select exists (select from appointments.appointments a join appointments.appointment_history h on h.appointment_id = a.id \
         where a.starts_at >= timestamp '{from}' at time zone 'Asia/Kolkata' \
         and a.starts_at < timestamp '{to}' at time zone 'Asia/Kolkata' + interval '1 day' and h.version = 1 and h.why = 'seeded')"
    );
    Ok(cluster.psql(DATABASE, &["-c", &seeded]).await?.trim() == "t")
}

/// The first day of all: that of an earlier seeding, or else the month that lies two years before this day's.
fn first_day(day: NaiveDate, is_first: bool) -> Result<NaiveDate> {
    let month = day.with_day(1).context("every month has a first")?;
    if is_first { Ok(month) } else { month.checked_sub_months(Months::new(MONTHS_OVER)).context("the calendar begins") }
}

fn after(first: NaiveDate, months: u32) -> Result<NaiveDate> {
    first.checked_add_months(Months::new(months)).context("the calendar ends")
}

/// The last day of so many months.
fn end_of(first: NaiveDate, months: u32) -> Result<NaiveDate> {
    after(first, months)?.checked_sub_days(Days::new(1)).context("the calendar begins")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn three_whole_years_around_the_day() {
        let day: NaiveDate = "2026-11-27".parse().unwrap();
        let first = first_day(day, false).unwrap();
        assert_eq!(first.to_string(), "2024-11-01");
        assert_eq!(end_of(first, MONTHS).unwrap().to_string(), "2027-10-31");
        assert_eq!(end_of(first, 1).unwrap().to_string(), "2024-11-30");
        assert_eq!(first_day("2024-11-01".parse().unwrap(), true).unwrap(), first);
    }
}
