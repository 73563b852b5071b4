//! `GET invoices/{id}/payments/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::PaymentRead;
use chassis::db;
use chassis::fields::number;
use chassis::page::{self, Page, PageRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Payment;
use crate::access::Scope;
use crate::app::App;
use crate::invoices::Invoice;
use crate::listing::walked;
use crate::schema::payments;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// Nothing narrows these lists but the invoice or payment that is in the path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Filters {}

impl Parameters {
    pub(crate) fn request(self, app: &App) -> Result<PageRequest<Filters>, Problem> {
        let Self { page, page_size, cursor } = self;
        page::request(&app.cursor_key, Filters {}, page, page_size, cursor)
    }
}

/// The payments of an invoice, in the order in which they came.
#[utoipa::path(
    tag = "billing",
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<Payment>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice, or not the caller's"),
    )
)]
#[get("/api/billing/invoices/{id}/payments/")]
pub async fn list(
    permit: Permit<PaymentRead>,
    id: web::Path<i64>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<Payment>>, Problem> {
    let request = parameters.0.request(&app)?;
    let mut conn = db::get(&app.db).await?;
    let (invoice, _) = Invoice::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([invoice.patient_id]);
    let count =
        page::count(&mut conn, payments::table.filter(payments::invoice_id.eq(invoice.id)).select(payments::id))
            .await?;
    let query = payments::table.filter(payments::invoice_id.eq(invoice.id)).select(Payment::as_select()).into_boxed();
    let found: Vec<Payment> = walked!(query, &request, payments::id, false).load(&mut conn).await?;
    page::answer(&http, &app.cursor_key, &request, found, count, |payment| json!(payment.id)).map(web::Json)
}
