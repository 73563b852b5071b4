//! `GET reports/` and `GET reports/{id}/`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::permissions::ReportRead;
use auth::{Actor, Permit};
use chassis::db;
use chassis::fields::number;
use chassis::page::{self, Page};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use object_store::{Key, Shown};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::FOLDER;
use super::job::{Job, ReportStatus, ReportView, visible_to};
use crate::app::App;
use crate::listing::walked;
use crate::schema::reports;

/// Patients that are written down together.
const TOGETHER: usize = 1_000;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default)]
    status: Option<ReportStatus>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// What narrows the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    status: Option<ReportStatus>,
}

impl Filters {
    fn matching(&self, actor: &Actor) -> reports::BoxedQuery<'static, diesel::pg::Pg> {
        let own = visible_to(actor).filter(reports::asked_by.eq(actor.user_id));
        match self.status {
            Some(status) => own.filter(reports::status.eq(status)),
            None => own,
        }
    }
}

/// The reports that the caller has asked for, the latest first.
#[utoipa::path(
    tag = "billing",
    params(
        ("status" = Option<ReportStatus>, Query, description = "only those that stand so"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<ReportView>, description = "a page of them, without their links"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/reports/")]
pub async fn list(
    permit: Permit<ReportRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<ReportView>>, Problem> {
    let Parameters { status, page, page_size, cursor } = parameters.0;
    let request = page::request(&app.cursor_key, Filters { status }, page, page_size, cursor)?;
    let actor = &permit.actor;
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching(actor).select(reports::id)).await?;
    let query = request.filters.matching(actor).select(Job::as_select());
    let found: Vec<Job> = walked!(query, &request, reports::id, true).load(&mut conn).await?;
    actor.trail.shows([]);
    let found = found.into_iter().map(ReportView::from).collect();
    page::answer(&http, &app.cursor_key, &request, found, count, |report: &ReportView| json!(report.id)).map(web::Json)
}

/// How a report stands and, once it is `DONE`, a link that reads it for five minutes.
///
/// Whoever has the link reads the report without a token, so it is to be used and not kept: each answer has a new one. Besides
/// who asked for it, whoever may read all of such reports sees it. The audit log names every patient of the report when a user
/// gets a link for the first time, and the report alone at each other one.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the report")),
    responses(
        (status = 200, body = ReportView, description = "how it stands"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such report, or not the caller's; or it was forgotten"),
    )
)]
#[get("/api/billing/reports/{id}/")]
pub async fn read(
    permit: Permit<ReportRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let actor = &permit.actor;
    let mut conn = db::get(&app.db).await?;
    let job = Job::find(&mut conn, actor, *id).await?;
    let is_first = job.object.is_some() && !job.shown_to.contains(&actor.user_id);
    let patients = if is_first { job.patients(&mut conn).await? } else { Vec::new() };
    drop(conn);
    if is_first {
        // who has the link reads of all of them
        for part in patients.chunks(TOGETHER) {
            app.audit.record_part(&actor.trail, part.iter().copied()).await?;
        }
        job.was_shown_to(&mut *db::get(&app.db).await?, actor.user_id).await?;
    }
    actor.trail.shows([]);
    let link = link(&app, &job).await?;
    let shown = ReportView { link, ..ReportView::from(job) };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-store")).json(shown))
}

async fn link(app: &App, job: &Job) -> Result<Option<String>, Problem> {
    let (Some(object), Some(file_name)) = (job.object, &job.file_name) else { return Ok(None) };
    let shown = Shown { content_type: job.format.media(), file_name };
    // it is worked out here, without the store
    app.store.link(Key::new(FOLDER, object), shown).await.map(Some).map_err(Problem::internal)
}
