//! What this service tells the others.

use auth::Actor;
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use events::v1::{DoctorDetails, UserSnapshot};
use events::{Outbox, Payload};

use crate::error::Error;
use crate::user::User;

/// An account is there. Without an actor somebody registered themselves.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn registered(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    user: &User,
) -> Result<(), Error> {
    let payload = Payload::UserRegistered(snapshot(user)?);
    Ok(append(conn, outbox, actor, user, payload).await?)
}

/// An account changed.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn updated(conn: &mut AsyncPgConnection, outbox: &Outbox, actor: &Actor, user: &User) -> Result<(), Error> {
    let payload = Payload::UserUpdated(snapshot(user)?);
    Ok(append(conn, outbox, Some(actor), user, payload).await?)
}

async fn append(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    user: &User,
    payload: Payload,
) -> QueryResult<()> {
    let actor = actor.map(|actor| (actor.user_id, actor.role.as_str()));
    outbox.append(conn, actor, ("user", user.id), payload).await
}

/// Names and role, and no contact data: nobody needs it.
fn snapshot(user: &User) -> Result<UserSnapshot, Error> {
    let doctor = user.specialization.clone().zip(user.registration_number.clone());
    Ok(UserSnapshot {
        id: user.id,
        role: user.role()?.as_str().to_owned(),
        first_name: user.first_name.expose().clone(),
        last_name: user.last_name.expose().clone(),
        is_active: user.is_active,
        department: user.department.clone().unwrap_or_default(),
        doctor: doctor
            .map(|(specialization, registration_number)| DoctorDetails { specialization, registration_number }),
        version: user.version,
    })
}
