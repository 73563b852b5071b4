//! A workbook: one sheet per table.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::table::{Cell, Table};

/// Looks of cells.
struct Looks {
    head: Format,
    money: Format,
    day: Format,
}

/// The tables as a workbook's bytes.
///
/// # Errors
/// When a sheet holds more than a workbook can.
pub fn write(tables: &[Table]) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks {
        head: Format::new().set_bold(),
        money: Format::new().set_num_format("#,##0.00"),
        day: Format::new().set_num_format("yyyy-mm-dd"),
    };
    let mut book = Workbook::new();
    for table in tables {
        let sheet = book.add_worksheet();
        sheet.set_name(table.name)?.set_freeze_panes(1, 0)?;
        for (column, name) in (0_u16..).zip(table.columns) {
            sheet.write_string_with_format(0, column, *name, &looks.head)?;
        }
        for (line, row) in (1_u32..).zip(&table.rows) {
            for (column, cell) in (0_u16..).zip(row) {
                put(sheet, (line, column), cell, &looks)?;
            }
        }
        sheet.autofit();
    }
    book.save_to_buffer()
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
