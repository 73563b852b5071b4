//! Where a report is told to, piece by piece as it is read: JSON, CSV or a workbook, held for an answer or sent on as a stream.
//! Whoever tells it does not know which.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::web::Bytes;
use chassis::problem::Problem;
use rust_xlsxwriter::XlsxError;
use serde::Serialize;
use tokio::sync::mpsc::Sender;

use super::csv::Csv;
use super::format::Format;
use super::json::Json;
use super::table::{Row, Table};
use super::xlsx::Book;

/// Rows of an answer at most, all tables together.
pub const MOST_ROWS: i64 = 10_000;
/// What is sent at a time.
const PIECE: usize = 128 * 1024;

/// Why a report was not told to its end.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// An answer holds no more.
    #[error("more rows than an answer holds")]
    TooManyRows,
    /// A workbook's sheet holds no more.
    #[error("more rows than a workbook's sheet holds")]
    SheetFull,
    /// Nobody takes the stream any more.
    #[error("nobody takes it any more")]
    Gone,
    /// The database is away.
    #[error("the database is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It could not be read.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    /// It could not be written.
    #[error(transparent)]
    Inside(Box<dyn std::error::Error + Send + Sync>),
}

impl Broken {
    pub(super) fn inside(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Inside(cause.into())
    }

    pub(super) fn away(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Away(cause.into())
    }
}

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self::inside(error)
    }
}

impl From<XlsxError> for Broken {
    fn from(error: XlsxError) -> Self {
        Self::inside(error)
    }
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooManyRows => {
                let why = format!(
                    "the report has more than {MOST_ROWS} rows; ask for a shorter time or a wider group_by, or have it \
                     made by POST reports/"
                );
                Self::invalid("", "too_large", why)
            }
            Broken::Database(error) => error.into(),
            Broken::Away(cause) => Self::unavailable("the database", cause),
            Broken::SheetFull | Broken::Gone | Broken::Inside(_) => Self::internal(broken),
        }
    }
}

/// How many rows were told, and how many there are. Whoever holds a clone sees it move.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    told: AtomicI64,
    expected: AtomicI64,
}

impl Progress {
    /// In percent: of the rows that were told, never 100, which is said of what is done.
    pub fn percent(&self) -> i16 {
        let (told, expected) = (self.0.told.load(Ordering::Relaxed), self.0.expected.load(Ordering::Relaxed));
        i16::try_from(told.saturating_mul(99).checked_div(expected).unwrap_or_default()).unwrap_or(99).clamp(0, 99)
    }
}

/// A piece of a stream. One that ends without [`Chunk::End`] was broken off.
#[derive(Debug)]
pub enum Chunk {
    /// The next bytes.
    Piece(Bytes),
    /// These were all.
    End,
}

enum Form {
    Json(Json),
    Csv(Csv),
    Workbook(Book),
}

enum To {
    /// Kept until the end.
    Held,
    /// Sent on.
    Sent(Sender<Chunk>),
}

/// What takes a report.
pub struct Out {
    form: Form,
    to: To,
    text: Vec<u8>,
    progress: Progress,
    patients: BTreeSet<i64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Told {
    /// The bytes, where they were held.
    pub bytes: Vec<u8>,
    /// Whom it shows something of.
    pub patients: Vec<i64>,
}

impl Out {
    /// Holds a report of so many tables, of at most [`MOST_ROWS`] rows.
    pub fn held(format: Format, tables: usize) -> Self {
        Self::new(format, tables, To::Held, Progress::default())
    }

    /// Sends a report of so many tables on, whatever its size.
    pub fn sent(format: Format, tables: usize, to: Sender<Chunk>, progress: Progress) -> Self {
        Self::new(format, tables, To::Sent(to), progress)
    }

    fn new(format: Format, tables: usize, to: To, progress: Progress) -> Self {
        let form = match format {
            Format::Json => Form::Json(Json::default()),
            Format::Csv => Form::Csv(Csv::new(tables)),
            Format::Workbook => Form::Workbook(Book::begun()),
        };
        Self { form, to, text: Vec::new(), progress, patients: BTreeSet::new() }
    }

    /// For the LIMIT of a query: one row more than an answer holds; none of a stream.
    pub const fn limit(&self) -> Option<i64> {
        match self.to {
            To::Held => Some(MOST_ROWS + 1),
            To::Sent(_) => None,
        }
    }

    /// Says that so many more rows will come.
    pub fn expects(&self, rows: i64) {
        self.progress.0.expected.fetch_add(rows, Ordering::Relaxed);
    }

    /// Says whom the report shows something of.
    pub fn shows(&mut self, patient: i64) {
        self.patients.insert(patient);
    }

    /// What stands above the tables; shown in JSON only.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn member(&mut self, name: &str, value: &impl Serialize) -> Result<(), Broken> {
        if let Form::Json(json) = &mut self.form {
            json.member(&mut self.text, name, value)?;
        }
        Ok(())
    }

    /// Begins a table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn begin(&mut self, table: Table) -> Result<(), Broken> {
        match &mut self.form {
            Form::Json(json) => json.begin(&mut self.text, table.member)?,
            Form::Csv(csv) => csv.begin(&mut self.text, &table),
            Form::Workbook(book) => book.begin(table).await?,
        }
        Ok(())
    }

    /// The table's next row.
    ///
    /// # Errors
    /// When an answer holds no more, or it cannot be written.
    pub async fn row(&mut self, row: &impl Row) -> Result<(), Broken> {
        let told = self.progress.0.told.fetch_add(1, Ordering::Relaxed);
        if matches!(self.to, To::Held) && told >= MOST_ROWS {
            return Err(Broken::TooManyRows);
        }
        match &mut self.form {
            Form::Json(json) => json.row(&mut self.text, row)?,
            Form::Csv(csv) => csv.row(&mut self.text, &row.cells()),
            Form::Workbook(book) => book.row(row.cells()).await?,
        }
        self.send_on(PIECE).await
    }

    /// Ends the table.
    pub fn end(&mut self) {
        if let Form::Json(json) = &self.form {
            json.end(&mut self.text);
        }
    }

    /// Ends the table with what its rows come to: in JSON, a member beside it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn end_with(&mut self, name: &str, total: &impl Row) -> Result<(), Broken> {
        match &mut self.form {
            Form::Json(json) => {
                json.end(&mut self.text);
                json.member(&mut self.text, name, total)?;
            }
            Form::Csv(csv) => csv.row(&mut self.text, &total.cells()),
            Form::Workbook(book) => book.row(total.cells()).await?,
        }
        Ok(())
    }

    /// A whole table.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub async fn table<R: Row>(&mut self, member: &'static str, rows: &[R]) -> Result<(), Broken> {
        self.begin(Table::of::<R>(member, member)).await?;
        for row in rows {
            self.row(row).await?;
        }
        self.end();
        Ok(())
    }

    /// A table of one row: in JSON, an object.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn single<R: Row>(&mut self, member: &'static str, row: &R) -> Result<(), Broken> {
        match &mut self.form {
            Form::Json(json) => json.member(&mut self.text, member, row)?,
            Form::Csv(csv) => {
                csv.begin(&mut self.text, &Table::of::<R>(member, member));
                csv.row(&mut self.text, &row.cells());
            }
            Form::Workbook(book) => {
                book.begin(Table::of::<R>(member, member)).await?;
                book.row(row.cells()).await?;
            }
        }
        Ok(())
    }

    /// The report is told.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn finish(mut self) -> Result<Told, Broken> {
        match std::mem::replace(&mut self.form, Form::Csv(Csv::new(1))) {
            Form::Json(json) => json.finish(&mut self.text),
            Form::Csv(_) => {}
            Form::Workbook(book) => self.copy(book.finish().await?).await?,
        }
        self.send_on(1).await?;
        if let To::Sent(to) = &self.to {
            to.send(Chunk::End).await.map_err(|_gone| Broken::Gone)?;
        }
        Ok(Told { bytes: self.text, patients: self.patients.into_iter().collect() })
    }

    async fn copy(&mut self, file: std::fs::File) -> Result<(), Broken> {
        let mut file = Some(file);
        while let Some(mut from) = file.take() {
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = Vec::with_capacity(PIECE);
                let most = u64::try_from(PIECE).unwrap_or(u64::MAX);
                let read = (&mut from).take(most).read_to_end(&mut piece)?;
                std::io::Result::Ok((piece, (read > 0).then_some(from)))
            });
            let (piece, rest) = read.await.map_err(Broken::inside)?.map_err(Broken::inside)?;
            self.text.extend_from_slice(&piece);
            self.send_on(PIECE).await?;
            file = rest;
        }
        Ok(())
    }

    /// Sends what there is, once it is as much as this.
    async fn send_on(&mut self, enough: usize) -> Result<(), Broken> {
        let To::Sent(to) = &self.to else { return Ok(()) };
        if self.text.len() < enough {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.text, Vec::with_capacity(PIECE + PIECE / 8));
        to.send(Chunk::Piece(piece.into())).await.map_err(|_gone| Broken::Gone)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_what_was_told_and_never_all() {
        let progress = Progress::default();
        assert_eq!(progress.percent(), 0, "nothing is known yet");
        let count = |told: i64, expected: i64| {
            progress.0.told.store(told, Ordering::Relaxed);
            progress.0.expected.store(expected, Ordering::Relaxed);
            progress.percent()
        };
        assert_eq!([count(1, 0), count(0, 10), count(5, 10), count(10, 10), count(12, 10)], [0, 0, 49, 99, 99]);
        assert_eq!(count(i64::MAX, 3), 99);
    }
}
