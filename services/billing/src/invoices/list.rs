//! `GET invoices/` and `GET invoices/{id}/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::InvoiceRead;
use chassis::db;
use chassis::etag::Etagged;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page, PageRequest};
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Invoice, InvoiceAnswer, Status};
use crate::access::{Scope, Visible, visible_to};
use crate::app::App;
use crate::known::merged;
use crate::listing::{forward, walked};
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
        forward(self.start_date, self.end_date)?;
        let Self { patient, status, start_date, end_date, ordering, page, page_size, cursor } = self;
        let filters = Filters { patient, status, start_date, end_date, ordering };
        page::request(&app.cursor_key, filters, page, page_size, cursor)
    }
}

impl Filters {
    fn matching(&self, scope: Scope) -> Visible {
        let mut found = visible_to(scope);
        if let Some(patient) = self.patient {
            found = found.filter(invoices::patient_id.eq(merged::any_id_of(patient.get())));
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
        ("ordering" = inline(Option<Ordering>), Query, description = "by date; -invoice_date, the latest first, unless said"),
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
    let latest_first = request.filters.ordering.unwrap_or(Ordering::LatestFirst) == Ordering::LatestFirst;
    let query = request.filters.matching(scope).select((Invoice::as_select(), patients::name.nullable()));
    let found: Vec<(Invoice, Option<Phi<String>>)> =
        walked!(query, &request, invoices::dated => NaiveDate, invoices::id, latest_first).load(&mut conn).await?;
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
