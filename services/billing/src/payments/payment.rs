//! The row of a payment, and what is shown of it: the same.

use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::error::Error;
use crate::invoices::{Invoice, Status};
use crate::money::Paise;
use crate::schema::{invoices, payments};

chassis::words! {
    /// How money came.
    pub enum Method {
        /// Notes and coins.
        Cash = "CASH",
        /// A card, on the desk's own terminal.
        Card = "CARD",
        /// UPI; a scanned code proves nothing, the desk has seen the money.
        Upi = "UPI",
        /// A bank transfer.
        NetBanking = "NET_BANKING",
        /// A cheque.
        Cheque = "CHEQUE",
        /// From an insurer.
        Insurance = "INSURANCE",
        /// By the payment provider.
        Online = "ONLINE",
        /// With an advance of the patient's.
        Advance = "ADVANCE",
    }
}

chassis::words! {
    /// Where a payment stands.
    pub enum PaymentStatus {
        /// An order at the provider waits to be paid.
        Pending = "PENDING",
        /// The hospital has the money.
        Completed = "COMPLETED",
        /// The order was not paid within a day. If it is paid all the same, the payment is completed.
        Failed = "FAILED",
        /// It came when nothing was owed any more, and is sent back.
        Returned = "RETURNED",
    }
}

/// A payment.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = payments, check_for_backend(Pg))]
pub struct Payment {
    /// Id.
    pub id: i64,
    /// The invoice that it pays.
    #[serde(rename = "invoice")]
    #[diesel(column_name = invoice_id)]
    pub invoice_id: i64,
    /// In rupees.
    pub amount: Paise,
    /// How it came.
    pub method: Method,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What of it was paid back, or is on its way.
    pub refunded: Paise,
    /// The transaction's, cheque's or claim's number.
    #[schema(value_type = Option<String>)]
    pub reference: Option<Phi<String>>,
    /// The advance that it was paid with; null unless it was.
    #[serde(rename = "advance")]
    #[diesel(column_name = advance_id)]
    pub advance_id: Option<i64>,
    /// The user who took it, or who opened the order.
    pub received_by: i64,
    /// When it was taken; of a pending one, when its order was opened.
    pub received_at: DateTime<Utc>,
    /// Grows with every change.
    #[serde(skip)]
    pub version: i64,
}

impl Payment {
    /// A payment of an invoice within the scope, and that invoice.
    ///
    /// # Errors
    /// [`Error::NoPayment`].
    pub async fn find(conn: &mut AsyncPgConnection, scope: Scope, id: i64) -> Result<(Self, Invoice), Error> {
        let payment: Option<Self> = payments::table.find(id).select(Self::as_select()).first(conn).await.optional()?;
        let payment = payment.ok_or(Error::NoPayment)?;
        match Invoice::find(conn, scope, payment.invoice_id).await {
            Ok((invoice, _)) => Ok((payment, invoice)),
            Err(Error::NoInvoice) => Err(Error::NoPayment),
            Err(other) => Err(other),
        }
    }

    /// Locks a payment and, before it, its invoice.
    ///
    /// # Errors
    /// [`Error::NoPayment`].
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> Result<(Self, Invoice), Error> {
        let invoice: Option<i64> =
            payments::table.find(id).select(payments::invoice_id).first(conn).await.optional()?;
        let invoice = Invoice::lock(conn, Scope::All, invoice.ok_or(Error::NoPayment)?).await?;
        let payment = payments::table.find(id).for_update().select(Self::as_select()).first(conn).await?;
        Ok((payment, invoice))
    }
}

/// The most that was ever paid on an invoice at one time, whose row the caller has locked: the books have the payments and
/// refunds in the order in which they were made.
pub(super) async fn most_paid(conn: &mut AsyncPgConnection, invoice: i64) -> QueryResult<Paise> {
    #[derive(QueryableByName)]
    struct Most {
        #[diesel(sql_type = BigInt)]
        paid: Paise,
    }
    let most = diesel::sql_query(
        "SELECT coalesce(max(paid), 0)::bigint AS paid FROM ( \
             SELECT -sum(posted.amount) OVER (ORDER BY entry.id) AS paid \
             FROM journal_entries AS entry JOIN postings AS posted ON posted.entry_id = entry.id \
             WHERE entry.invoice_id = $1 AND entry.kind IN ('PAYMENT', 'REFUND') AND posted.account = 'RECEIVABLE' \
         ) AS after_each",
    );
    let most: Most = most.bind::<BigInt, _>(invoice).get_result(conn).await?;
    Ok(most.paid)
}

/// Says on the invoice, whose row the caller has locked, what is paid now and where it stands with that. The database checks
/// it against the books.
pub(crate) async fn move_invoice(
    conn: &mut AsyncPgConnection,
    invoice: i64,
    paid: Paise,
    status: Status,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(invoices::table.find(invoice))
        .set((
            invoices::amount_paid.eq(paid),
            invoices::status.eq(status),
            invoices::version.eq(invoices::version + 1),
            invoices::updated_at.eq(now),
        ))
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}
