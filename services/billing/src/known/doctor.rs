//! What billing knows of a doctor: the name on the line of a consultation.

use chassis::prepared::Prepare as _;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::UserSnapshot;

use crate::schema::doctors;

/// A doctor.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = doctors, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct Doctor {
    /// The doctor's user id.
    pub id: i64,
    /// First and last name.
    pub name: String,
    /// Whether the account is in use.
    pub is_active: bool,
    /// Grows with every change.
    pub version: i64,
}

impl Doctor {
    /// The row, if there is one.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        doctors::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// Keeps this unless something at least as new is known.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::insert_into(doctors::table)
            .values(self)
            .on_conflict(doctors::id)
            .do_update()
            .set((
                doctors::name.eq(excluded(doctors::name)),
                doctors::is_active.eq(excluded(doctors::is_active)),
                doctors::version.eq(excluded(doctors::version)),
            ))
            .filter(doctors::version.lt(excluded(doctors::version)))
            .prepared()
            .execute(conn)
            .await?;
        Ok(())
    }

    /// The doctor in what was heard of a user, if the user is one.
    pub fn heard(user: &UserSnapshot) -> Option<Self> {
        let name = format!("{} {}", user.first_name, user.last_name).trim().to_owned();
        (user.role == "DOCTOR").then_some(Self { id: user.id, name, is_active: user.is_active, version: user.version })
    }
}
