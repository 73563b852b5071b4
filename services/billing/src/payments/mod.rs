//! Payments: taken, settled, refunded; never changed otherwise.
//!
//! - [`payment`], [`refund`]: the rows; - [`limits`]: how much a role may refund;
//! - [`take`], [`online`]: `POST payments/`, at the desk and by the provider; [`settle`]: what the provider's word does;
//! - what [`crate::advances`] pays is a payment too;
//! - [`list`], [`read`], [`give_back`]: the other routes.

pub mod limits;
pub mod payment;
pub mod refund;

pub mod give_back;
pub mod list;
pub mod online;
pub mod read;
pub mod settle;
pub mod take;

pub use payment::{Method, Payment, PaymentStatus};
pub use refund::{Refund, RefundStatus};
