//! Invoices of the last whole financial year, most of them paid.

use anyhow::{Context, Result, bail, ensure};
use chrono::{Datelike, NaiveDate, Utc};
use serde_json::json;

use super::{Script, patients, settle};
use crate::home::Home;
use crate::parts::postgres::Cluster;
use crate::system::{self, DATABASE};

/// Invoices of one transaction.
const CHUNK: u64 = 5_000;
/// The numbers of a year have seven digits.
const MOST: u64 = 9_999_999;
/// Each patient has so many, where the patients do not have to be more.
const OF_EACH: u64 = 50;
const FEWEST_PEOPLE: u64 = 1_000;
/// The series of the demo hospital.
const SERIES: &str = "EHS";
const CREDITS: &str = "CN";
/// One in so many is cancelled by a credit note.
const CREDITED: u64 = 100;

/// The financial year of the seeded invoices: the last one that is over, so that nothing is numbered after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Year(pub i32);

impl Year {
    /// The last whole one before a day.
    pub fn before(day: NaiveDate) -> Self {
        Self(if day.month() >= 4 { day.year() - 1 } else { day.year() - 2 })
    }

    /// The seeded one.
    pub fn seeded() -> Self {
        Self::before(Utc::now().date_naive())
    }

    /// Its first day.
    pub fn first(self) -> String {
        format!("{}-04-01", self.0)
    }

    /// Its last day.
    pub fn last(self) -> String {
        format!("{}-03-31", self.0 + 1)
    }

    fn digits(self) -> String {
        format!("{:02}{:02}", self.0 % 100, (self.0 + 1) % 100)
    }
}

/// Seeds so many invoices, with the patients that they need. What was broken off is completed; a year that is whole takes no
/// more, for its numbers are given.
pub async fn fill(home: &Home, cluster: &Cluster, wanted: u64) -> Result<()> {
    ensure!((1..=MOST).contains(&wanted), "a year has numbers for 1 to {MOST} invoices");
    let year = Year::seeded();
    let given = given(cluster, year).await?;
    if given == wanted {
        return Ok(());
    }
    if given > 0 {
        bail!("{given} invoices of {}-{} are there already: `cargo xtask reset` starts afresh", year.0, year.0 + 1);
    }
    let people = FEWEST_PEOPLE.max(wanted / OF_EACH);
    patients::at_least(home, cluster, people).await?;
    copy_patients(cluster, people).await?;
    let cashier = "select min(id) from users.users where role = 'ACCOUNTANT' and is_active";
    let cashier = cluster.psql(DATABASE, &["-c", cashier]).await?.trim().to_owned();
    ensure!(!cashier.is_empty(), "nobody is an accountant, who would have taken the money");
    let (gstin, supplier) = supplier()?;
    let script = Script::new(home, cluster, "invoices", include_str!("invoices.sql"))?;
    let parts = (0..wanted.div_ceil(CHUNK)).map(|chunk| {
        vec![
            ("wanted", wanted.to_string()),
            ("people", people.to_string()),
            ("from", (chunk * CHUNK + 1).to_string()),
            ("to", wanted.min((chunk + 1) * CHUNK).to_string()),
            ("first", year.first()),
            ("last", format!("{}-04-01", year.0 + 1)),
            ("gstin", gstin.to_owned()),
            ("series", SERIES.to_owned()),
            ("credits", CREDITS.to_owned()),
            ("year", format!("{}::smallint", year.0)),
            ("years", year.digits()),
            ("cashier", cashier.clone()),
            ("supplier", supplier.clone()),
        ]
    });
    script.run_each("the invoices", parts.collect()).await?;
    close(cluster, gstin, year, wanted).await
}

/// Where the series' counter stands: nowhere until all numbers up to it are there.
async fn given(cluster: &Cluster, year: Year) -> Result<u64> {
    let last = format!(
        "select coalesce(max(last_serial), 0) from billing.invoice_counters where series = '{SERIES}' and financial_year = {}",
        year.0
    );
    Ok(cluster.psql(DATABASE, &["-c", &last]).await?.trim().parse()?)
}

/// All numbers are given: the counters say so.
async fn close(cluster: &Cluster, gstin: &str, year: Year, wanted: u64) -> Result<()> {
    let counters = format!(
        "insert into billing.invoice_counters (gstin, series, financial_year, last_serial) \
         select '{gstin}', series, {}, last from (values ('{SERIES}', {wanted}), ('{CREDITS}', {})) as counted (series, last) \
         where last > 0",
        year.0,
        wanted / CREDITED
    );
    cluster.psql(DATABASE, &["-c", &counters]).await?;
    let tables = ["invoices", "invoice_items", "payments", "journal_entries", "postings", "credit_notes", "patients"];
    let tables = tables.map(|table| format!("billing.{table}"));
    settle(cluster, &tables.each_ref().map(String::as_str)).await
}

/// What billing would have heard of the patients by events.
async fn copy_patients(cluster: &Cluster, people: u64) -> Result<()> {
    let copy = format!(
        "insert into billing.patients (id, patient_id, name, address, user_id, is_active, version, state) \
         select id, patient_id, btrim(first_name || ' ' || last_name), \
             concat_ws(', ', address ->> 'line1', address ->> 'city', address ->> 'state', address ->> 'pin_code', address ->> 'country'), \
             user_id, is_active, version, address ->> 'state' \
         from patients.patients where {} order by id limit {people} on conflict (id) do nothing",
        patients::SEEDED
    );
    cluster.psql(DATABASE, &["-c", &copy, "-c", "analyze billing.patients"]).await.map(drop)
}

/// The hospital's registration, and its particulars as invoices keep them.
fn supplier() -> Result<(&'static str, String)> {
    let of = |name: &str| {
        let told = system::HOSPITAL.into_iter().find(|(told, _)| *told == name);
        told.map(|(_, value)| value).with_context(|| format!("the demo hospital has no {name}"))
    };
    let gstin = of("EHS_HOSPITAL_GSTIN")?;
    let particulars = json!({"name": of("EHS_HOSPITAL_NAME")?, "address": of("EHS_HOSPITAL_ADDRESS")?, "gstin": gstin,
        "state_code": of("EHS_HOSPITAL_STATE_CODE")?});
    Ok((gstin, particulars.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_financial_year() {
        for (day, first, last, digits) in [
            ("2026-11-27", "2025-04-01", "2026-03-31", "2526"),
            ("2026-04-01", "2025-04-01", "2026-03-31", "2526"),
            ("2026-03-31", "2024-04-01", "2025-03-31", "2425"),
        ] {
            let year = Year::before(day.parse().unwrap());
            assert_eq!((year.first().as_str(), year.last().as_str(), year.digits().as_str()), (first, last, digits));
        }
    }

    #[test]
    fn invoices_name_the_demo_hospital() {
        let (gstin, particulars) = supplier().unwrap();
        assert!(particulars.contains(gstin) && particulars.contains("\"state_code\":\"33\""));
    }
}
