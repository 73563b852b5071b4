//! What this service knows of the staff: a projection of the users service's events, and of its answers where an event
//! is a second late.

use std::collections::{HashMap, HashSet};

use auth::{Actor, Owner, Role};
use chassis::db::{self, Pool};
use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::UserSnapshot;
use reqwest::Url;
use serde::Deserialize;

use crate::schema::staff;

/// A row of the projection.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = staff, treat_none_as_default_value = false)]
pub struct Member {
    id: i64,
    role: String,
    name: String,
    department: String,
    is_active: bool,
    version: i64,
}

/// The names of those of some accounts who are staff and whose names are known.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn names(
    conn: &mut AsyncPgConnection,
    of: impl IntoIterator<Item = i64>,
) -> QueryResult<HashMap<i64, String>> {
    let of: HashSet<i64> = of.into_iter().collect();
    let known = staff::table.filter(staff::id.eq_any(of)).filter(staff::name.ne("")).select((staff::id, staff::name));
    Ok(known.load(conn).await?.into_iter().collect())
}

impl Member {
    /// Keeps the row unless a newer one is there.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        use diesel::query_dsl::methods::FilterDsl;
        diesel::insert_into(staff::table)
            .values(self)
            .on_conflict(staff::id)
            .do_update()
            .set(self)
            .filter(staff::version.lt(excluded(staff::version)))
            .prepared()
            .execute(conn)
            .await
            .map(drop)
    }
}

impl From<&UserSnapshot> for Member {
    fn from(user: &UserSnapshot) -> Self {
        Self {
            id: user.id,
            role: user.role.clone(),
            name: if user.role == Role::Patient.as_str() {
                String::new()
            } else {
                full_name(&user.first_name, &user.last_name)
            },
            department: user.department.clone(),
            is_active: user.is_active,
            version: user.version,
        }
    }
}

/// The users service, over HTTP.
#[derive(Clone)]
pub struct UsersService(Owner);

/// As ADMIN reads an account.
#[derive(Deserialize)]
struct Account {
    id: i64,
    role: String,
    is_active: bool,
}

#[derive(Deserialize)]
struct Doctor {
    id: i64,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    department: Option<String>,
    is_active: bool,
}

impl UsersService {
    /// The service at `base`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(base: Url) -> reqwest::Result<Self> {
        Owner::new("the users service", base).map(Self)
    }

    /// Whether there is an active doctor with this id: as the projection says; when it has no row, as the users service
    /// says, whose answer is kept. Takes its own connection, and none while it waits for the network.
    ///
    /// # Errors
    /// 503 when the database or, where it has to be asked, the users service is down.
    pub async fn has_doctor(&self, pool: &Pool, actor: &Actor, id: i64) -> Result<bool, Problem> {
        if let Some((role, is_active)) = known(pool, id).await? {
            return Ok(role == "DOCTOR" && is_active);
        }
        let path = format!("api/users/doctors/{id}/");
        let Some((version, doctor)) = self.0.ask::<Doctor>(actor, &path).await? else { return Ok(false) };
        let doctor = doctor.member(version);
        doctor.keep(&mut *db::get(pool).await?).await?;
        Ok(doctor.is_active)
    }

    /// Whether this is the account of an active patient; looked up as [`has_doctor`](Self::has_doctor) looks. The users service
    /// tells an ADMIN alone of an account: of whom no event has told yet, nobody else hears here either.
    ///
    /// # Errors
    /// 503 when the database or, where it has to be asked, the users service is down.
    pub async fn has_patient(&self, pool: &Pool, actor: &Actor, id: i64) -> Result<bool, Problem> {
        if let Some((role, is_active)) = known(pool, id).await? {
            return Ok(role == Role::Patient.as_str() && is_active);
        }
        let Some((version, account)) = self.0.ask::<Account>(actor, &format!("api/users/{id}/")).await? else {
            return Ok(false);
        };
        if account.role != Role::Patient.as_str() {
            return Ok(false);
        }
        let account = account.of_patient(version);
        account.keep(&mut *db::get(pool).await?).await?;
        Ok(account.is_active)
    }
}

/// The role of an account, and whether it is active, where there is a row of it.
async fn known(pool: &Pool, id: i64) -> Result<Option<(String, bool)>, Problem> {
    let row = staff::table.find(id).select((staff::role, staff::is_active));
    Ok(row.first(&mut db::get(pool).await?).await.optional()?)
}

impl Account {
    /// Nothing is kept of a patient's account but that it is one.
    fn of_patient(self, version: i64) -> Member {
        let Self { id, role, is_active } = self;
        Member { id, role, name: String::new(), department: String::new(), is_active, version }
    }
}

impl Doctor {
    fn member(self, version: i64) -> Member {
        let department = self.department.unwrap_or_default();
        let name = full_name(&self.first_name, &self.last_name);
        Member { id: self.id, role: "DOCTOR".to_owned(), name, department, is_active: self.is_active, version }
    }
}

/// A name as it is shown; many people have one only.
fn full_name(first: &str, last: &str) -> String {
    format!("{} {}", first.trim(), last.trim()).trim().to_owned()
}
