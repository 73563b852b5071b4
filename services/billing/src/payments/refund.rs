//! The row of a refund, and what is shown of it: the same.

use chassis::phi::Phi;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Method, Payment};
use crate::advances::Advance;
use crate::money::Paise;
use crate::schema::{payments, provider_refunds, refunds};

chassis::words! {
    /// Where a refund stands.
    pub enum RefundStatus {
        /// The provider has yet to send it.
        Pending = "PENDING",
        /// It was paid back.
        Completed = "COMPLETED",
    }
}

/// A refund.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = refunds, check_for_backend(Pg))]
pub struct Refund {
    /// Id.
    pub id: i64,
    /// The payment that it takes from.
    #[serde(rename = "payment")]
    #[diesel(column_name = payment_id)]
    pub payment_id: i64,
    /// The invoice that was paid.
    #[serde(rename = "invoice")]
    #[diesel(column_name = invoice_id)]
    pub invoice_id: i64,
    /// In rupees.
    pub amount: Paise,
    /// How it goes back, which is how it came.
    pub method: Method,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why.
    #[schema(value_type = String)]
    pub reason: Phi<String>,
    /// Who granted it; null where the system sends back what nobody owed.
    pub refunded_by: Option<i64>,
    /// When it was granted.
    pub refunded_at: DateTime<Utc>,
    /// When the provider had sent it.
    pub sent_at: Option<DateTime<Utc>>,
}

/// A refund as it is granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant<'a> {
    pub amount: Paise,
    pub reason: &'a str,
    pub by: Option<i64>,
    pub at: DateTime<Utc>,
}

impl Refund {
    /// Adds a refund to a locked payment; what the provider took, the provider sends back, and what an advance paid is left of
    /// the advance again.
    pub(super) async fn insert(conn: &mut AsyncPgConnection, payment: &Payment, grant: Grant<'_>) -> QueryResult<Self> {
        let status = match payment.method {
            Method::Online => RefundStatus::Pending,
            _ => RefundStatus::Completed,
        };
        let refund: Self = diesel::insert_into(refunds::table)
            .values((
                refunds::payment_id.eq(payment.id),
                refunds::invoice_id.eq(payment.invoice_id),
                refunds::amount.eq(grant.amount),
                refunds::method.eq(payment.method),
                refunds::status.eq(status),
                refunds::reason.eq(grant.reason),
                refunds::refunded_by.eq(grant.by),
                refunds::refunded_at.eq(grant.at),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await?;
        diesel::update(payments::table.find(payment.id))
            .set((payments::refunded.eq(payment.refunded + grant.amount), payments::version.eq(payments::version + 1)))
            .execute(conn)
            .await?;
        if let Some(advance) = payment.advance_id {
            Advance::put_back(conn, advance, grant.amount).await?;
        }
        if status == RefundStatus::Pending {
            diesel::insert_into(provider_refunds::table)
                .values((provider_refunds::refund_id.eq(refund.id), provider_refunds::try_at.eq(grant.at)))
                .execute(conn)
                .await?;
        }
        Ok(refund)
    }
}
