//! A batch of rows into PostgreSQL: one transaction.

use std::collections::HashSet;

use anyhow::Context;
use auth::Role;
use chassis::phi::Phi;
use chassis::strict_json::Fault;
use chassis::trail::{Facts as TrailFacts, Trail, Who};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use events::Outbox;

use super::Import;
use super::row::{Checked, Refused};
use crate::events as told;
use crate::hl7_import::{Known, take_turns};
use crate::patient::{Facts, Patient};
use crate::schema::{patient_identifiers, patients, staff};

/// Attempts at a batch that somebody at the desk comes in the way of.
const ATTEMPTS: usize = 3;

/// What came of a batch.
#[derive(Default)]
pub struct Written {
    /// Rows that are patients now, or would be.
    pub imported: u64,
    /// Rows whose keys were known.
    pub skipped: u64,
    /// Rows that are left out.
    pub refused: Vec<Refused>,
}

#[derive(Insertable)]
#[diesel(table_name = patients)]
struct NewPatient {
    patient_id: Option<String>,
    created_at: Option<DateTime<Utc>>,
    #[diesel(embed)]
    facts: Facts,
}

/// Writes a batch, or only looks what would come of it.
pub async fn write(conn: &mut AsyncPgConnection, import: &Import, rows: Vec<Checked>) -> anyhow::Result<Written> {
    let mut attempt = 1;
    loop {
        match conn.transaction(async |conn| attempt_at(conn, import, &rows).await).await {
            // A number was taken between looking and writing: by now it is seen.
            Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) if attempt < ATTEMPTS => {
                attempt += 1
            }
            // PostgreSQL's message may quote values.
            other => return other.map_err(without_values).context("a batch cannot be written; the rows before it are"),
        }
    }
}

async fn attempt_at(conn: &mut AsyncPgConnection, import: &Import, rows: &[Checked]) -> QueryResult<Written> {
    if !import.dry_run {
        // With messages about the same patients, who may not be there yet.
        let keys: Vec<Known> = rows.iter().map(|row| known(import, row)).collect();
        take_turns(conn, &keys, None).await?;
    }
    let mut taken = Taken::look(conn, &import.authority, rows).await?;
    let mut written = Written::default();
    let mut new: Vec<&Checked> = Vec::with_capacity(rows.len());
    for row in rows {
        if taken.keys.contains(&row.key) {
            written.skipped += 1;
            continue;
        }
        let faults = taken.faults(row);
        if faults.is_empty() {
            taken.claim(row);
            new.push(row);
        } else {
            written.refused.push(Refused { line: row.line, key: Some(row.key.clone()), faults });
        }
    }
    written.imported = u64::try_from(new.len()).unwrap_or_default();
    if !import.dry_run && !new.is_empty() {
        insert(conn, import, &new).await?;
    }
    Ok(written)
}

/// The number by which the older system knows the patient of a row.
fn known(import: &Import, row: &Checked) -> Known {
    Known { authority: import.authority.clone(), value: row.key.clone(), type_code: "PI".to_owned() }
}

async fn insert(conn: &mut AsyncPgConnection, import: &Import, rows: &[&Checked]) -> QueryResult<()> {
    if let Some(highest) = rows.iter().filter_map(|row| row.patient_id.as_deref()?.get(1..)?.parse::<i64>().ok()).max()
    {
        diesel::sql_query("SELECT patient_numbers_reach($1)").bind::<BigInt, _>(highest).execute(conn).await?;
    }
    let new: Vec<NewPatient> = rows
        .iter()
        .map(|row| NewPatient {
            patient_id: row.patient_id.clone(),
            created_at: row.created_at,
            facts: row.facts.clone(),
        })
        .collect();
    let inserted: Vec<Patient> =
        diesel::insert_into(patients::table).values(&new).returning(Patient::as_returning()).get_results(conn).await?;
    // They come back in the order in which they were sent; a key that another patient would get is worse than no import.
    if inserted.len() != rows.len() || inserted.iter().zip(rows).any(|(patient, row)| patient.facts != row.facts) {
        return Err(DieselError::RollbackTransaction);
    }
    let known_by: Vec<_> = inserted
        .iter()
        .zip(rows)
        .map(|(patient, row)| {
            (
                patient_identifiers::authority.eq(&import.authority),
                patient_identifiers::value.eq(&row.key),
                patient_identifiers::type_code.eq("PI"),
                patient_identifiers::patient.eq(patient.id),
            )
        })
        .collect();
    diesel::insert_into(patient_identifiers::table).values(known_by).execute(conn).await?;
    let outbox = Outbox::new();
    for patient in &inserted {
        told::registered(conn, &outbox, None, patient).await?;
    }
    metrics::counter!("patients_imported_total").increment(u64::try_from(inserted.len()).unwrap_or_default());
    audit::write(conn, &trail(import), inserted.iter().map(|patient| patient.id)).await
}

/// Whoever runs the command does it, as far as the log can know.
fn trail(import: &Import) -> Trail {
    let trail = Trail::of_facts(TrailFacts {
        operation: "patients import".to_owned(),
        object: format!("patients import {}", import.authority),
        ..TrailFacts::default()
    });
    trail.is_by(Who { user: import.by, role: Role::Admin.as_str(), session: None });
    trail.asks_for("PatientRegister", true);
    trail
}

/// What rows name and somebody has, or nobody is.
struct Taken {
    keys: HashSet<String>,
    abha_numbers: HashSet<String>,
    patient_ids: HashSet<String>,
    doctors: HashSet<i64>,
    accounts: HashSet<i64>,
    /// Keys of this batch.
    claimed: HashSet<String>,
}

impl Taken {
    async fn look(conn: &mut AsyncPgConnection, authority: &str, rows: &[Checked]) -> QueryResult<Self> {
        let keys: Vec<&String> = rows.iter().map(|row| &row.key).collect();
        let keys: Vec<String> = patient_identifiers::table
            .filter(patient_identifiers::authority.eq(authority))
            .filter(patient_identifiers::value.eq_any(keys))
            .select(patient_identifiers::value)
            .load(conn)
            .await?;
        let numbers: Vec<&Phi<String>> = rows.iter().filter_map(|row| row.facts.abha_number.as_ref()).collect();
        let numbers: Vec<Option<String>> = patients::table
            .filter(patients::abha_number.eq_any(numbers))
            .select(patients::abha_number)
            .load(conn)
            .await?;
        let patient_ids: Vec<&String> = rows.iter().filter_map(|row| row.patient_id.as_ref()).collect();
        let patient_ids: Vec<String> = patients::table
            .filter(patients::patient_id.eq_any(patient_ids))
            .select(patients::patient_id)
            .load(conn)
            .await?;
        let doctors = active(conn, Role::Doctor, rows.iter().filter_map(|row| row.facts.primary_doctor)).await?;
        let accounts = active(conn, Role::Patient, rows.iter().filter_map(|row| row.facts.user_id)).await?;
        Ok(Self {
            keys: keys.into_iter().collect(),
            abha_numbers: numbers.into_iter().flatten().collect(),
            patient_ids: patient_ids.into_iter().collect(),
            doctors,
            accounts,
            claimed: HashSet::new(),
        })
    }

    fn faults(&self, row: &Checked) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.claimed.contains(&row.key) {
            faults.push(Fault::new("duplicate", "is the key of another row").at("id"));
        }
        if row.facts.abha_number.as_ref().is_some_and(|number| self.abha_numbers.contains(number.expose())) {
            faults.push(Fault::new("abha_number_taken", "is in use for another patient").at("abha_number"));
        }
        if row.patient_id.as_ref().is_some_and(|number| self.patient_ids.contains(number)) {
            faults.push(Fault::new("patient_id_taken", "is in use for another patient").at("patient_id"));
        }
        if row.facts.primary_doctor.is_some_and(|doctor| !self.doctors.contains(&doctor)) {
            faults.push(Fault::new("unknown_doctor", "is not an active doctor").at("primary_doctor"));
        }
        if row.facts.user_id.is_some_and(|account| !self.accounts.contains(&account)) {
            faults.push(Fault::new("unknown_account", "is not the account of an active patient").at("user"));
        }
        faults
    }

    fn claim(&mut self, row: &Checked) {
        self.claimed.insert(row.key.clone());
        self.abha_numbers.extend(row.facts.abha_number.as_ref().map(|number| number.expose().clone()));
        self.patient_ids.extend(row.patient_id.clone());
    }
}

/// Those of some accounts that are active and have this role.
async fn active(conn: &mut AsyncPgConnection, role: Role, of: impl Iterator<Item = i64>) -> QueryResult<HashSet<i64>> {
    let of: HashSet<i64> = of.collect();
    let theirs = staff::table.filter(staff::id.eq_any(of)).filter(staff::role.eq(role.as_str()));
    let ids: Vec<i64> = theirs.filter(staff::is_active).select(staff::id).load(conn).await?;
    Ok(ids.into_iter().collect())
}

fn without_values(fault: DieselError) -> anyhow::Error {
    match fault {
        DieselError::DatabaseError(kind, about) => {
            anyhow::anyhow!("PostgreSQL refused ({kind:?}, constraint {})", about.constraint_name().unwrap_or("none"))
        }
        other => other.into(),
    }
}
