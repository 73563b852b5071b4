//! The first administrator, who registers everybody else.

use anyhow::{Context, bail};
use auth::Role;
use chassis::db;
use diesel_async::AsyncConnection;
use events::Outbox;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::config::CreateAdminConfig;
use crate::error::Error;
use crate::registration::{input::Registration, new_user};
use crate::sign_in::passwords::Passwords;
use crate::user::User;

/// Who it is.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Signs in.
    pub username: String,
    /// Signs in too.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name; may be empty.
    pub last_name: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Made, with this id.
    Created(i64),
    /// There already, with this id. Nothing was changed, the password included.
    Present(i64),
}

/// Makes the administrator, under the rules of `register/`; does nothing when they are there.
///
/// # Errors
/// Names every fault of the input; or the username is somebody's who is no administrator, or the email somebody else's.
pub async fn create_admin(config: &CreateAdminConfig, admin: Admin) -> anyhow::Result<Outcome> {
    let pool = db::pool(&config.db, "users-create-admin")?;
    db::require_migrated(&pool, crate::migrations()).await?;
    let mut conn = pool.get().await.context("cannot reach PostgreSQL")?;
    if let Some(user) = User::find_by_login(&mut conn, &admin.username).await? {
        if user.role()? != Role::Admin {
            bail!("{} is there and is no administrator", admin.username);
        }
        return Ok(Outcome::Present(user.id));
    }
    let registration = read(config, admin)?;
    let hash = Passwords::new(&config.hashing)?.hash(&registration.password).await?;
    let id = conn
        .transaction(async |conn| -> Result<i64, Error> {
            let user = User::insert(conn, &new_user(&registration, &hash)).await?;
            crate::events::registered(conn, &Outbox::new(), None, &user).await?;
            Ok(user.id)
        })
        .await
        .context("the administrator was not written; is the email another's?")?;
    Ok(Outcome::Created(id))
}

fn read(config: &CreateAdminConfig, admin: Admin) -> anyhow::Result<Registration> {
    let input = json!({
        "username": admin.username,
        "email": admin.email,
        "password": config.password.expose_secret(),
        "first_name": admin.first_name,
        "last_name": admin.last_name,
        "role": Role::Admin,
    });
    Registration::read(input).map_err(|problem| {
        let faults: Vec<String> =
            problem.faults().iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
        anyhow::anyhow!("the administrator cannot be made: {}", faults.join("; "))
    })
}
