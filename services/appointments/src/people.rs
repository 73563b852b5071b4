//! What this service keeps of people that others own: staff (from users) and patients. A row never goes back to an older version.

use auth::Role;
use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use diesel::prelude::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, QueryResult, Queryable, Selectable,
    SelectableHelper,
};
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::{patients, staff};

/// Somebody who works here; a doctor's id is the `doctor` of appointments.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = staff, check_for_backend(diesel::pg::Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct StaffMember {
    /// Account id.
    pub id: i64,
    /// The account's role.
    pub role: String,
    /// First and last name.
    pub name: String,
    /// Field of medicine; empty for others than doctors.
    pub specialization: String,
    /// Department; empty when there is none.
    pub department: String,
    /// Whether the account is in use.
    pub is_active: bool,
    /// Version of the account.
    pub version: i64,
    /// A doctor's number in the medical register; empty when none was told.
    pub registration_number: String,
}

/// A patient.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = patients, check_for_backend(diesel::pg::Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Patient {
    /// Id of the record.
    pub id: i64,
    /// The number that people see.
    pub patient_id: String,
    /// First and last name.
    pub name: Phi<String>,
    /// Account of the patient.
    pub user_id: Option<i64>,
    /// Account of the primary doctor.
    pub primary_doctor_id: Option<i64>,
    /// Whether the record is in use.
    pub is_active: bool,
    /// Version of the record.
    pub version: i64,
}

impl StaffMember {
    /// Whether patients can be booked with them at all.
    pub fn is_doctor(&self) -> bool {
        self.role == Role::Doctor.as_str()
    }

    /// Whether patients can be booked with them now.
    pub fn sees_patients(&self) -> bool {
        self.is_doctor() && self.is_active
    }

    /// The row, if known.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        staff::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// The row, locked against other bookings until the transaction ends. Lock staff before patients, always.
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Self> {
        staff::table.find(id).select(Self::as_select()).for_no_key_update().first(conn).await
    }

    /// Keeps what an event tells unless a newer row is there. It knows more than an answer of the same version, and overwrites it.
    pub async fn keep_told(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        let kept = diesel::insert_into(staff::table).values(self).on_conflict(staff::id).do_update().set(self);
        FilterDsl::filter(kept, staff::version.le(excluded(staff::version))).prepared().execute(conn).await?;
        Ok(())
    }

    /// Keeps the row unless one as new is there.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        let kept = diesel::insert_into(staff::table).values(self).on_conflict(staff::id).do_update().set(self);
        FilterDsl::filter(kept, staff::version.lt(excluded(staff::version))).prepared().execute(conn).await?;
        Ok(())
    }
}

impl Patient {
    /// The row, if known.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        patients::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// The row, locked against other bookings until the transaction ends. Lock staff before patients, always.
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Self> {
        patients::table.find(id).select(Self::as_select()).for_no_key_update().first(conn).await
    }

    /// Keeps what an event tells unless a newer row is there.
    pub async fn keep_told(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        let kept = diesel::insert_into(patients::table).values(self).on_conflict(patients::id).do_update().set(self);
        FilterDsl::filter(kept, patients::version.le(excluded(patients::version))).prepared().execute(conn).await?;
        Ok(())
    }

    /// Keeps the row unless one as new is there.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        let kept = diesel::insert_into(patients::table).values(self).on_conflict(patients::id).do_update().set(self);
        FilterDsl::filter(kept, patients::version.lt(excluded(patients::version))).prepared().execute(conn).await?;
        Ok(())
    }
}

/// A person's name as it is shown; many people have one name only.
pub fn full_name(first: &str, last: &str) -> String {
    format!("{} {}", first.trim(), last.trim()).trim().to_owned()
}
