//! The books: double entry, append-only, checked by the database.
//!
//! An invoice's issue, a payment, a refund, a credit note and the vouchers of an advance are in the books because they are in their tables:
//! triggers post them, so that no program can leave one out. What has no such trigger is posted by [`post`]. Balances are sums of postings; what an
//! invoice says was paid has to agree with them at the end of every transaction.
//!
//! | entry | debit | credit |
//! | --- | --- | --- |
//! | `ISSUE` | `RECEIVABLE` the total | `REVENUE` the taxable value, `OUTPUT_*` the taxes, `ROUND_OFF` the rounding |
//! | `PAYMENT` | the method's account; `ADVANCES` where an advance pays | `RECEIVABLE` |
//! | `REFUND` | `RECEIVABLE` | the method's account; `REFUNDS_PAYABLE` while the provider has yet to send it |
//! | `REFUND_SENT` | `REFUNDS_PAYABLE` | `PROVIDER` |
//! | `CREDIT_NOTE` | what `ISSUE` credited | what `ISSUE` debited |
//! | `ADVANCE` | the method's account | `ADVANCES` |
//! | `ADVANCE_REFUND` | `ADVANCES` | the method's account |
//! | `DAY_CLOSE` | `SAFE` what was counted, `CASH_DIFFERENCE` what is short | `CASH` what was expected |
//!
//! - [`account`]: the accounts; - [`entry`]: entries, pure; [`balance`]: what accounts come to.

pub mod account;
pub mod balance;
pub mod entry;

pub use account::Account;
pub use entry::{Entry, EntryKind, post};
