//! The medical history: what is known of a patient's health, entry by entry, each amended and never overwritten.

pub mod kind;

pub mod code;
pub mod entry;
pub mod input;

pub mod cache;
pub mod view;
pub mod whole;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use auth::Permit;
use auth::permissions::{HistoryRead, HistoryWrite};
use chassis::db;
use chassis::etag::{self, Etagged, IfMatch};
use chassis::fields::{Id, number, parameter};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::page::{self, Count, Page, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, MergePatch, Strict, StrictQuery};
use deserr::Deserr;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use utoipa::IntoParams;

use self::cache::Which;
use self::entry::{Entry, Provenance};
use self::input::EntryInput;
use self::kind::Kind;
use self::view::{EntryView, HistoryView};
use self::whole::Extent;
use crate::access::Scope;
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::merge::survivor;

/// What of a history is asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryParams {
    /// `true`: entries that were entered in error too.
    #[deserr(default, try_from(Option<String>) = flag -> Fault)]
    #[param(value_type = Option<bool>)]
    include_entered_in_error: bool,
    /// With `before`: the list to go on with, as a link in `more` says.
    #[deserr(default, try_from(Option<String>) = parameter::<Kind> -> Fault)]
    kind: Option<Kind>,
    /// With `kind`: the entry after which to go on.
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    before: Option<Id>,
}

/// Which versions of an entry are asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionParams {
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

/// Read a patient's whole medical history.
///
/// In each list the newest first, and its newest 500; where there is more, `more` has the path that goes on. Entries that
/// were entered in error are left out unless they are asked for. What was written a moment ago is always in it.
#[utoipa::path(tag = "medical history", params(("id" = i64, Path), HistoryParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = HistoryView, headers(("ETag" = String))), (status = 304), (status = 400, description = "unknown or faulty parameters"),
        (status = 403, description = "this role may not"), (status = 404, description = "not there, or not for the caller to know of")))]
#[get("/api/patients/{id}/medical-history/")]
pub async fn read(
    permit: Permit<HistoryRead>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<HistoryParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let extent = params.extent()?;
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let (patient, version) = whole::standing(&mut conn, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([patient]);
    if let Some(answer) = etag::not_modified(&http, version) {
        return Ok(answer);
    }
    let found = if extent.beyond.is_some() {
        whole::load(&mut conn, patient, extent, app.time_zone).await.map_err(no_such_entry)?
    } else {
        drop(conn);
        let which = Which { patient, version, reach: permit.reach, with_errors: extent.with_errors };
        app.histories.read(which).await?
    };
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::ETAG, etag::tag(found.version)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(found.body))
}

/// Add to a patient's medical history.
#[utoipa::path(tag = "medical history", request_body = EntryInput, params(("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 201, body = EntryView, headers(("Location" = String), ("ETag" = String))),
        (status = 400, description = "faults of the input, all at once"), (status = 403, description = "this role may not"), (status = 404),
        (status = 409, description = "the Idempotency-Key was used for another request")))]
#[post("/api/patients/{id}/medical-history/")]
pub async fn add(
    permit: Permit<HistoryWrite>,
    id: web::Path<i64>,
    break_glass: BreakGlass,
    key: IdempotencyKey,
    body: Strict<EntryInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (today, actor) = (app.today(), &permit.actor);
    let content = body.value.for_new(today).map_err(Problem::bad_request)?;
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let answer = conn
        .transaction(async |conn| {
            if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
                actor.trail.repeats();
                return Ok::<_, Error>(stored.into());
            }
            let patient = hold(conn, &scope, *id).await?;
            let entry = Entry::insert(conn, patient, &content, &Provenance::of_user(actor.user_id), today).await?;
            audit::write(conn, &actor.trail, [patient]).await?;
            let location = format!("/api/patients/{patient}/medical-history/{}/", entry.id);
            let answer = Answer::created(location, entry.version, &EntryView::from(entry))?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await?;
    Ok(answer)
}

/// Read one entry, also one that was entered in error.
#[utoipa::path(tag = "medical history", params(("id" = i64, Path), ("entry" = i64, Path),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = EntryView, headers(("ETag" = String))), (status = 304), (status = 403), (status = 404)))]
#[get("/api/patients/{id}/medical-history/{entry}/")]
pub async fn read_entry(
    permit: Permit<HistoryRead>,
    path: web::Path<(i64, i64)>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<Etagged<EntryView>, Problem> {
    let (patient, id) = path.into_inner();
    let scope = break_glass.open(&app, &permit, patient).await?;
    let mut conn = db::get(&app.db).await?;
    let patient = survivor::of(&mut conn, patient).await?;
    let entry = Entry::find(&mut conn, &scope, patient, id).await.map_err(no_such_entry)?;
    permit.actor.trail.shows([patient]);
    Ok(Etagged { version: entry.version, body: entry.into() })
}

/// Amend an entry (JSON merge patch, RFC 7396); the earlier version stays.
///
/// What an entry is about is fixed: another `kind` is another entry. `{"status": "ENTERED_IN_ERROR"}` takes an entry out for
/// good.
#[utoipa::path(tag = "medical history",
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json", description = "fields of an entry"),
    params(("id" = i64, Path), ("entry" = i64, Path), ("If-Match" = Option<String>, Header, description = "the ETag that was read"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = EntryView, headers(("ETag" = String))), (status = 400), (status = 403), (status = 404),
        (status = 409, description = "it was entered in error"), (status = 412, description = "the entry has changed since")))]
#[patch("/api/patients/{id}/medical-history/{entry}/")]
pub async fn amend(
    permit: Permit<HistoryWrite>,
    path: web::Path<(i64, i64)>,
    break_glass: BreakGlass,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<EntryView>, Problem> {
    let ((patient, id), today, actor) = (path.into_inner(), app.today(), &permit.actor);
    let scope = break_glass.open(&app, &permit, patient).await?;
    let mut conn = db::get(&app.db).await?;
    let entry = conn
        .transaction(async |conn| {
            let patient = hold(conn, &scope, patient).await?;
            let entry = Entry::lock(conn, &scope, patient, id).await.map_err(no_such_entry)?;
            if_match.check(entry.version)?;
            let content = input::amended(&entry, &patch.value, today)?;
            if content == entry.content {
                actor.trail.shows([patient]);
                return Ok::<_, Error>(entry);
            }
            if entry.is_in_error() {
                return Err(Error::EnteredInError);
            }
            let entry = entry.amend(conn, &content, &Provenance::of_user(actor.user_id), today).await?;
            audit::write(conn, &actor.trail, [patient]).await?;
            Ok(entry)
        })
        .await?;
    Ok(Etagged { version: entry.version, body: entry.into() })
}

/// List the versions of an entry, the present one first.
#[utoipa::path(tag = "medical history", params(("id" = i64, Path), ("entry" = i64, Path), VersionParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = Page<EntryView>), (status = 400), (status = 403), (status = 404)))]
#[get("/api/patients/{id}/medical-history/{entry}/versions/")]
pub async fn versions(
    permit: Permit<HistoryRead>,
    path: web::Path<(i64, i64)>,
    StrictQuery(params): StrictQuery<VersionParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<EntryView>>, Problem> {
    let (patient, id) = path.into_inner();
    let request = page::request(&app.cursor_key, (), params.page, params.page_size, params.cursor)?;
    let scope = break_glass.open(&app, &permit, patient).await?;
    let mut conn = db::get(&app.db).await?;
    let patient = survivor::of(&mut conn, patient).await?;
    let entry = Entry::find(&mut conn, &scope, patient, id).await.map_err(no_such_entry)?;
    let (newest_first, beyond, skip) = match &request.position {
        Position::First => (true, None, 0),
        Position::Offset(rows) => (true, None, *rows),
        Position::After(at) => (true, at.as_i64(), 0),
        Position::Before(at) => (false, at.as_i64(), 0),
    };
    let rows = entry.versions(&mut conn, newest_first, beyond, skip, request.size + 1).await?;
    permit.actor.trail.shows([patient]);
    // Versions count from 1 without a gap.
    let count = Count { rows: entry.version, estimated: false };
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |version| json!(version.version))?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    let results = results.into_iter().map(Into::into).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// Keeps the patient who answers for the id, if the scope shows them, as they are until the transaction ends: nobody merges
/// them away meanwhile.
pub(crate) async fn hold(conn: &mut AsyncPgConnection, scope: &Scope, patient: i64) -> Result<i64, Error> {
    let patient = survivor::hold(conn, patient).await?;
    whole::version(conn, scope, patient).await?;
    Ok(patient)
}

fn no_such_entry(fault: diesel::result::Error) -> Error {
    match fault {
        diesel::result::Error::NotFound => Error::NoSuchEntry,
        fault => fault.into(),
    }
}

impl HistoryParams {
    fn extent(&self) -> Result<Extent, Problem> {
        let with_errors = self.include_entered_in_error;
        match (self.kind, self.before) {
            (None, None) => Ok(Extent { with_errors, beyond: None }),
            (Some(kind), Some(before)) => Ok(Extent { with_errors, beyond: Some((kind, before.get())) }),
            (Some(_), None) => Err(Problem::invalid("before", "required", "is required with kind")),
            (None, Some(_)) => Err(Problem::invalid("kind", "required", "is required with before")),
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
