//! A patient: the row, what may be written of it, and the queries of one row. Reading goes through
//! `access::visible_to` alone.

mod address;
mod view;

use std::fmt;

use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

pub use address::{Address, EmergencyContact};
pub use view::{BriefView, PatientView, Shown, instant};

use crate::access::{Scope, visible_to};
use crate::merge::survivor::{self, AnswersFor};
use crate::schema::patients;

/// A row of `patients`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = patients, check_for_backend(Pg))]
pub struct Patient {
    /// The id that other services know.
    pub id: i64,
    /// The number that people see.
    pub patient_id: String,
    /// What may be written.
    #[diesel(embed)]
    pub facts: Facts,
    /// Rises by one with every change.
    pub version: i64,
    /// When the patient was registered.
    pub created_at: DateTime<Utc>,
    /// When the record was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What may be written of a patient, in canonical form.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = patients, check_for_backend(Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
#[serde(default)]
pub struct Facts {
    /// The first name, or the only one.
    pub first_name: Phi<String>,
    /// The last name; empty for people with one name.
    pub last_name: Phi<String>,
    /// Date of birth, where it is known.
    pub date_of_birth: Option<NaiveDate>,
    /// Whether the date of birth is somebody's guess.
    pub date_of_birth_estimated: bool,
    /// `MALE`, `FEMALE`, `OTHER` or `UNKNOWN`.
    pub gender: String,
    /// E-mail address in lower case.
    pub email: Option<Phi<String>>,
    /// E.164.
    pub phone: Option<Phi<String>>,
    /// Such as `AB-`.
    pub blood_group: Option<Phi<String>>,
    /// Where the patient lives.
    pub address: Address,
    /// 14 digits.
    pub abha_number: Option<Phi<String>>,
    /// `name@abdm`.
    pub abha_address: Option<Phi<String>>,
    /// Whom to call.
    pub emergency_contact: Option<EmergencyContact>,
    /// BCP 47.
    pub preferred_language: Option<Phi<String>>,
    /// The doctor's user id.
    pub primary_doctor: Option<i64>,
    /// The patient's own user id.
    pub user_id: Option<i64>,
    /// False once deactivated.
    pub is_active: bool,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Of nobody: what a snapshot of older days says nothing of is empty.
impl Default for Facts {
    fn default() -> Self {
        Self::of(Phi::default(), Phi::default())
    }
}

impl Facts {
    /// Someone of whom nothing but a name is known.
    pub fn of(first_name: Phi<String>, last_name: Phi<String>) -> Self {
        Self {
            first_name,
            last_name,
            date_of_birth: None,
            date_of_birth_estimated: false,
            gender: crate::fields::lists::Gender::Unknown.as_str().to_owned(),
            email: None,
            phone: None,
            blood_group: None,
            address: Address::default(),
            abha_number: None,
            abha_address: None,
            emergency_contact: None,
            preferred_language: None,
            primary_doctor: None,
            user_id: None,
            is_active: true,
        }
    }

    /// Names of the fields in which two differ, as the contract calls them.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("first_name", self.first_name != other.first_name),
            ("last_name", self.last_name != other.last_name),
            ("date_of_birth", self.date_of_birth != other.date_of_birth),
            ("date_of_birth_estimated", self.date_of_birth_estimated != other.date_of_birth_estimated),
            ("gender", self.gender != other.gender),
            ("email", self.email != other.email),
            ("phone", self.phone != other.phone),
            ("blood_group", self.blood_group != other.blood_group),
            ("address", self.address != other.address),
            ("abha_number", self.abha_number != other.abha_number),
            ("abha_address", self.abha_address != other.abha_address),
            ("emergency_contact", self.emergency_contact != other.emergency_contact),
            ("preferred_language", self.preferred_language != other.preferred_language),
            ("primary_doctor", self.primary_doctor != other.primary_doctor),
            ("user", self.user_id != other.user_id),
            ("is_active", self.is_active != other.is_active),
        ];
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

impl Patient {
    /// The patient who answers for the id, if the scope shows them; one prepared query. The id of one who was merged into
    /// another gives the other: go on with the id of what is found.
    ///
    /// # Errors
    /// `NotFound` too when it is there and not visible.
    pub async fn find(conn: &mut AsyncPgConnection, scope: &Scope, id: i64) -> QueryResult<Self> {
        visible_to(scope).filter(AnswersFor(id)).select(Self::as_select()).first(conn).await
    }

    /// The patient who answers for the id, if the scope shows them, with the row locked until the transaction ends.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn lock(conn: &mut AsyncPgConnection, scope: &Scope, id: i64) -> QueryResult<Self> {
        let id = survivor::lock(conn, id).await?;
        Self::find(conn, scope, id).await
    }

    /// A new row.
    ///
    /// # Errors
    /// A unique violation of `patients_abha_number_key` when the ABHA number is somebody's.
    pub async fn insert(conn: &mut AsyncPgConnection, facts: &Facts) -> QueryResult<Self> {
        diesel::insert_into(patients::table).values(facts).returning(Self::as_returning()).get_result(conn).await
    }

    /// Writes new facts over a row that [`lock`](Self::lock) gave.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn write(&self, conn: &mut AsyncPgConnection, facts: &Facts) -> QueryResult<Self> {
        diesel::update(patients::table.find(self.id))
            .set((facts, patients::version.eq(self.version + 1)))
            .returning(Self::as_returning())
            .prepared()
            .get_result(conn)
            .await
    }
}
