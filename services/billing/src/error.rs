//! What can stand in the way, in the words of billing.

use chassis::problem::Problem;

use crate::invoices::Status;
use crate::money::Paise;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for the caller to know of.
    #[error("there is no such invoice")]
    NoInvoice,
    /// The invoice has its number; what it says is final.
    #[error("the invoice was issued and never changes")]
    Issued,
    /// Somebody else changed the draft while this change was being worked out.
    #[error("the invoice was changed by somebody else at the same moment; read it again")]
    ChangedMeanwhile,
    /// Nothing is to be paid on an invoice of this status.
    #[error("an invoice that is {} takes no payment", .0.as_str())]
    TakesNoPayment(Status),
    /// More than what is left to pay.
    #[error("the amount is more than the balance of {balance}")]
    Overpaid {
        /// What is left to pay.
        balance: Paise,
    },
    /// The series has given its last number of the year.
    #[error("the series has no number left in this financial year; set EHS_INVOICE_SERIES to another one")]
    NumbersUsedUp,
    /// From the database.
    #[error(transparent)]
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for Error {
    /// The database's own guards say the same as ours, should anything get past those.
    fn from(error: diesel::result::Error) -> Self {
        let constraint = match &error {
            diesel::result::Error::DatabaseError(_, info) => info.constraint_name(),
            _ => None,
        };
        match constraint {
            Some("invoices_issued_never_changes") => Self::Issued,
            Some("invoices_not_overpaid") => Self::Overpaid { balance: Paise::ZERO },
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoInvoice => Self::not_found(detail),
            Error::Issued => Self::conflict(detail).with_type("invoice-issued"),
            Error::ChangedMeanwhile => Self::conflict(detail).with_type("changed-meanwhile"),
            Error::TakesNoPayment(status) => {
                Self::conflict(detail).with_type("takes-no-payment").with("invoice_status", status.as_str())
            }
            Error::Overpaid { balance } => {
                Self::conflict(detail).with_type("overpayment").with("balance", balance.to_string())
            }
            Error::NumbersUsedUp => Self::conflict(detail).with_type("numbers-used-up"),
            Error::Database(error) => error.into(),
        }
    }
}
