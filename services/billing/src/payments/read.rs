//! `GET payments/{id}/` and `GET payments/{id}/refunds/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::PaymentRead;
use chassis::db;
use chassis::etag::Etagged;
use chassis::page::{self, Page};
use chassis::problem::Problem;
use chassis::strict_json::StrictQuery;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::list::Parameters;
use super::online::OnlineOrder;
use super::{Payment, PaymentStatus, Refund};
use crate::access::Scope;
use crate::app::App;
use crate::listing::walked;
use crate::schema::refunds;

/// A payment, and the order that it waits for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentAnswer {
    /// The payment.
    #[serde(flatten)]
    pub payment: Payment,
    /// The provider's order, while it waits to be paid; null otherwise.
    pub order: Option<OnlineOrder>,
}

/// One payment: how an ONLINE one stands.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the payment")),
    responses(
        (status = 200, body = PaymentAnswer, description = "the payment; ETag is its version"),
        (status = 304, description = "If-None-Match names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such payment, or not of the caller's invoice"),
    )
)]
#[get("/api/billing/payments/{id}/")]
pub async fn read(
    permit: Permit<PaymentRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<PaymentAnswer>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (payment, invoice) = Payment::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([invoice.patient_id]);
    let order = match (&app.provider, payment.status) {
        (Some(provider), PaymentStatus::Pending) => OnlineOrder::of(&mut conn, provider, payment.id).await?,
        _ => None,
    };
    Ok(Etagged { version: payment.version, body: PaymentAnswer { payment, order } })
}

/// The refunds of a payment, in the order in which they were granted.
#[utoipa::path(
    tag = "billing",
    params(
        ("id" = i64, Path, description = "the payment"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<Refund>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such payment, or not of the caller's invoice"),
    )
)]
#[get("/api/billing/payments/{id}/refunds/")]
pub async fn refunds_of(
    permit: Permit<PaymentRead>,
    id: web::Path<i64>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<Refund>>, Problem> {
    let request = parameters.0.request(&app)?;
    let mut conn = db::get(&app.db).await?;
    let (payment, invoice) = Payment::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([invoice.patient_id]);
    let all = refunds::table.filter(refunds::payment_id.eq(payment.id)).select(refunds::id);
    let count = page::count(&mut conn, all).await?;
    let query = refunds::table.filter(refunds::payment_id.eq(payment.id)).select(Refund::as_select()).into_boxed();
    let found: Vec<Refund> = walked!(query, &request, refunds::id, false).load(&mut conn).await?;
    page::answer(&http, &app.cursor_key, &request, found, count, |refund| json!(refund.id)).map(web::Json)
}
