//! `GET refund-vouchers/` and `GET refund-vouchers/{id}/`.

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

use super::RefundVoucher;
use super::refund_voucher::visible_to;
use crate::access::Scope;
use crate::app::App;
use crate::known::merged;
use crate::listing::{forward, walked};
use crate::schema::refund_vouchers;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = parameter -> Fault)]
    patient: Option<Id>,
    #[deserr(default, try_from(Option<String>) = parameter -> Fault)]
    advance: Option<Id>,
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
    advance: Option<Id>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

impl Parameters {
    fn request(self, app: &App) -> Result<PageRequest<Filters>, Problem> {
        forward(self.start_date, self.end_date)?;
        let Self { patient, advance, start_date, end_date, page, page_size, cursor } = self;
        page::request(&app.cursor_key, Filters { patient, advance, start_date, end_date }, page, page_size, cursor)
    }
}

impl Filters {
    fn matching(&self, scope: Scope) -> refund_vouchers::BoxedQuery<'static, Pg> {
        let mut found = visible_to(scope);
        if let Some(patient) = self.patient {
            found = found.filter(refund_vouchers::patient_id.eq(merged::any_id_of(patient.get())));
        }
        if let Some(advance) = self.advance {
            found = found.filter(refund_vouchers::advance_id.eq(advance.get()));
        }
        if let Some(start) = self.start_date {
            found = found.filter(refund_vouchers::dated.ge(start.get()));
        }
        if let Some(end) = self.end_date {
            found = found.filter(refund_vouchers::dated.le(end.get()));
        }
        found
    }
}

/// The refund vouchers that the caller may see, latest first: what was given back of advances. A PATIENT sees their own.
#[utoipa::path(
    tag = "billing",
    params(
        ("patient" = Option<i64>, Query, description = "only this patient's"),
        ("advance" = Option<i64>, Query, description = "only of this advance"),
        ("start_date" = Option<chrono::NaiveDate>, Query, description = "from this day on"),
        ("end_date" = Option<chrono::NaiveDate>, Query, description = "up to this day"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<RefundVoucher>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/refund-vouchers/")]
pub async fn list(
    permit: Permit<AdvanceRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<RefundVoucher>>, Problem> {
    let request = parameters.0.request(&app)?;
    let scope = Scope::of(&permit);
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching(scope).select(refund_vouchers::id)).await?;
    let query = request.filters.matching(scope).select(RefundVoucher::as_select());
    let found: Vec<RefundVoucher> =
        walked!(query, &request, refund_vouchers::dated => NaiveDate, refund_vouchers::id, true)
            .load(&mut conn)
            .await?;
    permit.actor.trail.shows(found.iter().map(|voucher| voucher.patient_id).collect::<Vec<_>>());
    page::answer(&http, &app.cursor_key, &request, found, count, |voucher| json!([voucher.dated, voucher.id]))
        .map(web::Json)
}

/// One refund voucher.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the refund voucher")),
    responses(
        (status = 200, body = RefundVoucher, description = "the refund voucher; it never changes"),
        (status = 304, description = "If-None-Match names it"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such refund voucher, or not the caller's"),
    )
)]
#[get("/api/billing/refund-vouchers/{id}/")]
pub async fn read(
    permit: Permit<AdvanceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<RefundVoucher>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let voucher = RefundVoucher::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([voucher.patient_id]);
    Ok(Etagged { version: 1, body: voucher })
}
