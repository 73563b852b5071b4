//! `POST services/`, `GET` and `PATCH services/{id}/`.

use actix_web::{get, patch, post, web};
use auth::Permit;
use auth::permissions::{CatalogueRead, CatalogueWrite};
use chassis::db;
use chassis::etag::{Etagged, IfMatch};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{self, MergePatch, Strict};
use chrono::Utc;
use diesel_async::AsyncConnection;

use super::Service;
use super::input::ServiceInput;
use super::service::Entry;
use crate::app::App;
use crate::numbering::day_in_india;

/// Puts a service into the catalogue.
///
/// A new price from some day on: end the service that stands there by its `effective_to`, then add it again from the next
/// day on. What was billed keeps what it was billed at.
#[utoipa::path(
    tag = "billing",
    request_body = ServiceInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, body = Service, description = "it can be billed; Location and ETag say where and which version"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 409, description = "the code stands there already on some of these days, or the key was used for another request"),
    )
)]
#[post("/api/billing/services/")]
pub async fn create(
    permit: Permit<CatalogueWrite>,
    key: IdempotencyKey,
    body: Strict<ServiceInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let actor = &permit.actor;
    body.value.check(&app.rates).map_err(Problem::bad_request)?;
    let entry = Entry::new(&body.value, day_in_india(Utc::now()));
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let service = entry.insert(conn, actor.user_id).await?;
        audit::write(conn, &actor.trail, []).await?;
        let answer = Answer::created(format!("/api/billing/services/{}/", service.id), service.version, &service)?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

/// One service.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the service")),
    responses(
        (status = 200, body = Service, description = "the service; ETag is its version"),
        (status = 304, description = "If-None-Match names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such service"),
    )
)]
#[get("/api/billing/services/{id}/")]
pub async fn read(
    _permit: Permit<CatalogueRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<Service>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let service = Service::find(&mut conn, *id).await?;
    Ok(Etagged { version: service.version, body: service })
}

/// Changes parts of a service by a JSON merge patch. Bills that were made keep what they say.
#[utoipa::path(
    tag = "billing",
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json", description = "any part of what POST takes"),
    params(
        ("id" = i64, Path, description = "the service"),
        ("If-Match" = Option<String>, Header, description = "the version that is changed"),
    ),
    responses(
        (status = 200, body = Service, description = "the service as it is now"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such service"),
        (status = 409, description = "the code stands there already on some of these days"),
        (status = 412, description = "If-Match names another version"),
    )
)]
#[patch("/api/billing/services/{id}/")]
pub async fn amend(
    permit: Permit<CatalogueWrite>,
    id: web::Path<i64>,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<Service>, Problem> {
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        let standing = Service::lock(conn, *id).await?;
        if_match.check(standing.version)?;
        let input: ServiceInput = strict_json::parse(merge_patch::apply(&standing.as_input(), &patch.value)?)?;
        input.check(&app.rates).map_err(Problem::bad_request)?;
        // a first day that the patch takes away is the one that was
        let service = Entry::new(&input, standing.effective_from).replace(conn, *id).await?;
        audit::write(conn, &permit.actor.trail, []).await?;
        Ok(Etagged { version: service.version, body: service })
    })
    .await
}
