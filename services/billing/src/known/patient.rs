//! What billing knows of a patient.

use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::{Address, PatientSnapshot};
use serde::Deserialize;

use super::ASKED;
use crate::schema::patients;

/// A patient, as far as a bill needs one.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = patients, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct Patient {
    /// The patient's id.
    pub id: i64,
    /// The number that people see.
    pub patient_id: String,
    /// First and last name.
    pub name: Phi<String>,
    /// On one line.
    pub address: Phi<String>,
    /// The user who is this patient.
    pub user_id: Option<i64>,
    /// Whether the record is in use.
    pub is_active: bool,
    /// Grows with every change.
    pub version: i64,
    /// The state that they live in, as their address names it.
    pub state: Option<String>,
}

impl Patient {
    /// The row, if there is one.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        patients::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// Keeps this unless something at least as new is known.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::insert_into(patients::table)
            .values(self)
            .on_conflict(patients::id)
            .do_update()
            .set((
                patients::patient_id.eq(excluded(patients::patient_id)),
                patients::name.eq(excluded(patients::name)),
                patients::address.eq(excluded(patients::address)),
                patients::user_id.eq(excluded(patients::user_id)),
                patients::is_active.eq(excluded(patients::is_active)),
                patients::version.eq(excluded(patients::version)),
                patients::state.eq(excluded(patients::state)),
            ))
            .filter(patients::version.lt(excluded(patients::version)))
            .prepared()
            .execute(conn)
            .await?;
        Ok(())
    }
}

impl From<&PatientSnapshot> for Patient {
    fn from(heard: &PatientSnapshot) -> Self {
        Self {
            id: heard.id,
            patient_id: heard.patient_id.clone(),
            name: Phi::new(words([&heard.first_name, &heard.last_name], " ")),
            address: Phi::new(heard.address.as_ref().map(one_line).unwrap_or_default()),
            user_id: heard.user_id,
            is_active: heard.is_active,
            version: heard.version,
            state: heard.address.as_ref().and_then(state),
        }
    }
}

/// What `GET /api/patients/{id}/` says, as far as it matters here. An accountant is shown less than a receptionist.
#[derive(Deserialize)]
pub(super) struct Asked {
    id: i64,
    patient_id: String,
    first_name: String,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    address: Option<AskedAddress>,
    #[serde(default)]
    user: Option<i64>,
    #[serde(default)]
    is_active: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AskedAddress {
    line1: Option<String>,
    line2: Option<String>,
    city: Option<String>,
    district: Option<String>,
    state: Option<String>,
    pin_code: Option<String>,
    country: Option<String>,
}

impl From<Asked> for Patient {
    fn from(asked: Asked) -> Self {
        let address = asked.address.unwrap_or_default();
        let address = Address {
            line1: address.line1.unwrap_or_default(),
            line2: address.line2.unwrap_or_default(),
            city: address.city.unwrap_or_default(),
            district: address.district.unwrap_or_default(),
            state: address.state.unwrap_or_default(),
            pin_code: address.pin_code.unwrap_or_default(),
            country: address.country.unwrap_or_default(),
        };
        Self {
            id: asked.id,
            patient_id: asked.patient_id,
            name: Phi::new(words([&asked.first_name, &asked.last_name.unwrap_or_default()], " ")),
            address: Phi::new(one_line(&address)),
            user_id: asked.user,
            is_active: asked.is_active.unwrap_or(true),
            version: ASKED,
            state: state(&address),
        }
    }
}

fn state(address: &Address) -> Option<String> {
    Some(address.state.clone()).filter(|state| !state.is_empty())
}

fn one_line(address: &Address) -> String {
    let Address { line1, line2, city, district, state, pin_code, country } = address;
    let district = if district == city { "" } else { district };
    words([line1, line2, city, district, state, pin_code, country], ", ")
}

fn words<const N: usize>(parts: [&str; N], between: &str) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(between)
}
