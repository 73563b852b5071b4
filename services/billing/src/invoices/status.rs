//! What an invoice can be.

use crate::error::Error;
use crate::money::Paise;

chassis::words! {
    /// Where an invoice stands.
    pub enum Status {
        /// Can be edited; has no number.
        Draft = "DRAFT",
        /// Numbered and final; nothing paid yet.
        Issued = "ISSUED",
        /// Something is paid.
        PartiallyPaid = "PARTIALLY_PAID",
        /// All is paid.
        Paid = "PAID",
        /// Past its due date.
        Overdue = "OVERDUE",
        /// Undone by a credit note.
        Cancelled = "CANCELLED",
        /// Paid back.
        Refunded = "REFUNDED",
    }
}

impl Status {
    /// What an invoice of this total is when it is issued: with nothing to pay, it is paid.
    pub fn when_issued(total: Paise) -> Self {
        if total == Paise::ZERO { Self::Paid } else { Self::Issued }
    }

    /// What an invoice of this status becomes when it is cancelled.
    ///
    /// # Errors
    /// When there is nothing to take back, or something is paid on it that has to go back first.
    pub fn when_cancelled(self, paid: Paise) -> Result<Self, Error> {
        match self {
            Self::Draft | Self::Cancelled => Err(Error::NothingToCancel(self)),
            _ if paid > Paise::ZERO => Err(Error::StillPaid { amount_paid: paid }),
            Self::Issued | Self::Overdue | Self::PartiallyPaid | Self::Paid | Self::Refunded => Ok(Self::Cancelled),
        }
    }

    /// What an invoice of this status becomes when `amount` is paid: the new amount paid, and the new status.
    ///
    /// # Errors
    /// When the status takes no payment, or the amount is more than the balance.
    pub fn after_payment(self, total: Paise, paid: Paise, amount: Paise) -> Result<(Paise, Self), Error> {
        if !matches!(self, Self::Issued | Self::PartiallyPaid | Self::Overdue | Self::Paid) {
            return Err(Error::TakesNoPayment(self));
        }
        let balance = total - paid;
        if amount > balance {
            return Err(Error::Overpaid { balance });
        }
        let paid = paid + amount;
        Ok((paid, if paid == total { Self::Paid } else { Self::PartiallyPaid }))
    }

    /// What an invoice of this status becomes when `amount` of what was `paid` is paid back: the new amount paid, and the new
    /// status. At most, `most_paid` was ever paid on it at one time: an invoice that was once paid in whole is `REFUNDED` when
    /// nothing of that is left, while one that never was can be paid again. A cancelled one stays so.
    pub fn after_refund(self, total: Paise, paid: Paise, most_paid: Paise, amount: Paise) -> (Paise, Self) {
        let left = paid - amount;
        let status = match self {
            Self::Cancelled => self,
            _ if left == Paise::ZERO && most_paid >= total => Self::Refunded,
            Self::Overdue => self,
            _ if left > Paise::ZERO => Self::PartiallyPaid,
            _ => Self::Issued,
        };
        (left, status)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_issued_and_is_not_paid_is_cancelled() {
        for (status, paid, cancelled) in [
            (Status::Issued, 0, true),
            (Status::Overdue, 0, true),
            (Status::Refunded, 0, true),
            (Status::Paid, 0, true),
            (Status::PartiallyPaid, 100, false),
            (Status::Overdue, 100, false),
            (Status::Paid, 500, false),
            (Status::Draft, 0, false),
            (Status::Cancelled, 0, false),
        ] {
            assert_eq!(status.when_cancelled(Paise::rupees(paid)).is_ok(), cancelled, "{status:?} {paid}");
        }
    }

    #[test]
    fn payments_move_the_status() {
        let rupees = Paise::rupees;
        for (status, paid, amount, after) in [
            (Status::Issued, 0, 500, Some((500, Status::Paid))),
            (Status::Issued, 0, 200, Some((200, Status::PartiallyPaid))),
            (Status::PartiallyPaid, 200, 300, Some((500, Status::Paid))),
            (Status::PartiallyPaid, 200, 301, None),
            (Status::Overdue, 0, 500, Some((500, Status::Paid))),
            (Status::Paid, 500, 1, None),
            (Status::Draft, 0, 500, None),
            (Status::Cancelled, 0, 500, None),
            (Status::Refunded, 0, 500, None),
        ] {
            let got = status.after_payment(rupees(500), rupees(paid), rupees(amount)).ok();
            assert_eq!(got, after.map(|(paid, status)| (rupees(paid), status)), "{status:?} {paid} + {amount}");
        }
    }

    #[test]
    fn refunds_move_it_back() {
        let rupees = Paise::rupees;
        for (status, paid, most, amount, left, after) in [
            (Status::Paid, 500, 500, 500, 0, Status::Refunded),
            (Status::Paid, 500, 500, 200, 300, Status::PartiallyPaid),
            (Status::PartiallyPaid, 300, 500, 300, 0, Status::Refunded),
            (Status::PartiallyPaid, 200, 200, 200, 0, Status::Issued),
            // 300 paid, refunded and paid again are not 500
            (Status::PartiallyPaid, 300, 300, 300, 0, Status::Issued),
            (Status::PartiallyPaid, 200, 200, 100, 100, Status::PartiallyPaid),
            (Status::Overdue, 200, 200, 200, 0, Status::Overdue),
            // 500 paid, 200 refunded, then past the due date
            (Status::Overdue, 300, 500, 300, 0, Status::Refunded),
            (Status::Overdue, 300, 500, 100, 200, Status::Overdue),
            (Status::Cancelled, 500, 500, 500, 0, Status::Cancelled),
            (Status::Cancelled, 500, 500, 200, 300, Status::Cancelled),
        ] {
            let got = status.after_refund(rupees(500), rupees(paid), rupees(most), rupees(amount));
            assert_eq!(got, (rupees(left), after), "{status:?} {paid} - {amount}");
        }
    }
}
