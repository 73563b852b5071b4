//! What can stand in the way, in the words of billing.

use chassis::problem::Problem;

use crate::insurance::ClaimStatus;
use crate::invoices::Status;
use crate::invoices::recipient::Missing;
use crate::money::Paise;
use crate::payments::PaymentStatus;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for the caller to know of.
    #[error("there is no such invoice")]
    NoInvoice,
    /// Not there, or not for the caller to know of.
    #[error("there is no such credit note")]
    NoCreditNote,
    /// A draft is no document yet.
    #[error("the invoice is a draft")]
    NotIssued,
    /// Nobody but the patient pays the invoice.
    #[error("the invoice has no insurance")]
    NotInsured,
    /// A cancelled invoice has no payer.
    #[error("the invoice is cancelled")]
    InsuredNoMore,
    /// A claim does not come to stand there from where it stands.
    #[error("a claim that is {} does not become {}", .from.as_str(), .to.as_str())]
    ClaimStands {
        /// Where it stands.
        from: ClaimStatus,
        /// Where it was to stand.
        to: ClaimStatus,
    },
    /// A draft, or cancelled before.
    #[error("an invoice that is {} cannot be cancelled", .0.as_str())]
    NothingToCancel(Status),
    /// What was paid on an invoice goes back before it is cancelled.
    #[error("{amount_paid} is paid on the invoice: refund it first")]
    StillPaid {
        /// What is paid.
        amount_paid: Paise,
    },
    /// The hospital takes no payments by UPI.
    #[error("the hospital has no UPI address")]
    NoUpi,
    /// A draft, or nothing is left to pay.
    #[error("there is nothing to pay on the invoice")]
    NothingToPay,
    /// Not in the catalogue.
    #[error("there is no such service")]
    NoService,
    /// The code stands in the catalogue for some of the same days.
    #[error("the code stands in the catalogue already on some of these days; end that service first")]
    ServiceOverlaps,
    /// The invoice has its number; what it says is final.
    #[error("the invoice was issued and never changes")]
    Issued,
    /// Too little is known of whom a dear bill is for.
    #[error(
        "a bill of ₹50,000 or more in taxable supplies names the recipient's address and state, and where goods are delivered \
         (CGST Rules, rule 46(e)); not known: {}", named(.0)
    )]
    RecipientIncomplete(Vec<Missing>),
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
    /// Not there, or not for the caller to know of.
    #[error("there is no such payment")]
    NoPayment,
    /// Nothing of a payment of this status can be paid back.
    #[error("a payment that is {} cannot be refunded", .0.as_str())]
    NotRefundable(PaymentStatus),
    /// More than what is left of the payment.
    #[error("the amount is more than the {left} that is left of the payment")]
    OverRefunded {
        /// What was not paid back yet.
        left: Paise,
    },
    /// More of one payment or advance than the role may pay back.
    #[error("the role may refund at most {limit} of a payment or an advance")]
    BeyondRefundLimit {
        /// How much it may.
        limit: Paise,
    },
    /// Not there, or not for the caller to know of.
    #[error("there is no such advance")]
    NoAdvance,
    /// Not there, or not for the caller to know of.
    #[error("there is no such refund voucher")]
    NoRefundVoucher,
    /// More than what is left of the advance.
    #[error("the amount is more than the {left} that is left of the advance")]
    AdvanceSpent {
        /// What was neither used nor given back.
        left: Paise,
    },
    /// An advance pays invoices of its own patient.
    #[error("the invoice is not of the patient whose advance it is")]
    AnotherPatients,
    /// Who would take or pay out the money has closed the day.
    #[error("the cashier's day is closed")]
    DayClosed,
    /// The day of this cashier was closed before.
    #[error("this day of the cashier is closed already")]
    ClosedBefore,
    /// What was counted is not what the books expect, and nobody said why.
    #[error("the books expect {expected}; say the reason for a difference of {difference}")]
    DifferenceNeedsReason {
        /// What the books say.
        expected: Paise,
        /// Counted less expected.
        difference: Paise,
    },
    /// Too many orders with the provider wait to be paid.
    #[error("{0} payments by the provider are pending on this invoice; pay one of them")]
    TooManyPending(i64),
    /// The series has given its last number of the year.
    #[error("the series has no number left in this financial year; set another one (EHS_INVOICE_SERIES and its like)")]
    NumbersUsedUp,
    /// Not there, or not for the caller to know of, or forgotten.
    #[error("there is no such report")]
    NoReport,
    /// The user has asked for more than is made for one at a time.
    #[error("too many reports of yours are not finished yet")]
    TooManyReports,
    /// From the database.
    #[error(transparent)]
    Database(diesel::result::Error),
}

fn named(missing: &[Missing]) -> String {
    missing.iter().map(|missing| missing.as_str()).collect::<Vec<_>>().join(", ")
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
            Some("services_one_of_a_code") => Self::ServiceOverlaps,
            Some("invoices_not_overpaid") => Self::Overpaid { balance: Paise::ZERO },
            Some("payments_not_over_refunded") => Self::OverRefunded { left: Paise::ZERO },
            Some("advances_not_overspent") => Self::AdvanceSpent { left: Paise::ZERO },
            Some("payments_advance_of_patient") => Self::AnotherPatients,
            Some("journal_entries_day_open") => Self::DayClosed,
            Some("day_closes_once") => Self::ClosedBefore,
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoInvoice | Error::NoService | Error::NoCreditNote | Error::NoUpi | Error::NotInsured => {
                Self::not_found(detail)
            }
            Error::NothingToCancel(status) => {
                Self::conflict(detail).with_type("nothing-to-cancel").with("invoice_status", status.as_str())
            }
            Error::StillPaid { amount_paid } => {
                Self::conflict(detail).with_type("still-paid").with("amount_paid", amount_paid.to_string())
            }
            Error::NotIssued => Self::conflict(detail).with_type("not-issued"),
            Error::InsuredNoMore => Self::conflict(detail).with_type("invoice-cancelled"),
            Error::ClaimStands { from, .. } => {
                Self::conflict(detail).with_type("illegal-claim-status").with("claim_status", from.as_str())
            }
            Error::NothingToPay => Self::conflict(detail).with_type("nothing-to-pay"),
            Error::ServiceOverlaps => Self::conflict(detail).with_type("service-overlaps"),
            Error::Issued => Self::conflict(detail).with_type("invoice-issued"),
            Error::RecipientIncomplete(missing) => {
                let missing: Vec<_> = missing.into_iter().map(Missing::as_str).collect();
                Self::conflict(detail).with_type("recipient-incomplete").with("missing", missing)
            }
            Error::ChangedMeanwhile => Self::conflict(detail).with_type("changed-meanwhile"),
            Error::TakesNoPayment(status) => {
                Self::conflict(detail).with_type("takes-no-payment").with("invoice_status", status.as_str())
            }
            Error::Overpaid { balance } => {
                Self::conflict(detail).with_type("overpayment").with("balance", balance.to_string())
            }
            Error::NoPayment | Error::NoAdvance | Error::NoRefundVoucher | Error::NoReport => Self::not_found(detail),
            Error::AdvanceSpent { left } => {
                Self::conflict(detail).with_type("advance-spent").with("left", left.to_string())
            }
            Error::AnotherPatients => Self::invalid("invoice", "another_patient", detail),
            Error::TooManyReports => Self::too_many(30).with_type("too-many-reports"),
            Error::NotRefundable(status) => {
                Self::conflict(detail).with_type("not-refundable").with("payment_status", status.as_str())
            }
            Error::OverRefunded { left } => {
                Self::conflict(detail).with_type("over-refund").with("refundable", left.to_string())
            }
            Error::BeyondRefundLimit { limit } => {
                Self::forbidden(detail).with_type("refund-limit").with("limit", limit.to_string())
            }
            Error::DayClosed => Self::conflict(detail).with_type("day-closed"),
            Error::ClosedBefore => Self::conflict(detail).with_type("closed-before"),
            Error::DifferenceNeedsReason { expected, difference } => Self::conflict(detail)
                .with_type("difference-needs-reason")
                .with("expected", expected.to_string())
                .with("difference", difference.to_string()),
            Error::TooManyPending(_) => Self::conflict(detail).with_type("too-many-pending"),
            Error::NumbersUsedUp => Self::conflict(detail).with_type("numbers-used-up"),
            Error::Database(error) => error.into(),
        }
    }
}
