//! Invoices: drafted, edited, issued; never changed after that.
//!
//! - [`status`]: what an invoice can be, and what a payment makes of it;
//! - [`registered`]: a business that an invoice is made out to;
//! - [`input`]: what a caller may send; - [`bill`]: that, filled in from the catalogue;
//! - [`pricing`]: pure, from a bill to every amount on it; - [`discounts`]: how far a role may go with them;
//! - [`invoice`]: the rows; - [`taxes`]: what they come to by rate; - [`answer`]: what is shown;
//! - [`recipient`]: whom a dear bill has to name;
//! - [`list`], [`draft`], [`issue`]: the routes; - [`overdue`]: what the worker does when the due date has passed.

pub mod answer;
pub mod bill;
pub mod discounts;
pub mod draft;
pub mod input;
pub mod invoice;
pub mod issue;
pub mod list;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod million;
pub mod overdue;
pub mod pricing;
pub mod recipient;
pub mod registered;
pub mod status;
pub mod taxes;

pub use answer::InvoiceAnswer;
pub use invoice::{Invoice, Item};
pub use registered::RegisteredRecipient;
pub use status::Status;
