//! Invoices: drafted, edited, issued; never changed after that.
//!
//! - [`status`]: what an invoice can be, and what a payment makes of it;
//! - [`input`]: what a caller may send;
//! - [`pricing`]: pure, from what was sent to every amount;
//! - [`invoice`]: the rows; - [`answer`]: what is shown;
//! - [`list`], [`draft`], [`issue`]: the routes.

pub mod answer;
pub mod draft;
pub mod input;
pub mod invoice;
pub mod issue;
pub mod list;
pub mod pricing;
pub mod status;

pub use answer::InvoiceAnswer;
pub use invoice::{Invoice, Item};
pub use status::Status;
