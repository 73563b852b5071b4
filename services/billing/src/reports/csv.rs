//! Comma-separated values (RFC 4180): one header per table, an empty line between tables.

use super::table::{Cell, Table};

/// What was written until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Csv {
    named: bool,
    begun: bool,
}

impl Csv {
    /// For so many tables: where there are several, each begins with a line that has its name alone.
    pub const fn new(tables: usize) -> Self {
        Self { named: tables > 1, begun: false }
    }

    /// Begins a table.
    pub fn begin(&mut self, text: &mut Vec<u8>, table: &Table) {
        if self.begun {
            text.extend_from_slice(b"\r\n");
        }
        self.begun = true;
        if self.named {
            line(text, [table.sheet.to_owned()]);
        }
        line(text, table.columns.iter().map(|column| (*column).to_owned()));
    }

    /// The table's next row.
    pub fn row(&self, text: &mut Vec<u8>, cells: &[Cell]) {
        line(text, cells.iter().map(field));
    }
}

fn line(text: &mut Vec<u8>, fields: impl IntoIterator<Item = String>) {
    for (place, field) in fields.into_iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            text.push(b'"');
            text.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            text.push(b'"');
        } else {
            text.extend_from_slice(field.as_bytes());
        }
    }
    text.extend_from_slice(b"\r\n");
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(words) => harmless(words),
        Cell::Count(number) => number.to_string(),
        Cell::Money(amount) => amount.to_string(),
        Cell::Percent(rate) => rate.to_string(),
        Cell::Date(day) => day.to_string(),
    }
}

/// A spreadsheet takes text that begins so for a formula; a quote in front keeps it from that (OWASP, "CSV Injection").
fn harmless(words: &str) -> String {
    if words.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{words}") } else { words.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;
    use crate::money::Paise;

    const B2B: Table = Table { member: "b2b", sheet: "b2b", columns: &["a", "b"] };

    fn written(tables: usize, write: impl FnOnce(&mut Csv, &mut Vec<u8>)) -> String {
        let (mut csv, mut text) = (Csv::new(tables), Vec::new());
        write(&mut csv, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn fields_are_quoted_and_no_text_is_a_formula() {
        let row = [
            Cell::Text("Rao, Asha \"AR\"".into()),
            Cell::Text("=HYPERLINK(\"x\")".into()),
            Cell::Text("+91".into()),
            Cell::Money(Paise::new(-2_050)),
            Cell::Count(3),
            Cell::Empty,
        ];
        let one = written(1, |csv, text| {
            csv.begin(text, &B2B);
            csv.row(text, &row);
        });
        assert_eq!(one, "a,b\r\n\"Rao, Asha \"\"AR\"\"\",\"'=HYPERLINK(\"\"x\"\")\",'+91,-20.50,3,\r\n");
        let two = written(2, |csv, text| {
            csv.begin(text, &B2B);
            csv.row(text, &row);
            csv.begin(text, &Table { sheet: "hsn", ..B2B });
        });
        assert!(two.starts_with("b2b\r\na,b\r\n") && two.ends_with("\r\n\r\nhsn\r\na,b\r\n"), "{two}");
    }
}
