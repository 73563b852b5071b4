//! The end of a cashier's day: what the books expect in the drawer, what was counted, and why they differ.
//!
//! - [`count`]: pure, from notes and coins to an amount; - [`row`]: the row, and what is shown of it;
//! - [`close`], [`list`]: the routes.

pub mod count;
pub mod row;

pub mod close;
pub mod list;

pub use row::DayClose;
