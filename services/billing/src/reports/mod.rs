//! Reports: what was billed and collected, what is outstanding, what the GST return asks for, the books of a day.
//!
//! Revenue, the day book and the doctors' shares are sums of postings; what comes from invoices (GST, outstanding) has to
//! agree with the books, which `billing verify` proves.
//!
//! A [`Report`] tells itself piece by piece, as it is read, to an [`out::Out`]: an answer holds what was told, up to
//! [`out::MOST_ROWS`] rows, and what the worker makes goes on to the store as a stream, whatever its size.
//!
//! - [`revenue`], [`doctor_share`], [`outstanding`], [`day_book`], [`gst`]: what is told, and the routes; [`asked`]: any of them;
//! - [`background`]: those that the worker makes;
//! - [`table`]: rows and columns; - [`out`]: where they go; - [`json`], [`csv`], [`xlsx`]: how they are written; - [`mod@format`]:
//!   the answer; - [`period`]: the days; - [`query`]: one moment.

pub mod day_book;
pub mod doctor_share;
pub mod gst;
pub mod outstanding;
pub mod revenue;

pub mod asked;
pub mod background;

pub mod csv;
pub mod format;
pub mod json;
pub mod out;
pub mod period;
pub mod query;
pub mod table;
pub mod xlsx;

use diesel_async::AsyncPgConnection;

use self::out::{Broken, Out};

/// A report that was asked for, with all that it is about.
pub trait Report: Sync {
    /// Its name, for a file: `revenue-2026-11`.
    fn name(&self) -> String;

    /// How many tables it has.
    fn tables(&self) -> usize;

    /// Reads it, and tells it as it is read.
    ///
    /// # Errors
    /// From the database, or when nobody takes it.
    fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> impl Future<Output = Result<(), Broken>> + Send;
}
