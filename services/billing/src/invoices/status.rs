//! What an invoice can be.

use crate::error::Error;
use crate::money::Paise;

chassis::words! {
    /// Where an invoice stands. Issue 2 of the project makes the first four; the others are reserved.
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
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

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
}
