//! The row of a payment, and what is shown of it: the same.

use chassis::phi::Phi;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::money::Paise;
use crate::schema::payments;

chassis::words! {
    /// How money came. `ONLINE`, by the payment provider, is not offered yet.
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
    }
}

chassis::words! {
    /// Where a payment stands.
    pub enum PaymentStatus {
        /// The hospital has the money.
        Completed = "COMPLETED",
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
    /// The transaction's, cheque's or claim's number.
    #[schema(value_type = Option<String>)]
    pub reference: Option<Phi<String>>,
    /// The user who took it.
    pub received_by: i64,
    /// When it was taken.
    pub received_at: DateTime<Utc>,
}
