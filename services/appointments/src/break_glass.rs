//! Beyond one's care, with a reason. Patients grants it, here it is known: from its event for the hour that it lasts, and from its
//! answer for the request that brings the reason.

use auth::{Actor, BreakGlass};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::BreakGlassUse;

use crate::access::Scope;
use crate::app::App;
use crate::appointment::Entry;
use crate::error::Error;
use crate::schema::break_glass_grants;

#[derive(Insertable)]
#[diesel(table_name = break_glass_grants, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Grant {
    id: i64,
    actor: i64,
    patient: i64,
    expires_at: DateTime<Utc>,
}

/// What the caller sees of one patient's appointments: where there is a reason and their reach ends at care, all of them once
/// the patients service agrees, which grants it, tells the reviewers, and answers 404 where there is nobody.
///
/// # Errors
/// 503 when the patients service does not answer.
pub async fn open(
    app: &App,
    actor: &Actor,
    scope: Scope,
    break_glass: &BreakGlass,
    patient: i64,
) -> Result<Scope, Error> {
    let Some(reason) = break_glass.reason().filter(|_| scope.ends_at_care()) else { return Ok(scope) };
    actor.trail.breaks_glass(reason);
    let opened = app.owners.patient_beyond_care(&app.db, actor, patient, reason).await?;
    Ok(opened.map_or(scope, |patient| Scope::Opened(patient.id)))
}

/// The same for one appointment, where the caller's own scope does not show it.
///
/// # Errors
/// As [`open`].
pub async fn open_one(
    app: &App,
    actor: &Actor,
    scope: Scope,
    break_glass: &BreakGlass,
    id: i64,
) -> Result<Scope, Error> {
    if break_glass.reason().is_none() || !scope.ends_at_care() {
        return Ok(scope);
    }
    let mut conn = app.conn().await?;
    let hidden = match Entry::find(&mut conn, &scope, id).await? {
        Some(_shown) => None,
        None => Entry::find(&mut conn, &Scope::All, id).await?,
    };
    drop(conn);
    match hidden {
        Some(hidden) => open(app, actor, scope, break_glass, hidden.appointment.patient_id).await,
        None => Ok(scope),
    }
}

/// Keeps what a grant opened, and forgets what that user's earlier ones no longer open. A search opens nothing.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn keep(conn: &mut AsyncPgConnection, used: &BreakGlassUse) -> QueryResult<()> {
    let Some(expires_at) = used.expires_at.as_ref().and_then(events::envelope::time) else { return Ok(()) };
    let over = break_glass_grants::actor.eq(used.user_id).and(break_glass_grants::expires_at.le(Utc::now()));
    diesel::delete(break_glass_grants::table.filter(over)).execute(conn).await?;
    let grants: Vec<Grant> =
        used.patients.iter().map(|&patient| Grant { id: used.id, actor: used.user_id, patient, expires_at }).collect();
    diesel::insert_into(break_glass_grants::table).values(grants).on_conflict_do_nothing().execute(conn).await?;
    Ok(())
}
