//! Credit notes: each undoes one invoice, whole, at the invoice's own rates (CGST Act, section 34; CGST Rules, rule 53).
//!
//! - [`credit_note`]: the rows; - [`answer`]: what is shown; - [`cancel`]: how one comes about; - [`list`]: the routes that show
//!   them.

pub mod answer;
pub mod cancel;
pub mod credit_note;
pub mod list;

pub use answer::CreditNoteAnswer;
pub use credit_note::CreditNote;
