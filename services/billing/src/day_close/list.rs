//! `GET day-close/` and `GET day-close/{id}/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use chassis::db;
use chassis::etag::Etagged;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::dsl::IntoBoxed;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::DayClose;
use super::row::DayCloseAnswer;
use crate::app::App;
use crate::listing::{forward, walked};
use crate::schema::day_closes;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = parameter -> Fault)]
    cashier: Option<Id>,
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

/// What narrows the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    cashier: Option<Id>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

impl Filters {
    fn matching(&self) -> IntoBoxed<'static, day_closes::table, Pg> {
        let mut found = day_closes::table.into_boxed();
        if let Some(cashier) = self.cashier {
            found = found.filter(day_closes::cashier.eq(cashier.get()));
        }
        if let Some(start) = self.start_date {
            found = found.filter(day_closes::day.ge(start.get()));
        }
        if let Some(end) = self.end_date {
            found = found.filter(day_closes::day.le(end.get()));
        }
        found
    }
}

/// The closed days, latest first.
#[utoipa::path(
    tag = "billing",
    params(
        ("cashier" = Option<i64>, Query, description = "only this user's"),
        ("start_date" = Option<chrono::NaiveDate>, Query, description = "from this day on"),
        ("end_date" = Option<chrono::NaiveDate>, Query, description = "up to this day"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<DayCloseAnswer>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/day-close/")]
pub async fn list(
    _permit: Permit<auth::permissions::DayClose>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<DayCloseAnswer>>, Problem> {
    let Parameters { cashier, start_date, end_date, page, page_size, cursor } = parameters.0;
    forward(start_date, end_date)?;
    let filters = Filters { cashier, start_date, end_date };
    let request = page::request(&app.cursor_key, filters, page, page_size, cursor)?;
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching().select(day_closes::id)).await?;
    let query = request.filters.matching().select(DayClose::as_select());
    let found: Vec<DayClose> =
        walked!(query, &request, day_closes::day => NaiveDate, day_closes::id, true).load(&mut conn).await?;
    let found = found.into_iter().map(DayCloseAnswer::from).collect();
    page::answer(&http, &app.cursor_key, &request, found, count, |closed: &DayCloseAnswer| {
        json!([closed.date, closed.id])
    })
    .map(web::Json)
}

/// One closed day.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the day close")),
    responses(
        (status = 200, body = DayCloseAnswer, description = "the closed day"),
        (status = 304, description = "If-None-Match names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such day close"),
    )
)]
#[get("/api/billing/day-close/{id}/")]
pub async fn read(
    _permit: Permit<auth::permissions::DayClose>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<DayCloseAnswer>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let closed: DayClose = day_closes::table.find(*id).select(DayClose::as_select()).first(&mut conn).await?;
    Ok(Etagged { version: 1, body: closed.into() })
}
