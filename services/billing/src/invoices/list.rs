//! `GET invoices/` and `GET invoices/{id}/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::InvoiceRead;
use chassis::db;
use chassis::etag::Etagged;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page, PageRequest, Position};
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Invoice, InvoiceAnswer, Status};
use crate::access::{Scope, Visible, visible_to};
use crate::app::App;
use crate::known::merged;
use crate::schema::{invoices, patients};

chassis::words! {
    /// How a list is ordered: by day, within a day by id.
    pub enum Ordering {
        /// Latest first.
        LatestFirst = "-invoice_date",
        /// Earliest first.
        EarliestFirst = "invoice_date",
    }
}

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = parameter -> Fault)]
    patient: Option<Id>,
    #[deserr(default)]
    status: Option<Status>,
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
    #[deserr(default)]
    ordering: Option<Ordering>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// What narrows and orders the list; a cursor carries it along.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    patient: Option<Id>,
    status: Option<Status>,
    start_date: Option<Day>,
    end_date: Option<Day>,
    ordering: Option<Ordering>,
}

impl Parameters {
    fn request(self, app: &App) -> Result<PageRequest<Filters>, Problem> {
        if self.start_date.zip(self.end_date).is_some_and(|(start, end)| start > end) {
            return Err(Problem::invalid("end_date", "before_start", "must not be before start_date"));
        }
        let Self { patient, status, start_date, end_date, ordering, page, page_size, cursor } = self;
        let filters = Filters { patient, status, start_date, end_date, ordering };
        page::request(&app.cursor_key, filters, page, page_size, cursor)
    }
}

impl Filters {
    fn matching(&self, scope: Scope) -> Visible {
        let mut found = visible_to(scope);
        if let Some(patient) = self.patient {
            found = found.filter(sql::<Bool>(merged::IS_OF).bind::<BigInt, _>(patient.get()).sql("))"));
        }
        if let Some(status) = self.status {
            found = found.filter(invoices::status.eq(status));
        }
        if let Some(start) = self.start_date {
            found = found.filter(invoices::dated.ge(start.get()));
        }
        if let Some(end) = self.end_date {
            found = found.filter(invoices::dated.le(end.get()));
        }
        found
    }
}

/// The invoices that the caller may see, latest first.
///
/// The dates are those of the documents in India; a draft counts on the day it was last priced. A PATIENT sees their own
/// invoices once they are issued.
#[utoipa::path(
    tag = "billing",
    params(
        ("patient" = Option<i64>, Query, description = "only this patient's"),
        ("status" = Option<Status>, Query, description = "only of this status"),
        ("start_date" = Option<chrono::NaiveDate>, Query, description = "from this day on"),
        ("end_date" = Option<chrono::NaiveDate>, Query, description = "up to this day"),
        ("ordering" = Option<Ordering>, Query, description = "by date; -invoice_date, the latest first, unless said"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<InvoiceAnswer>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/invoices/")]
pub async fn list(
    permit: Permit<InvoiceRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<InvoiceAnswer>>, Problem> {
    let request = parameters.0.request(&app)?;
    let scope = Scope::of(&permit);
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching(scope).select(invoices::id)).await?;
    let found = fetch(&mut conn, scope, &request).await?;
    let patients: Vec<i64> = found.iter().map(|(invoice, _)| invoice.patient_id).collect();
    permit.actor.trail.shows(patients);
    let walked: Vec<_> = found.iter().map(|(invoice, _)| json!([invoice.dated, invoice.id])).collect();
    let shown = InvoiceAnswer::of_all(&mut conn, &app.supplier, found).await?;
    let rows = shown.into_iter().zip(walked).collect();
    let page =
        page::answer(&http, &app.cursor_key, &request, rows, count, |(_, at): &(InvoiceAnswer, Value)| at.clone())?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    let results = results.into_iter().map(|(shown, _)| shown).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// One invoice.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the invoice")),
    responses(
        (status = 200, body = InvoiceAnswer, description = "the invoice; ETag is its version"),
        (status = 304, description = "If-None-Match names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice, or not the caller's"),
    )
)]
#[get("/api/billing/invoices/{id}/")]
pub async fn read(
    permit: Permit<InvoiceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<InvoiceAnswer>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (invoice, name) = Invoice::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([invoice.patient_id]);
    let body = InvoiceAnswer::of(&mut conn, &app.supplier, &invoice, name).await?;
    Ok(Etagged { version: invoice.version, body })
}

async fn fetch(
    conn: &mut AsyncPgConnection,
    scope: Scope,
    request: &PageRequest<Filters>,
) -> Result<Vec<(Invoice, Option<Phi<String>>)>, Problem> {
    let latest_first = request.filters.ordering.unwrap_or(Ordering::LatestFirst) == Ordering::LatestFirst;
    let backward = matches!(request.position, Position::Before(_));
    let descending = latest_first != backward;
    let mut query = request
        .filters
        .matching(scope)
        .select((Invoice::as_select(), patients::name.nullable()))
        .limit(request.size + 1);
    match &request.position {
        Position::First => {}
        Position::Offset(rows) => query = query.offset(*rows),
        Position::After(at) | Position::Before(at) => {
            let (dated, id): (NaiveDate, i64) = serde_json::from_value(at.clone()).map_err(Problem::internal)?;
            query = if descending {
                query.filter(invoices::dated.le(dated)).filter(invoices::dated.lt(dated).or(invoices::id.lt(id)))
            } else {
                query.filter(invoices::dated.ge(dated)).filter(invoices::dated.gt(dated).or(invoices::id.gt(id)))
            };
        }
    }
    query = if descending {
        query.order((invoices::dated.desc(), invoices::id.desc()))
    } else {
        query.order((invoices::dated.asc(), invoices::id.asc()))
    };
    Ok(query.load(conn).await?)
}
