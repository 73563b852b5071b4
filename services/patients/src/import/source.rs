//! A file becomes batches of rows. Nothing of it is held but the batch that is read; a row is bounded.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use chassis::strict_json::Fault;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::csv::Record;
use super::row;

/// A row holds at most this many bytes.
pub const LONGEST_ROW: usize = 64 * 1024;

/// A row as the file has it.
#[derive(Debug)]
pub struct Raw {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its columns, or why it cannot be read.
    pub columns: Result<Map<String, Value>, Fault>,
}

/// Some rows.
#[derive(Debug)]
pub struct Batch {
    /// The rows.
    pub rows: Vec<Raw>,
    /// How much of the file was read until their end.
    pub bytes: u64,
}

/// Reads a file to its end, or until nobody takes its rows any more.
///
/// # Errors
/// When it cannot be read, is neither CSV nor NDJSON by its name, or has columns that are not known.
pub fn read(file: &Path, ignored: Vec<String>, size: usize, to: &mpsc::Sender<Batch>) -> anyhow::Result<()> {
    let is_csv = match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => true,
        Some("ndjson" | "jsonl") => false,
        _ => anyhow::bail!("its name ends neither in .csv nor in .ndjson or .jsonl"),
    };
    let mut lines = Lines { reader: BufReader::new(File::open(file)?), again: VecDeque::new(), number: 0, bytes: 0 };
    let header = if is_csv { Some(header(&mut lines, &ignored)?) } else { None };
    let mut rows = Vec::with_capacity(size);
    loop {
        let next = match &header {
            Some(header) => csv_row(&mut lines, header)?,
            None => json_row(&mut lines, &ignored)?,
        };
        let ended = next.is_none();
        rows.extend(next);
        if (ended && !rows.is_empty()) || rows.len() >= size {
            let batch = Batch { rows: std::mem::take(&mut rows), bytes: lines.bytes };
            if to.blocking_send(batch).is_err() {
                return Ok(());
            }
        }
        if ended {
            return Ok(());
        }
    }
}

/// The column names, and which of them are left out.
struct Header(Vec<Option<String>>);

fn header(lines: &mut Lines<impl BufRead>, ignored: &[String]) -> anyhow::Result<Header> {
    let Some(line) = lines.next()? else { anyhow::bail!("it is empty") };
    let mut record = Record::default();
    let whole =
        line.text.and_then(|text| record.take(&text)).map_err(|fault| anyhow::anyhow!("its first line {fault}"))?;
    anyhow::ensure!(whole, "its first line has a quote that never closes");
    let names: Vec<String> = record.fields().iter().map(|name| name.trim().to_owned()).collect();
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !row::is_known(name) && !ignored.iter().any(|i| i == name))
        .collect();
    anyhow::ensure!(
        unknown.is_empty(),
        "it has columns that are not known: {} (--ignore COLUMN leaves one out; known: {})",
        unknown.join(", "),
        row::KNOWN.join(", ")
    );
    for (place, name) in names.iter().enumerate() {
        anyhow::ensure!(!names.iter().take(place).any(|earlier| earlier == name), "it has the column {name} twice");
    }
    Ok(Header(names.into_iter().map(|name| Some(name).filter(|name| !ignored.contains(name))).collect()))
}

fn csv_row(lines: &mut Lines<impl BufRead>, header: &Header) -> io::Result<Option<Raw>> {
    let Some(first) = lines.next_filled()? else { return Ok(None) };
    let line = first.number;
    let mut record = Record::default();
    let mut more: VecDeque<Line> = VecDeque::new();
    let mut whole = first.text.and_then(|text| record.take(&text));
    while let Ok(false) = whole {
        let next = if record.length > LONGEST_ROW { None } else { lines.next()? };
        whole = match next {
            Some(next) => {
                let taken = next.text.clone().and_then(|text| record.take(&text));
                more.push_back(next);
                taken
            }
            None => Err(Fault::new("invalid_csv", "has a quote that never closes")),
        };
    }
    let columns = whole.and_then(|_| header.columns(record.fields()));
    if columns.is_err() {
        // What follows its first line may be rows that are good.
        lines.give_back(more);
    }
    Ok(Some(Raw { line, columns }))
}

impl Header {
    fn columns(&self, fields: Vec<String>) -> Result<Map<String, Value>, Fault> {
        if fields.len() != self.0.len() {
            let message = format!("has {} columns and not {}", fields.len(), self.0.len());
            return Err(Fault::new("wrong_number_of_columns", message));
        }
        let named = self.0.iter().zip(fields).filter_map(|(name, field)| Some((name.clone()?, field)));
        // In CSV nothing and the empty text are the same.
        Ok(named
            .filter(|(_, field)| !field.trim().is_empty())
            .map(|(name, field)| (name, Value::String(field)))
            .collect())
    }
}

fn json_row(lines: &mut Lines<impl BufRead>, ignored: &[String]) -> io::Result<Option<Raw>> {
    let Some(line) = lines.next_filled()? else { return Ok(None) };
    let columns = line.text.and_then(|text| {
        // serde_json's message may quote what it read.
        let value = serde_json::from_str(&text).map_err(|_why| Fault::new("invalid_json", "is not a JSON object"))?;
        row::columns(value, ignored)
    });
    Ok(Some(Raw { line: line.number, columns }))
}

#[derive(Debug)]
struct Line {
    number: u64,
    text: Result<String, Fault>,
}

struct Lines<R> {
    reader: R,
    again: VecDeque<Line>,
    number: u64,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line without its end; of one that is too long only that it is.
    fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(LONGEST_ROW).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += u64::try_from(read).unwrap_or_default();
        let too_long = bytes.last() != Some(&b'\n') && bytes.len() > LONGEST_ROW;
        if too_long {
            self.bytes += self.skip_line()?;
        }
        if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        let text = match String::from_utf8(bytes) {
            _ if too_long => Err(Fault::new("too_long", format!("is longer than {LONGEST_ROW} bytes"))),
            Ok(text) if text.contains('\0') => Err(Fault::new("invalid", "must not contain NUL")),
            Ok(text) => Ok(text),
            Err(_) => Err(Fault::new("invalid_encoding", "is not UTF-8")),
        };
        Ok(Some(Line { number: self.number, text }))
    }

    /// The next line that is not blank.
    fn next_filled(&mut self) -> io::Result<Option<Line>> {
        loop {
            match self.next()? {
                Some(line) if line.text.as_ref().is_ok_and(|text| text.trim().is_empty()) => {}
                other => return Ok(other),
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let here = self.reader.fill_buf()?;
            let end = here.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(here.len(), |end| end + 1);
            self.reader.consume(length);
            skipped += u64::try_from(length).unwrap_or_default();
            if end.is_some() || length == 0 {
                return Ok(skipped);
            }
        }
    }

    fn give_back(&mut self, lines: VecDeque<Line>) {
        for line in lines.into_iter().rev() {
            self.again.push_front(line);
        }
    }
}
