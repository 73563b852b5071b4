//! Messages that a person has to look at: why each waits, what it says, and what is to become of it.

pub mod again;
mod input;
mod query;

pub use input::{DiscardInput, ListParams, ReplayInput};
pub use query::{ParkedMessage, ParkedView};

use actix_web::{HttpRequest, get, post, web};
use auth::Permit;
use auth::permissions::Hl7Import;
use chassis::db;
use chassis::etag::Etagged;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::page::{self, Page};
use chassis::problem::Problem;
use chassis::strict_json::{Strict, StrictQuery};
use diesel_async::AsyncConnection;
use serde_json::json;

use self::query::Parked;
use super::receive;
use super::{apply, facts};
use crate::app::App;
use crate::error::Error;

/// List the messages that wait for a person, the newest first.
///
/// Without what they say: that is in each of them. `resolution` lists those that were replayed or discarded instead.
#[utoipa::path(tag = "hl7", params(ListParams),
    responses((status = 200, body = Page<ParkedView>), (status = 400, description = "unknown or faulty parameters"),
        (status = 403, description = "this role may not")))]
#[get("/api/patients/hl7/parked/")]
pub async fn list(
    permit: Permit<Hl7Import>,
    StrictQuery(params): StrictQuery<ListParams>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<ParkedView>>, Problem> {
    let request = page::request(&app.cursor_key, params.filters(), params.page, params.page_size, params.cursor)?;
    let mut conn = db::get(&app.db).await?;
    let rows = Parked::list(&mut conn, &request).await?;
    let count = Parked::count(&mut conn, &request.filters).await?;
    permit.actor.trail.shows([]);
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |row| json!(row.id))?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    let results = results.into_iter().map(Into::into).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// Read a message that waits for a person, with what it says.
#[utoipa::path(tag = "hl7", params(("id" = i64, Path)),
    responses((status = 200, body = ParkedMessage, headers(("ETag" = String))), (status = 304),
        (status = 403, description = "this role may not"), (status = 404)))]
#[get("/api/patients/hl7/parked/{id}/")]
pub async fn read(
    permit: Permit<Hl7Import>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<ParkedMessage>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (parked, text) = Parked::find(&mut conn, *id).await?;
    let said = receive::read(text.sent.as_slice()).await;
    let mut whose: Vec<i64> = parked.patient.into_iter().collect();
    for patient in said.contents.iter().flatten().map(hl7::Content::patient) {
        let known_by = facts::identifiers(patient, &said.header.sending_facility, &mut Vec::new());
        whose
            .extend(apply::matches(&mut conn, &known_by, patient.abha_number().as_deref()).await.map_err(Error::from)?);
    }
    permit.actor.trail.shows(whose);
    Ok(Etagged { version: parked.version, body: ParkedMessage::of(parked, &text) })
}

/// Discard a message that waits for a person, and say why. It stays in the archive, and its sender hears the same as before.
#[utoipa::path(tag = "hl7", request_body = DiscardInput, params(("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses((status = 200, body = ParkedView), (status = 400, description = "faults of the input, all at once"),
        (status = 403, description = "this role may not"), (status = 404),
        (status = 409, description = "it was replayed or discarded before, or the Idempotency-Key was used for another request")))]
#[post("/api/patients/hl7/parked/{id}/discard/")]
pub async fn discard(
    permit: Permit<Hl7Import>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    body: Strict<DiscardInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let actor = &permit.actor;
    let mut conn = db::get(&app.db).await?;
    let answer = conn
        .transaction(async |conn| {
            if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
                actor.trail.repeats();
                return Ok::<_, Error>(stored.into());
            }
            let (parked, _text) = Parked::lock(conn, *id).await?;
            let parked = parked.discard(conn, actor.user_id, &body.value.reason).await?;
            audit::write(conn, &actor.trail, []).await?;
            let answer = Answer::ok(parked.version, &ParkedView::from(parked))?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await?;
    metrics::counter!("hl7_parked_resolved_total", "resolution" => "discarded").increment(1);
    Ok(answer)
}
