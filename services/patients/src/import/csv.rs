//! Comma-separated values (RFC 4180), line by line. Pure.
//!
//! A quote that never closes would swallow the rest of a file. So whoever reads gives a record line by line, stops where it
//! grows too long, and begins again with the line after its first.

use chassis::strict_json::Fault;

/// A record that is read, one line after the other.
#[derive(Debug, Default)]
pub struct Record {
    fields: Vec<String>,
    field: String,
    state: State,
    /// Bytes so far.
    pub length: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing of the field has come.
    #[default]
    Begins,
    /// Within a field without quotes, where a quote is a character like others.
    Bare,
    /// Within quotes.
    Quoted,
    /// After a quote within quotes: it ends the field, or is the first of two.
    Ending,
}

impl Record {
    /// Takes a line, without its end. Gives whether the record is whole.
    ///
    /// # Errors
    /// Where something follows a closing quote.
    pub fn take(&mut self, line: &str) -> Result<bool, Fault> {
        if self.state == State::Quoted {
            self.field.push('\n');
        }
        self.length += line.len() + 1;
        for c in line.chars() {
            self.state = match (self.state, c) {
                (State::Begins, '"') => State::Quoted,
                (State::Quoted, '"') => State::Ending,
                (State::Begins | State::Bare | State::Ending, ',') => {
                    self.fields.push(std::mem::take(&mut self.field));
                    State::Begins
                }
                (State::Ending, '"') | (State::Quoted, _) => {
                    self.field.push(c);
                    State::Quoted
                }
                (State::Begins | State::Bare, _) => {
                    self.field.push(c);
                    State::Bare
                }
                (State::Ending, _) => {
                    return Err(Fault::new("invalid_csv", "has something after a closing quote"));
                }
            };
        }
        Ok(self.state != State::Quoted)
    }

    /// The fields of a whole record.
    pub fn fields(mut self) -> Vec<String> {
        self.fields.push(self.field);
        self.fields
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<Vec<String>> {
        let mut record = Record::default();
        for (place, line) in lines.iter().enumerate() {
            let whole = record.take(line).ok()?;
            assert!(whole == (place + 1 == lines.len()), "{lines:?}");
        }
        Some(record.fields())
    }

    #[test]
    fn fields_bare_and_quoted() {
        assert_eq!(read(&["a,b,,d"]).unwrap(), ["a", "b", "", "d"]);
        assert_eq!(read(&[""]).unwrap(), [""]);
        assert_eq!(read(&["\"a,b\",\"c \"\"d\"\"\",\"\""]).unwrap(), ["a,b", "c \"d\"", ""]);
        assert_eq!(read(&["1,\"12 MG Road", "Chennai\",x"]).unwrap(), ["1", "12 MG Road\nChennai", "x"]);
        assert_eq!(read(&["5\" pipe,x"]).unwrap(), ["5\" pipe", "x"]);
        assert!(Record::default().take("\"a\"b").is_err());
        assert!(!Record::default().take("1,\"never closed").unwrap());
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(fields in proptest::collection::vec("[a,\"\\n ]{0,6}", 1..5)) {
            let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            let mut record = Record::default();
            for line in quoted.join(",").split('\n') {
                record.take(line).unwrap();
            }
            proptest::prop_assert_eq!(record.fields(), fields);
        }

        #[test]
        fn any_line_is_read_without_panic(line in "\\PC{0,40}") {
            let _ = Record::default().take(&line);
        }
    }
}
