//! Entries that no trigger makes, and the one way to write them.

use chassis::prepared::Prepare as _;
use chrono::NaiveDate;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Account;
use crate::error::Error;
use crate::money::Paise;

chassis::words! {
    /// What an entry is of.
    pub enum EntryKind {
        /// An invoice was issued.
        Issue = "ISSUE",
        /// A payment came.
        Payment = "PAYMENT",
        /// A payment was paid back, or is going to be.
        Refund = "REFUND",
        /// The provider has sent a refund.
        RefundSent = "REFUND_SENT",
        /// A credit note undid an invoice.
        CreditNote = "CREDIT_NOTE",
        /// A cashier's day was closed.
        DayClose = "DAY_CLOSE",
        /// An advance was received.
        Advance = "ADVANCE",
        /// An advance was given back.
        AdvanceRefund = "ADVANCE_REFUND",
    }
}

/// An entry with its postings, which come to nothing together. One per kind and source: a second one is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is of.
    pub kind: EntryKind,
    /// The id of the credit note, day close or advance.
    pub source: i64,
    /// The invoice that it concerns.
    pub invoice: Option<i64>,
    /// The day in India.
    pub dated: NaiveDate,
    /// The user who made it.
    pub made_by: Option<i64>,
    /// Debits above nothing, credits below. The same account may stand here more than once.
    pub postings: Vec<(Account, Paise)>,
}

impl Entry {
    /// At the day close `source` the cash that a cashier was expected to have goes to the safe, as far as it was counted.
    pub fn day_close(source: i64, dated: NaiveDate, made_by: i64, expected: Paise, counted: Paise) -> Self {
        let postings =
            vec![(Account::Cash, -expected), (Account::Safe, counted), (Account::CashDifference, expected - counted)];
        Self { kind: EntryKind::DayClose, source, invoice: None, dated, made_by: Some(made_by), postings }
    }
}

/// Writes an entry, in the caller's transaction. Postings on the same account are put together, amounts of nothing left out.
///
/// # Errors
/// From the database: there is such an entry already, or, at the end of the transaction, the postings do not come to nothing.
pub async fn post(conn: &mut AsyncPgConnection, entry: &Entry) -> Result<(), Error> {
    let accounts: Vec<&str> = entry.postings.iter().map(|(account, _)| account.as_str()).collect();
    let amounts: Vec<i64> = entry.postings.iter().map(|(_, amount)| amount.get()).collect();
    diesel::sql_query("SELECT post_entry($1, $2, $3, $4, $5, $6, $7)")
        .bind::<Text, _>(entry.kind.as_str())
        .bind::<Date, _>(entry.dated)
        .bind::<Nullable<BigInt>, _>(entry.invoice)
        .bind::<BigInt, _>(entry.source)
        .bind::<Nullable<BigInt>, _>(entry.made_by)
        .bind::<Array<Text>, _>(accounts)
        .bind::<Array<BigInt>, _>(amounts)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day() -> NaiveDate {
        "2026-11-27".parse().unwrap()
    }

    fn comes_to_nothing(entry: &Entry) -> bool {
        entry.postings.iter().map(|(_, amount)| *amount).sum::<Paise>() == Paise::ZERO
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn a_day_close_comes_to_nothing(expected in -1_000_000_000..1_000_000_000_i64, counted in 0..1_000_000_000_i64) {
            let entry = Entry::day_close(1, day(), 3, Paise::new(expected), Paise::new(counted));
            prop_assert!(comes_to_nothing(&entry));
        }
    }
}
