//! Advances: money that a patient leaves with the hospital before there is an invoice. What is taken is a receipt voucher (CGST
//! Rules, rule 50), what is given back a refund voucher (rule 51), what is used a payment of an invoice.
//!
//! - [`advance`], [`refund_voucher`]: the rows; - [`tax`]: pure, which advances bear no tax: no others are taken;
//! - [`take`], [`spend`], [`give_back`]: what is done with them; - [`list`], [`uses`], [`vouchers`]: what is shown of them;
//! - [`paper`]: what the vouchers say; [`pdf`]: the routes to them.

pub mod advance;
pub mod refund_voucher;
pub mod tax;

pub mod give_back;
pub mod spend;
pub mod take;

pub mod list;
pub mod uses;
pub mod vouchers;

pub mod paper;
pub mod pdf;

pub use advance::{Advance, AdvanceAnswer};
pub use refund_voucher::RefundVoucher;
