//! A workbook: one sheet per table. Its sheets are written row by row into files of their own, so that a large one needs no
//! memory; by a thread, for it is work for a processor.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use super::out::Broken;
use super::table::{Cell, Table};

/// Rows that go to the thread together.
const TOGETHER: usize = 500;
/// Such portions that wait for it.
const WAITING: usize = 4;
/// How wide a column is, in characters.
const WIDTH: f64 = 18.0;
/// Rows of a sheet at most (Excel's specifications and limits), its head's among them.
const LONGEST: u32 = 1_048_576;

/// A workbook on its way.
pub struct Book {
    pages: Sender<Page>,
    rows: Vec<Vec<Cell>>,
    written: JoinHandle<Result<Option<File>, Broken>>,
}

enum Page {
    Sheet(Table),
    Rows(Vec<Vec<Cell>>),
    End,
}

impl Book {
    /// An empty one.
    pub fn begun() -> Self {
        let (pages, coming) = mpsc::channel(WAITING);
        Self { pages, rows: Vec::new(), written: tokio::task::spawn_blocking(move || write(coming)) }
    }

    /// Begins a sheet.
    ///
    /// # Errors
    /// When the thread is gone: [`finish`](Self::finish) says why.
    pub async fn begin(&mut self, table: Table) -> Result<(), Broken> {
        self.hand_over().await?;
        self.hand(Page::Sheet(table)).await
    }

    /// The sheet's next row.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn row(&mut self, cells: Vec<Cell>) -> Result<(), Broken> {
        self.rows.push(cells);
        if self.rows.len() < TOGETHER {
            return Ok(());
        }
        self.hand_over().await
    }

    /// The whole book, as a file that nobody else can see.
    ///
    /// # Errors
    /// What kept it from being written.
    pub async fn finish(mut self) -> Result<File, Broken> {
        self.hand_over().await?;
        self.hand(Page::End).await?;
        self.file().await
    }

    async fn hand_over(&mut self) -> Result<(), Broken> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        self.hand(Page::Rows(rows)).await
    }

    async fn hand(&mut self, page: Page) -> Result<(), Broken> {
        if self.pages.send(page).await.is_ok() {
            return Ok(());
        }
        self.file().await.map(drop)
    }

    async fn file(&mut self) -> Result<File, Broken> {
        let written = (&mut self.written).await.map_err(Broken::inside)??;
        written.ok_or_else(|| Broken::inside("a workbook without an end"))
    }
}

/// Looks of cells.
struct Looks {
    head: Format,
    money: Format,
    day: Format,
}

/// Nothing when nobody waits for the book any more.
fn write(mut pages: Receiver<Page>) -> Result<Option<File>, Broken> {
    let looks = Looks {
        head: Format::new().set_bold(),
        money: Format::new().set_num_format("#,##0.00"),
        day: Format::new().set_num_format("yyyy-mm-dd"),
    };
    let (mut book, mut sheets, mut line) = (Workbook::new(), 0, 0);
    while let Some(page) = pages.blocking_recv() {
        match page {
            Page::Sheet(table) => {
                begin(book.add_worksheet_with_constant_memory()?, &table, &looks)?;
                (sheets, line) = (sheets + 1, 1);
            }
            Page::Rows(rows) => {
                let sheet = book.worksheet_from_index(sheets - 1)?;
                for row in &rows {
                    if line >= LONGEST {
                        return Err(Broken::SheetFull);
                    }
                    for (column, cell) in (0_u16..).zip(row) {
                        put(sheet, (line, column), cell, &looks)?;
                    }
                    line += 1;
                }
            }
            Page::End => return Ok(Some(saved(&mut book)?)),
        }
    }
    Ok(None)
}

fn begin(sheet: &mut Worksheet, table: &Table, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(table.sheet)?.set_freeze_panes(1, 0)?;
    for (column, name) in (0_u16..).zip(table.columns) {
        sheet.set_column_width(column, WIDTH)?;
        sheet.write_string_with_format(0, column, *name, &looks.head)?;
    }
    Ok(())
}

fn saved(book: &mut Workbook) -> Result<File, Broken> {
    let mut file = BufWriter::new(tempfile::tempfile().map_err(Broken::inside)?);
    book.save_to_writer(&mut file)?;
    file.flush().map_err(Broken::inside)?;
    let mut file = file.into_inner().map_err(Broken::inside)?;
    file.rewind().map_err(Broken::inside)?;
    Ok(file)
}

fn put(sheet: &mut Worksheet, (line, column): (u32, u16), cell: &Cell, looks: &Looks) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Text(words) => drop(sheet.write_string(line, column, words)?),
        Cell::Count(number) => drop(sheet.write_number(line, column, shown(number))?),
        Cell::Money(amount) => drop(sheet.write_number_with_format(line, column, shown(amount), &looks.money)?),
        Cell::Percent(rate) => drop(sheet.write_number_with_format(line, column, shown(rate), &looks.money)?),
        Cell::Date(day) => drop(sheet.write_datetime_with_format(line, column, day, &looks.day)?),
    }
    Ok(())
}

/// A workbook knows no other numbers than doubles. They are only shown: nothing is reckoned with them here, and up to fifteen
/// digits, which is more than any amount has, a double shows what the text says.
fn shown(number: &impl ToString) -> f64 {
    number.to_string().parse().unwrap_or_default()
}
