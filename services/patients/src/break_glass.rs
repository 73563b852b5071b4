//! Beyond one's care, with a reason: `X-Break-Glass`. A record opens for an hour to the doctor or nurse who asked; a
//! search shows demographics and opens none. Either is written down, and told, before the answer leaves.
//!
//! For those whose reach does not end at care the header changes nothing.

use std::collections::HashSet;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::{Actor, Permission, Permit};
use chassis::db;
use chassis::problem::Problem;
use chrono::{DateTime, Duration, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::access::{Scope, visible_to};
use crate::app::App;
use crate::error::Error;
use crate::events;
use crate::merge::survivor;
use crate::schema::{break_glass_grants, patients};

/// How long a record stays open.
const OPEN_FOR: Duration = Duration::hours(1);
/// A search by break-glass is for somebody, not for everybody whose name begins with an A.
const SHORTEST_WORD: usize = 3;

/// The reason in the request's `X-Break-Glass`, if it has one.
#[derive(Clone, Debug, Default)]
pub struct BreakGlass(auth::BreakGlass);

/// A row of `break_glass_grants`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = break_glass_grants, check_for_backend(Pg))]
pub struct Grant {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub actor: i64,
    /// What they are.
    pub role: String,
    /// Why.
    pub reason: String,
    /// The patient whose record was opened; none for a search.
    pub patient: Option<i64>,
    /// The patients whom a search showed.
    pub shown: Vec<i64>,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// When the record closes again.
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Insertable)]
#[diesel(table_name = break_glass_grants, treat_none_as_default_value = false)]
struct NewGrant<'a> {
    actor: i64,
    role: &'static str,
    session: Uuid,
    reason: &'a str,
    patient: Option<i64>,
    shown: &'a [i64],
    granted_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

impl BreakGlass {
    /// The scope of a call about one patient. Where they are beyond the caller's care, and there is a reason, a grant makes
    /// them visible from now on.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn open<P: Permission>(&self, app: &App, permit: &Permit<P>, patient: i64) -> Result<Scope, Problem> {
        let (scope, actor) = (Scope::of(permit), &permit.actor);
        let Some(reason) = self.0.reason().filter(|_| scope.ends_at_care()) else { return Ok(scope) };
        permit.actor.trail.breaks_glass(reason);
        let mut conn = db::get(&app.db).await?;
        conn.transaction(async |conn| {
            let patient = survivor::of(conn, patient).await?;
            let there = patients::table.find(patient).select(patients::id).first::<i64>(conn).await.optional()?;
            if there.is_none() || !beyond(conn, &scope, &[patient]).await?.contains(&patient) {
                return Ok::<_, Error>(());
            }
            let now = Utc::now();
            let expires_at = now.checked_add_signed(OPEN_FOR);
            grant(conn, app, actor, &NewGrant { patient: Some(patient), expires_at, ..new(actor, reason, now) }).await
        })
        .await?;
        Ok(scope)
    }

    /// What a search looks through: with a reason, everybody, as long as it is for somebody.
    ///
    /// # Errors
    /// 400 when it is for nobody in particular.
    pub fn widen(&self, scope: &Scope, words: &[String]) -> Result<Scope, Problem> {
        let for_somebody = words.iter().any(|word| word.chars().count() >= SHORTEST_WORD);
        self.widen_for(scope, for_somebody, "search")
    }

    /// As [`widen`](Self::widen), where the search itself says whether it is for somebody.
    ///
    /// # Errors
    /// 400, at this parameter, when it is for nobody in particular.
    pub fn widen_for(&self, scope: &Scope, for_somebody: bool, parameter: &str) -> Result<Scope, Problem> {
        if self.0.reason().is_none() || !scope.ends_at_care() {
            return Ok(scope.clone());
        }
        if !for_somebody {
            let message = format!("with X-Break-Glass, must have a word of at least {SHORTEST_WORD} characters");
            return Err(Problem::invalid(parameter, "too_short", message));
        }
        Ok(scope.beyond_care())
    }

    /// Writes down whom a search showed beyond the caller's care.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn record_search<P: Permission>(
        &self,
        conn: &mut AsyncPgConnection,
        app: &App,
        permit: &Permit<P>,
        shown: &[i64],
    ) -> Result<(), Problem> {
        let (scope, actor) = (Scope::of(permit), &permit.actor);
        let Some(reason) = self.0.reason().filter(|_| scope.ends_at_care()) else { return Ok(()) };
        permit.actor.trail.breaks_glass(reason);
        conn.transaction(async |conn| {
            let beyond = beyond(conn, &scope, shown).await?;
            let shown: Vec<i64> = shown.iter().copied().filter(|id| beyond.contains(id)).collect();
            if shown.is_empty() {
                return Ok::<_, Error>(());
            }
            grant(conn, app, actor, &NewGrant { shown: &shown, ..new(actor, reason, Utc::now()) }).await
        })
        .await?;
        Ok(())
    }
}

fn new<'a>(actor: &Actor, reason: &'a str, now: DateTime<Utc>) -> NewGrant<'a> {
    let Actor { user_id, role, session, .. } = actor;
    NewGrant {
        actor: *user_id,
        role: role.as_str(),
        session: *session,
        reason,
        patient: None,
        shown: &[],
        granted_at: now,
        expires_at: None,
    }
}

async fn grant(conn: &mut AsyncPgConnection, app: &App, actor: &Actor, new: &NewGrant<'_>) -> Result<(), Error> {
    let insert = diesel::insert_into(break_glass_grants::table).values(new).returning(Grant::as_returning());
    let grant: Grant = insert.get_result(conn).await?;
    events::break_glass_used(conn, &app.outbox, actor, &grant).await?;
    metrics::counter!("break_glass_total", "role" => new.role).increment(1);
    Ok(())
}

/// Those of some patients whom the scope does not show.
async fn beyond(conn: &mut AsyncPgConnection, scope: &Scope, ids: &[i64]) -> QueryResult<HashSet<i64>> {
    let visible = visible_to(scope).filter(patients::id.eq_any(ids.to_vec())).select(patients::id);
    let visible: Vec<i64> = visible.load(conn).await?;
    Ok(ids.iter().copied().filter(|id| !visible.contains(id)).collect())
}

impl FromRequest for BreakGlass {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(auth::BreakGlass::from_request(request, payload).into_inner().map(Self))
    }
}
