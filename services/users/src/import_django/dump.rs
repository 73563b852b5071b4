//! A dump, read one object at a time: a JSON array as `dumpdata` writes it, or an object a line. Memory is that of one object.

use std::io::BufRead;

use anyhow::{Context, bail};
use serde_json::Value;

/// A user's row is about a kilobyte.
const LONGEST_OBJECT: usize = 256 * 1024;

/// The objects of a dump, in order. Ends after the first fault: what follows cannot be told apart.
pub struct Objects<R> {
    input: R,
    read: u64,
    broken: bool,
}

impl<R: BufRead> Objects<R> {
    /// Reads from the beginning of `input`.
    pub const fn of(input: R) -> Self {
        Self { input, read: 0, broken: false }
    }

    fn byte(&mut self) -> anyhow::Result<Option<u8>> {
        let byte = self.input.fill_buf().context("the dump cannot be read")?.first().copied();
        if byte.is_some() {
            self.input.consume(1);
            self.read = self.read.saturating_add(1);
        }
        Ok(byte)
    }

    fn object(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            match self.byte()? {
                None => return Ok(None),
                Some(b' ' | b'\t' | b'\r' | b'\n' | b'[' | b',' | b']') => {}
                Some(b'{') => break,
                Some(_) => bail!("no object begins at byte {}", self.read),
            }
        }
        let begun = self.read;
        let mut text = vec![b'{'];
        let (mut depth, mut quoted, mut escaped) = (1_u32, false, false);
        while depth > 0 {
            let byte = self.byte()?.with_context(|| format!("the object at byte {begun} has no end"))?;
            text.push(byte);
            if text.len() > LONGEST_OBJECT {
                bail!("the object at byte {begun} is longer than {LONGEST_OBJECT} bytes");
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' if !quoted => depth = depth.saturating_add(1),
                b'}' if !quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        // serde's own message may quote what it read, a password among it
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|_quoting| anyhow::anyhow!("the object at byte {begun} is no JSON"))
    }
}

impl<R: BufRead> Iterator for Objects<R> {
    type Item = anyhow::Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let object = self.object().transpose();
        self.broken = matches!(object, Some(Err(_)));
        object
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<anyhow::Result<Value>> {
        Objects::of(text.as_bytes()).collect()
    }

    #[test]
    fn an_array_and_lines_read_the_same() {
        let array = "[\n{\"a\": \"}\\\"{\", \"b\": {\"c\": [1]}},\n {\"a\": 2}]\n";
        let lines = "{\"a\": \"}\\\"{\", \"b\": {\"c\": [1]}}\n\n{\"a\": 2}\n";
        for text in [array, lines] {
            let objects: Vec<Value> = read(text).into_iter().map(Result::unwrap).collect();
            assert_eq!((objects.len(), &objects[0]["a"], &objects[1]["a"]), (2, &"}\"{".into(), &2.into()), "{text}");
        }
        assert!(read("").is_empty() && read("[]").is_empty());
    }

    #[test]
    fn what_is_no_dump_ends_with_one_fault_that_quotes_nothing() {
        for text in ["pk,password\n1,secret", "{\"password\": secret}", "{\"password\": \"secret\"", "{}\u{0}{}"] {
            let mut objects = read(text);
            let fault = objects.pop().unwrap().unwrap_err().to_string();
            assert!(objects.iter().all(Result::is_ok) && !fault.contains("secret"), "{fault}");
        }
        let endless = format!("{{\"a\": \"{}\"}}", "x".repeat(LONGEST_OBJECT));
        assert!(read(&endless)[0].is_err());
    }
}
