//! What billing tells: invoices issued and cancelled, payments received and refunded. Written to the outbox in the transaction of the
//! change. All are events of the invoice, so that whoever listens hears of its issue before its payments.

use auth::Actor;
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use events::envelope::timestamp;
use events::v1::{CreditNoteSnapshot, InvoiceSnapshot, PaymentSnapshot, RefundSnapshot};
use events::{Outbox, Payload};

use crate::credit_notes::CreditNote;
use crate::invoices::Invoice;
use crate::payments::{Payment, Refund};

const AGGREGATE: &str = "invoice";

/// An invoice got its number.
///
/// # Errors
/// From the database.
pub async fn issued(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: &Actor,
    invoice: &Invoice,
) -> QueryResult<()> {
    let snapshot = InvoiceSnapshot {
        id: invoice.id,
        invoice_number: invoice.invoice_number.clone().unwrap_or_default(),
        patient_id: invoice.patient_id,
        total_paise: invoice.totals.total.get(),
        status: invoice.status.as_str().to_owned(),
        issued_at: invoice.issued_at.map(timestamp),
    };
    outbox
        .append(
            conn,
            Some((actor.user_id, actor.role.as_str())),
            (AGGREGATE, invoice.id),
            Payload::InvoiceIssued(snapshot),
        )
        .await
}

/// An invoice was undone by a credit note.
///
/// # Errors
/// From the database.
pub async fn cancelled(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: &Actor,
    invoice: &Invoice,
    note: &CreditNote,
) -> QueryResult<()> {
    let snapshot = CreditNoteSnapshot {
        id: note.id,
        credit_note_number: note.credit_note_number.clone(),
        invoice_id: invoice.id,
        invoice_number: invoice.invoice_number.clone().unwrap_or_default(),
        patient_id: invoice.patient_id,
        total_paise: note.total.get(),
        issued_at: Some(timestamp(note.issued_at)),
    };
    outbox
        .append(
            conn,
            Some((actor.user_id, actor.role.as_str())),
            (AGGREGATE, invoice.id),
            Payload::InvoiceCancelled(snapshot),
        )
        .await
}

/// Money arrived; by nobody's hand where the provider says so.
///
/// # Errors
/// From the database.
pub async fn received(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    payment: &Payment,
) -> QueryResult<()> {
    let snapshot = PaymentSnapshot {
        id: payment.id,
        invoice_id: payment.invoice_id,
        amount_paise: payment.amount.get(),
        method: payment.method.as_str().to_owned(),
        received_at: Some(timestamp(payment.received_at)),
    };
    let actor = actor.map(|actor| (actor.user_id, actor.role.as_str()));
    outbox.append(conn, actor, (AGGREGATE, payment.invoice_id), Payload::PaymentReceived(snapshot)).await
}

/// Money is paid back.
///
/// # Errors
/// From the database.
pub async fn refunded(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: &Actor,
    refund: &Refund,
) -> QueryResult<()> {
    let snapshot = RefundSnapshot {
        id: refund.id,
        payment_id: refund.payment_id,
        invoice_id: refund.invoice_id,
        amount_paise: refund.amount.get(),
        method: refund.method.as_str().to_owned(),
        refunded_at: Some(timestamp(refund.refunded_at)),
    };
    let actor = Some((actor.user_id, actor.role.as_str()));
    outbox.append(conn, actor, (AGGREGATE, refund.invoice_id), Payload::PaymentRefunded(snapshot)).await
}
