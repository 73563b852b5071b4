//! Comma-separated values (RFC 4180): one header per table, an empty line between tables.

use super::table::{Cell, Table};

/// The tables as text. Where there are several, each begins with a line that has its name alone.
pub fn write(tables: &[Table]) -> String {
    let mut text = String::new();
    for (place, table) in tables.iter().enumerate() {
        if place > 0 {
            text.push_str("\r\n");
        }
        if tables.len() > 1 {
            line(&mut text, [table.name.to_owned()]);
        }
        line(&mut text, table.columns.iter().map(|column| (*column).to_owned()));
        for row in &table.rows {
            line(&mut text, row.iter().map(field));
        }
    }
    text
}

fn line(text: &mut String, fields: impl IntoIterator<Item = String>) {
    for (place, field) in fields.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push_str("\r\n");
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

    #[test]
    fn fields_are_quoted_and_no_text_is_a_formula() {
        let row = vec![
            Cell::Text("Rao, Asha \"AR\"".into()),
            Cell::Text("=HYPERLINK(\"x\")".into()),
            Cell::Text("+91".into()),
            Cell::Money(Paise::new(-2_050)),
            Cell::Count(3),
            Cell::Empty,
        ];
        let table = Table { name: "b2b", columns: &["a", "b"], rows: vec![row] };
        assert_eq!(
            write(std::slice::from_ref(&table)),
            "a,b\r\n\"Rao, Asha \"\"AR\"\"\",\"'=HYPERLINK(\"\"x\"\")\",'+91,-20.50,3,\r\n"
        );
        let two = write(&[table.clone(), Table { name: "hsn", rows: Vec::new(), ..table }]);
        assert!(two.starts_with("b2b\r\na,b\r\n") && two.ends_with("\r\n\r\nhsn\r\na,b\r\n"), "{two}");
    }
}
