//! `POST invoices/{id}/cancel/`: an invoice undone by a credit note.

use actix_web::{post, web};
use auth::Permit;
use auth::permissions::InvoiceCancel;
use chassis::db;
use chassis::etag::IfMatch;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chassis::text::Line;
use chrono::Utc;
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use utoipa::ToSchema;

use super::CreditNote;
use crate::access::Scope;
use crate::app::App;
use crate::fields::filled;
use crate::invoices::{Invoice, InvoiceAnswer, Status};
use crate::pdf::kept::{self, PaperKind};
use crate::publish;
use crate::schema::invoices;

/// Why an invoice is cancelled.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct CancelInput {
    /// In words that stand on the credit note.
    #[deserr(try_from(String) = filled::<200> -> Fault)]
    pub reason: Line<200>,
}

/// Cancels an invoice: a credit note takes back all that it charged, at its own rates. Nothing is deleted.
///
/// The invoice keeps its number and all that it says, and takes no payment any more. What was paid on it has to be refunded
/// first. A draft has nothing to take back. There is no credit note for a part of an invoice: for somebody who is to pay less, make
/// another one.
#[utoipa::path(
    tag = "billing",
    request_body = CancelInput,
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("If-Match" = Option<String>, Header, description = "the version that is cancelled"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again"),
    ),
    responses(
        (status = 200, body = InvoiceAnswer, description = "cancelled; `credit_note` says by which"),
        (status = 400, description = "no reason"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice"),
        (status = 409, description = "a draft, cancelled before, or something is paid on it (`amount_paid`)"),
        (status = 412, description = "If-Match names another version"),
    )
)]
#[post("/api/billing/invoices/{id}/cancel/")]
pub async fn cancel(
    permit: Permit<InvoiceCancel>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    if_match: IfMatch,
    body: Strict<CancelInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (actor, scope, now) = (&permit.actor, Scope::of(&permit), Utc::now());
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let standing = Invoice::lock(conn, scope, *id).await?;
        if_match.check(standing.version)?;
        let status = standing.status.when_cancelled(standing.amount_paid)?;
        let invoice = turn(conn, standing.id, status).await?;
        let note = CreditNote::write(conn, &app.supplier, &invoice, &body.value.reason, (actor.user_id, now)).await?;
        kept::ask_for(conn, PaperKind::CreditNote, note.id).await?;
        publish::cancelled(conn, &app.outbox, actor, &invoice, &note).await?;
        let shown = InvoiceAnswer::of(conn, &app.supplier, &invoice, None).await?;
        audit::write(conn, &actor.trail, [invoice.patient_id]).await?;
        let answer = Answer::ok(invoice.version, &shown)?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

async fn turn(conn: &mut AsyncPgConnection, id: i64, status: Status) -> QueryResult<Invoice> {
    diesel::update(invoices::table.find(id))
        .set((
            invoices::status.eq(status),
            invoices::version.eq(invoices::version + 1),
            invoices::updated_at.eq(diesel::dsl::now),
        ))
        .returning(Invoice::as_returning())
        .get_result(conn)
        .await
}
