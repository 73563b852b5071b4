//! An account: its row, how others see it, and the queries that every feature shares.

use std::str::FromStr;

use auth::Role;
use chassis::phi::Phi;
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, Taken};
use crate::schema::users;

/// A row of `users`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    /// Id, the `sub` of access tokens.
    pub id: i64,
    /// Signs in; unique without regard to case.
    pub username: String,
    /// Signs in too; unique without regard to case.
    pub email: Phi<String>,
    /// In PHC form.
    pub password_hash: Phi<String>,
    /// As the database writes it; see [`User::role`].
    role: String,
    /// Given name.
    pub first_name: Phi<String>,
    /// Family name; empty for people who use one name.
    pub last_name: Phi<String>,
    /// E.164.
    pub phone: Option<Phi<String>>,
    /// Of doctors and nurses.
    pub department: Option<String>,
    /// Of doctors.
    pub specialization: Option<String>,
    /// Of doctors.
    pub registration_number: Option<String>,
    /// False once the account may no longer sign in.
    pub is_active: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An account that is not there yet.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = users)]
pub struct NewUser {
    /// Signs in.
    pub username: String,
    /// Signs in too.
    pub email: Phi<String>,
    /// In PHC form.
    pub password_hash: Phi<String>,
    /// As [`Role::as_str`] writes it.
    pub role: &'static str,
    /// Given name.
    pub first_name: Phi<String>,
    /// Family name.
    pub last_name: Phi<String>,
    /// E.164.
    pub phone: Option<Phi<String>>,
    /// Of doctors and nurses.
    pub department: Option<String>,
    /// Of doctors.
    pub specialization: Option<String>,
    /// Of doctors.
    pub registration_number: Option<String>,
}

/// An account as its owner and administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Id.
    pub id: i64,
    /// Signs in.
    pub username: String,
    /// Signs in too.
    #[schema(value_type = String)]
    pub email: Phi<String>,
    /// Given name.
    #[schema(value_type = String)]
    pub first_name: Phi<String>,
    /// Family name; empty for people who use one name.
    #[schema(value_type = String)]
    pub last_name: Phi<String>,
    /// E.164, or null.
    #[schema(value_type = Option<String>)]
    pub phone: Option<Phi<String>>,
    /// What they may do.
    pub role: Role,
    /// Of doctors and nurses, or null.
    pub department: Option<String>,
    /// Of doctors, or null.
    pub doctor: Option<DoctorDetails>,
    /// False once the account may no longer sign in.
    pub is_active: bool,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What only a doctor's account has.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoctorDetails {
    /// Field of medicine.
    pub specialization: String,
    /// Number in the medical register.
    pub registration_number: String,
    /// Department of the hospital.
    pub department: String,
}

impl User {
    /// What the account may do.
    ///
    /// # Errors
    /// When the database holds a role that this program does not know: a newer one wrote it.
    pub fn role(&self) -> Result<Role, Error> {
        Role::from_str(&self.role)
            .map_err(|fault| Problem::internal(format!("role of user {}: {fault}", self.id)).into())
    }

    /// As its owner and administrators see it.
    ///
    /// # Errors
    /// As [`User::role`].
    pub fn view(&self) -> Result<UserView, Error> {
        let doctor = self.specialization.clone().zip(self.registration_number.clone());
        Ok(UserView {
            id: self.id,
            username: self.username.clone(),
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            phone: self.phone.clone(),
            role: self.role()?,
            department: self.department.clone(),
            doctor: doctor.map(|(specialization, registration_number)| DoctorDetails {
                specialization,
                registration_number,
                department: self.department.clone().unwrap_or_default(),
            }),
            is_active: self.is_active,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }

    /// The account with this id.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        users::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// The account with this id, held until the transaction ends.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn hold(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        users::table.find(id).select(Self::as_select()).for_update().first(conn).await.optional()
    }

    /// The account that signs in with this username or email.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn find_by_login(conn: &mut AsyncPgConnection, login: &str) -> QueryResult<Option<Self>> {
        let login = login.to_lowercase();
        users::table
            .filter(lower(users::username).eq(&login).or(lower(users::email).eq(&login)))
            .select(Self::as_select())
            .first(conn)
            .await
            .optional()
    }

    /// Writes a new account.
    ///
    /// # Errors
    /// When PostgreSQL refuses; see [`taken_by_another`].
    pub async fn insert(conn: &mut AsyncPgConnection, new: &NewUser) -> QueryResult<Self> {
        diesel::insert_into(users::table).values(new).returning(Self::as_returning()).get_result(conn).await
    }

    /// Keeps a hash made with today's parameters. The account itself did not change, and so neither does its version.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn keep_hash(
        conn: &mut AsyncPgConnection,
        id: i64,
        from: &Phi<String>,
        to: &Phi<String>,
    ) -> QueryResult<usize> {
        diesel::update(users::table.find(id).filter(users::password_hash.eq(from)))
            .set(users::password_hash.eq(to))
            .execute(conn)
            .await
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// PostgreSQL's `lower`, which the unique indexes use.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Whether PostgreSQL refused because username or email is another's.
#[must_use]
pub fn taken_by_another(fault: &Error) -> bool {
    matches!(fault, Error::Database(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info))
        if matches!(info.constraint_name(), Some("users_username" | "users_email")))
}

/// Which of the two another account than `except` has. Asked after PostgreSQL refused, so that the answer names both.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn taken(
    conn: &mut AsyncPgConnection,
    username: Option<&str>,
    email: &str,
    except: i64,
) -> QueryResult<Taken> {
    let others = users::table.filter(users::id.ne(except));
    let username = match username {
        Some(name) => {
            let same = others.filter(lower(users::username).eq(name.to_lowercase()));
            diesel::select(diesel::dsl::exists(same)).get_result(conn).await?
        }
        None => false,
    };
    let same = others.filter(lower(users::email).eq(email.to_lowercase()));
    let email = diesel::select(diesel::dsl::exists(same)).get_result(conn).await?;
    Ok(Taken { username, email })
}
