//! Insurance: who else pays an invoice, how much of it, and where the claim stands, kept by hand.
//!
//! - [`claim`]: where a claim can stand; - [`input`]: what a caller may send; - [`share`]: the rows;
//! - [`change`]: the routes.

pub mod change;
pub mod claim;
pub mod input;
pub mod share;

pub use claim::ClaimStatus;
pub use share::{Insurance, InsuranceAnswer, Payer};
