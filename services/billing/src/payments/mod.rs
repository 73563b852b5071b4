//! Payments: taken, listed; never changed.

pub mod list;
pub mod payment;
pub mod take;

pub use payment::{Method, Payment};
