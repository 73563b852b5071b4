//! Two records of one patient become one, and two again.
//!
//! A record that was merged into another (the *source*, into the *target*) stays as it is and is seen no more: its id answers
//! as the target. What hung on it hangs on the target, and each row that moved is noted, so that taking the merge back moves
//! those rows and no others.

pub mod fields;
pub mod survivor;

mod act;
mod moves;
pub mod record;
pub mod view;

use actix_web::{HttpRequest, get, post, web};
use auth::Permit;
use auth::permissions::PatientMerge;
use chassis::db;
use chassis::etag::IfMatch;
use chassis::fields::{Id, number};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::page::{self, Count, Page, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict, StrictQuery};
use deserr::Deserr;
use diesel_async::AsyncConnection;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

pub use self::act::{Merged, Origin, Unmerged, merge, unmerge};
use self::fields::Field;
pub use self::moves::{Moved, arrives};
use self::record::Record;
use self::view::{MergeView, RecordView, UnmergeView};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::patient::Patient;

/// What is merged into the patient of the path.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct MergeInput {
    /// The patient whose record moves.
    source: Id,
    /// Fields in which the two differ and of which the source's value is taken; of all others the target's stays.
    #[deserr(default)]
    take: Option<Vec<Field>>,
}

/// What is taken out of the patient of the path again.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct UnmergeInput {
    /// The patient whose record was merged.
    source: Id,
}

/// Whether it is done or only shown.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MergeParams {
    /// `true`: shows what would come of it, and does nothing.
    #[deserr(default, try_from(Option<String>) = flag -> Fault)]
    #[param(value_type = Option<bool>)]
    dry_run: bool,
}

/// Which merges are asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MergesParams {
    /// From 1.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    /// 1 to 100; 20 when absent.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    cursor: Option<String>,
}

/// Merge another record of the same person into this patient.
///
/// The source's history, appointments, messages and numbers move here in one transaction, its id answers as this patient from
/// then on, here and in the other services, and what this record lacks is filled in. `?dry_run=true` shows all of that, with
/// every field in which the two differ. A merge can be taken back (`unmerge/`). Neither record may have a part in another merge
/// that would make a chain of them.
#[utoipa::path(tag = "merges", request_body = MergeInput,
    params(("id" = i64, Path), MergeParams, ("If-Match" = Option<String>, Header, description = "the ETag of this patient that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses((status = 200, body = MergeView, headers(("ETag" = String))),
        (status = 400, description = "faults of the input; the source is this patient, or nobody"), (status = 403, description = "this role may not"),
        (status = 404), (status = 409, description = "they are merged already (`already-merged`), others are merged into the source (`merge-of-merged`), this patient is deactivated (`target-deactivated`), or the Idempotency-Key was used for another request"),
        (status = 412, description = "the patient has changed since")))]
#[post("/api/patients/{id}/merge/")]
pub async fn merge_into(
    permit: Permit<PatientMerge>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<MergeParams>,
    key: IdempotencyKey,
    if_match: IfMatch,
    body: Strict<MergeInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (actor, source, take) = (&permit.actor, body.value.source.get(), body.value.take.unwrap_or_default());
    let origin = Origin { actor: Some(actor), message: None };
    let mut conn = db::get(&app.db).await?;
    let done = conn
        .transaction(async |conn| {
            if !params.dry_run
                && let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await?
            {
                actor.trail.repeats();
                return Ok(stored.into());
            }
            let merged = merge(conn, &app.outbox, *id, source, &take, origin).await?;
            if_match.check(merged.target_before.version)?;
            if params.dry_run {
                let version = merged.target_before.version;
                return Err(Stop::Shown(Answer::ok(version, &MergeView { merge: None, ..MergeView::of(merged)? })?));
            }
            audit::write(conn, &actor.trail, [*id, source]).await?;
            let answer = Answer::ok(merged.target.version, &MergeView::of(merged)?)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await;
    permit.actor.trail.shows([*id, source]);
    Ok(done.or_else(Stop::answer)?)
}

/// Take a merge back: the source is a patient of their own again.
///
/// Every row that the merge moved moves back, and each field that it changed is what it was. What was added to this patient since
/// stays here, and so do fields that were edited since (`kept`). `?dry_run=true` shows what would come of it.
#[utoipa::path(tag = "merges", request_body = UnmergeInput,
    params(("id" = i64, Path), MergeParams,
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses((status = 200, body = UnmergeView, headers(("ETag" = String))), (status = 400), (status = 403, description = "this role may not"),
        (status = 404), (status = 409, description = "the source is not merged into this patient (`not-merged`), its ABHA number is another patient's by now (`abha-number-taken`), or the Idempotency-Key was used for another request")))]
#[post("/api/patients/{id}/unmerge/")]
pub async fn unmerge_from(
    permit: Permit<PatientMerge>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<MergeParams>,
    key: IdempotencyKey,
    body: Strict<UnmergeInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (actor, source) = (&permit.actor, body.value.source.get());
    let origin = Origin { actor: Some(actor), message: None };
    let mut conn = db::get(&app.db).await?;
    let done = conn
        .transaction(async |conn| {
            if !params.dry_run
                && let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await?
            {
                actor.trail.repeats();
                return Ok(stored.into());
            }
            let unmerged = unmerge(conn, &app.outbox, *id, source, origin).await?;
            if params.dry_run {
                return Err(Stop::Shown(Answer::ok(unmerged.version_before, &UnmergeView::from(unmerged))?));
            }
            audit::write(conn, &actor.trail, [*id, source]).await?;
            let answer = Answer::ok(unmerged.target.version, &UnmergeView::from(unmerged))?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await;
    permit.actor.trail.shows([*id, source]);
    Ok(done.or_else(Stop::answer)?)
}

/// List the merges into a patient, those that were taken back too, the latest first.
#[utoipa::path(tag = "merges", params(("id" = i64, Path), MergesParams),
    responses((status = 200, body = Page<RecordView>), (status = 400), (status = 403, description = "this role may not"), (status = 404)))]
#[get("/api/patients/{id}/merges/")]
pub async fn list(
    permit: Permit<PatientMerge>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<MergesParams>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<RecordView>>, Problem> {
    let request = page::request(&app.cursor_key, (), params.page, params.page_size, params.cursor)?;
    let mut conn = db::get(&app.db).await?;
    let patient = Patient::find(&mut conn, &Scope::of(&permit), *id).await.map_err(Error::from)?.id;
    let (latest_first, beyond, skip) = match &request.position {
        Position::First => (true, None, 0),
        Position::Offset(rows) => (true, None, *rows),
        Position::After(at) => (true, at.as_i64(), 0),
        Position::Before(at) => (false, at.as_i64(), 0),
    };
    let rows = Record::into(&mut conn, patient, beyond, latest_first, skip, request.size + 1).await?;
    let count = Count { rows: Record::count(&mut conn, patient).await?, estimated: false };
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |record| json!(record.id))?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    permit.actor.trail.shows(std::iter::once(patient).chain(results.iter().map(|record| record.source)));
    let results = results.into_iter().map(Into::into).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// Why a transaction does not stay.
enum Stop {
    /// It was only to be shown what comes of it.
    Shown(Answer),
    /// It cannot be done.
    Error(Error),
}

impl<E> From<E> for Stop
where
    Error: From<E>,
{
    fn from(fault: E) -> Self {
        Self::Error(fault.into())
    }
}

impl Stop {
    fn answer(self) -> Result<Answer, Error> {
        match self {
            Self::Shown(answer) => Ok(answer),
            Self::Error(error) => Err(error),
        }
    }
}

fn flag(text: Option<String>) -> Result<bool, Fault> {
    match text.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Fault::new("unknown_value", "must be true or false")),
    }
}
