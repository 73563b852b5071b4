//! `GET advances/` and `GET advances/{id}/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::AdvanceRead;
use chassis::db;
use chassis::etag::Etagged;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page, PageRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::advance::{AdvanceStatus, visible_to};
use super::{Advance, AdvanceAnswer};
use crate::access::Scope;
use crate::app::App;
use crate::known::merged;
use crate::listing::{forward, walked};
use crate::schema::advances;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = parameter -> Fault)]
    patient: Option<Id>,
    #[deserr(default)]
    status: Option<AdvanceStatus>,
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// What narrows the list; a cursor carries it along.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    patient: Option<Id>,
    status: Option<AdvanceStatus>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

impl Parameters {
    fn request(self, app: &App) -> Result<PageRequest<Filters>, Problem> {
        forward(self.start_date, self.end_date)?;
        let Self { patient, status, start_date, end_date, page, page_size, cursor } = self;
        page::request(&app.cursor_key, Filters { patient, status, start_date, end_date }, page, page_size, cursor)
    }
}

impl Filters {
    fn matching(&self, scope: Scope) -> advances::BoxedQuery<'static, Pg> {
        let mut found = visible_to(scope);
        if let Some(patient) = self.patient {
            found = found.filter(advances::patient_id.eq(merged::any_id_of(patient.get())));
        }
        let gone = advances::used + advances::refunded;
        match self.status {
            Some(AdvanceStatus::Open) => found = found.filter(advances::amount.gt(gone)),
            Some(AdvanceStatus::Spent) => found = found.filter(advances::amount.eq(gone)),
            None => {}
        }
        if let Some(start) = self.start_date {
            found = found.filter(advances::dated.ge(start.get()));
        }
        if let Some(end) = self.end_date {
            found = found.filter(advances::dated.le(end.get()));
        }
        found
    }
}

/// The advances that the caller may see, latest first. A PATIENT sees their own; of merged records either one shows both.
#[utoipa::path(
    tag = "billing",
    params(
        ("patient" = Option<i64>, Query, description = "only this patient's"),
        ("status" = Option<AdvanceStatus>, Query, description = "only those of which something is left, or nothing"),
        ("start_date" = Option<chrono::NaiveDate>, Query, description = "from this day on"),
        ("end_date" = Option<chrono::NaiveDate>, Query, description = "up to this day"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<AdvanceAnswer>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/advances/")]
pub async fn list(
    permit: Permit<AdvanceRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<AdvanceAnswer>>, Problem> {
    let request = parameters.0.request(&app)?;
    let scope = Scope::of(&permit);
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching(scope).select(advances::id)).await?;
    let query = request.filters.matching(scope).select(Advance::as_select());
    let found: Vec<Advance> =
        walked!(query, &request, advances::dated => NaiveDate, advances::id, true).load(&mut conn).await?;
    permit.actor.trail.shows(found.iter().map(|advance| advance.patient_id).collect::<Vec<_>>());
    let shown = found.into_iter().map(AdvanceAnswer::try_from).collect::<Result<Vec<_>, _>>()?;
    page::answer(&http, &app.cursor_key, &request, shown, count, |advance| json!([advance.date, advance.id]))
        .map(web::Json)
}

/// One advance.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the advance")),
    responses(
        (status = 200, body = AdvanceAnswer, description = "the advance; ETag is its version"),
        (status = 304, description = "If-None-Match names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such advance, or not the caller's"),
    )
)]
#[get("/api/billing/advances/{id}/")]
pub async fn read(
    permit: Permit<AdvanceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<AdvanceAnswer>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let advance = Advance::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([advance.patient_id]);
    Ok(Etagged { version: advance.version, body: advance.try_into()? })
}
