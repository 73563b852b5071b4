//! `GET services/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::CatalogueRead;
use chassis::db;
use chassis::fields::{Day, number};
use chassis::page::{self, Page, PageRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chassis::text::Line;
use deserr::Deserr;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Service;
use crate::app::App;
use crate::fields::issued_number_if_given;
use crate::listing::walked;
use crate::schema::services;
use crate::tax::Kind;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = issued_number_if_given::<100> -> Fault)]
    search: Option<Line<100>>,
    #[deserr(default, try_from(Option<String>) = issued_number_if_given::<32> -> Fault)]
    code: Option<Line<32>>,
    #[deserr(default)]
    kind: Option<Kind>,
    #[deserr(default)]
    date: Option<Day>,
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
    search: Option<String>,
    code: Option<String>,
    kind: Option<Kind>,
    date: Option<Day>,
}

impl Parameters {
    fn request(self, app: &App) -> Result<PageRequest<Filters>, Problem> {
        let Self { search, code, kind, date, page, page_size, cursor } = self;
        let filters = Filters { search: search.map(Line::into_inner), code: code.map(Line::into_inner), kind, date };
        page::request(&app.cursor_key, filters, page, page_size, cursor)
    }
}

impl Filters {
    fn matching(&self) -> services::BoxedQuery<'static, Pg> {
        let mut found = services::table.into_boxed();
        if let Some(search) = &self.search {
            let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let anywhere = format!("%{escaped}%");
            found = found.filter(services::code.ilike(anywhere.clone()).or(services::description.ilike(anywhere)));
        }
        if let Some(code) = &self.code {
            found = found.filter(services::code.eq(code.clone()));
        }
        if let Some(kind) = self.kind {
            found = found.filter(services::kind.eq(kind));
        }
        if let Some(day) = self.date {
            let not_over = services::effective_to.is_null().or(services::effective_to.ge(day.get()));
            found = found.filter(services::effective_from.le(day.get())).filter(not_over.assume_not_null());
        }
        found
    }
}

/// The catalogue, by code.
#[utoipa::path(
    tag = "billing",
    params(
        ("search" = Option<String>, Query, description = "part of the code or the description"),
        ("code" = Option<String>, Query, description = "only this code"),
        ("kind" = Option<Kind>, Query, description = "only of this kind"),
        ("date" = Option<chrono::NaiveDate>, Query, description = "only what can be billed on this day"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<Service>, description = "a page of it"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/services/")]
pub async fn list(
    _permit: Permit<CatalogueRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<Service>>, Problem> {
    let request = parameters.0.request(&app)?;
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching().select(services::id)).await?;
    let query = request.filters.matching().select(Service::as_select());
    let found: Vec<Service> =
        walked!(query, &request, services::code => String, services::id, false).load(&mut conn).await?;
    page::answer(&http, &app.cursor_key, &request, found, count, |service| json!([service.code, service.id]))
        .map(web::Json)
}
