//! Reports: what was billed and collected, what is outstanding, what the GST return asks for, the books of a day.
//!
//! Revenue, the day book and the doctors' shares are sums of postings; what comes from invoices (GST, outstanding) has to
//! agree with the books, which `billing verify` proves.
//!
//! - [`table`]: rows and columns; - [`mod@format`]: JSON, CSV or a workbook; - [`period`]: the days;
//! - [`revenue`], [`doctor_share`], [`outstanding`], [`day_book`], [`gst`]: the routes.

pub mod csv;
pub mod format;
pub mod period;
pub mod query;
pub mod table;
pub mod xlsx;

pub mod day_book;
pub mod doctor_share;
pub mod gst;
pub mod outstanding;
pub mod revenue;
