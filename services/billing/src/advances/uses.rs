//! `GET advances/{id}/uses/`: which invoices an advance has paid.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::AdvanceRead;
use chassis::db;
use chassis::page::{self, Page};
use chassis::problem::Problem;
use chassis::strict_json::StrictQuery;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::Advance;
use crate::access::Scope;
use crate::app::App;
use crate::listing::walked;
use crate::payments::Payment;
use crate::payments::list::Parameters;
use crate::schema::payments;

/// The payments that were made with an advance, in the order in which they were made. Of each, `refunded` is left of the advance
/// again.
#[utoipa::path(
    tag = "billing",
    params(
        ("id" = i64, Path, description = "the advance"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<Payment>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such advance, or not the caller's"),
    )
)]
#[get("/api/billing/advances/{id}/uses/")]
pub async fn uses(
    permit: Permit<AdvanceRead>,
    id: web::Path<i64>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<Payment>>, Problem> {
    let request = parameters.0.request(&app)?;
    let mut conn = db::get(&app.db).await?;
    let advance = Advance::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([advance.patient_id]);
    let all = payments::table.filter(payments::advance_id.eq(advance.id)).select(payments::id);
    let count = page::count(&mut conn, all).await?;
    let query = payments::table.filter(payments::advance_id.eq(advance.id)).select(Payment::as_select()).into_boxed();
    let found: Vec<Payment> = walked!(query, &request, payments::id, false).load(&mut conn).await?;
    page::answer(&http, &app.cursor_key, &request, found, count, |payment| json!(payment.id)).map(web::Json)
}
