//! `POST logout/`, `GET me/sessions/`, `DELETE me/sessions/{id}/`: where one is signed in.

use actix_web::{HttpResponse, delete, get, post, web};
use auth::Permit;
use auth::permissions::OwnProfile;
use chassis::idempotency::IdempotencyKey;
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::deed::Deed;
use crate::error::Error;
use crate::schema::sessions;
use crate::sign_in::ended::{self, Why};

/// More sessions than anybody looks through.
const MOST_LISTED: i64 = 100;

/// A place where one is signed in.
#[derive(Debug, Serialize, ToSchema, Queryable)]
pub struct Session {
    /// Id, the `sid` of its access tokens.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// When it was signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last renewed.
    pub last_used_at: DateTime<Utc>,
    /// Where from.
    pub address: Option<String>,
    /// The program, in its own words.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// All of them, the last used first; at most a hundred.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// How many there are in this list.
    pub count: usize,
    /// Always null: there is one page.
    pub next: Option<String>,
    /// Always null.
    pub previous: Option<String>,
    /// The sessions.
    pub results: Vec<Session>,
}

/// Sign out.
///
/// The session ends: its refresh token is refused at once, its access token by the gateway within a second. A body is
/// not looked at.
#[utoipa::path(
    tag = "users",
    responses((status = 204, description = "signed out"), (status = 401, description = "no, bad or expired token")),
)]
#[post("/api/users/logout/")]
pub async fn logout(
    permit: Permit<OwnProfile>,
    _key: IdempotencyKey,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let session = permit.actor.session;
    let mut conn = app.conn().await?;
    conn.transaction(async |conn| -> QueryResult<()> {
        ended::end(conn, permit.actor.user_id, session, Why::SignedOut, Utc::now()).await?;
        Deed::SignOut.write(conn, &permit.actor.trail).await
    })
    .await?;
    drop(conn);
    // told even where the table said nothing new: it costs little, and may make up for a time without Redis
    ended::tell(&app.revocations, &[session]).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Where one is signed in.
#[utoipa::path(
    tag = "users",
    responses(
        (status = 200, description = "the sessions that are live", body = Sessions),
        (status = 401, description = "no, bad or expired token"),
    ),
)]
#[get("/api/users/me/sessions/")]
pub async fn list(permit: Permit<OwnProfile>, app: web::Data<App>) -> Result<web::Json<Sessions>, Problem> {
    let mut conn = app.conn().await?;
    let unused = Utc::now().checked_sub_signed(app.tokens.refresh_lifetime);
    let results = live(&mut conn, permit.actor.user_id, permit.actor.session, unused.unwrap_or_default()).await?;
    Ok(web::Json(Sessions { count: results.len(), next: None, previous: None, results }))
}

/// Sign one out.
#[utoipa::path(
    tag = "users",
    params(("id" = String, Path, description = "of `GET me/sessions/`")),
    responses(
        (status = 204, description = "signed out there"),
        (status = 401, description = "no, bad or expired token"),
        (status = 404, description = "no such session of the caller's"),
    ),
)]
#[delete("/api/users/me/sessions/{id}/")]
pub async fn end(
    permit: Permit<OwnProfile>,
    id: web::Path<Uuid>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let mut conn = app.conn().await?;
    conn.transaction(async |conn| -> Result<(), Error> {
        if !ended::end(conn, permit.actor.user_id, id, Why::SignedOut, Utc::now()).await? {
            return Err(Error::NotFound("session"));
        }
        Ok(Deed::SessionEnded.write(conn, &permit.actor.trail).await?)
    })
    .await?;
    drop(conn);
    ended::tell(&app.revocations, &[id]).await;
    Ok(HttpResponse::NoContent().finish())
}

async fn live(
    conn: &mut AsyncPgConnection,
    user_id: i64,
    current: Uuid,
    unused_since: DateTime<Utc>,
) -> QueryResult<Vec<Session>> {
    sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::last_used_at.gt(unused_since))
        .order((sessions::last_used_at.desc(), sessions::id))
        .limit(MOST_LISTED)
        .select((
            sessions::id,
            sessions::created_at,
            sessions::last_used_at,
            sessions::address,
            sessions::user_agent,
            sessions::id.eq(current),
        ))
        .load(conn)
        .await
}
