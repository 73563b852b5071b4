//! The catalogue: what the hospital offers, at which price, from which day on. It fills the lines of bills.
//!
//! - [`input`]: what a caller may send;
//! - [`service`]: the rows;
//! - [`list`], [`change`]: the routes.

pub mod change;
pub mod input;
pub mod list;
pub mod service;

pub use service::Service;
