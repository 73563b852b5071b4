//! A JSON object whose members are written as they come.

use serde::Serialize;

/// Where in the object the next piece stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json {
    members: bool,
    rows: bool,
}

impl Json {
    /// Begins the next member.
    fn name(&mut self, text: &mut Vec<u8>, name: &str) -> serde_json::Result<()> {
        text.push(if self.members { b',' } else { b'{' });
        self.members = true;
        serde_json::to_writer(&mut *text, name)?;
        text.push(b':');
        Ok(())
    }

    /// A member.
    ///
    /// # Errors
    /// When the value cannot be written.
    pub fn member(&mut self, text: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
        self.name(text, name)?;
        serde_json::to_writer(text, value)
    }

    /// Begins a member that is a list.
    ///
    /// # Errors
    /// When its name cannot be written.
    pub fn begin(&mut self, text: &mut Vec<u8>, name: &str) -> serde_json::Result<()> {
        self.name(text, name)?;
        text.push(b'[');
        self.rows = false;
        Ok(())
    }

    /// The list's next row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(&mut self, text: &mut Vec<u8>, row: &impl Serialize) -> serde_json::Result<()> {
        if self.rows {
            text.push(b',');
        }
        self.rows = true;
        serde_json::to_writer(text, row)
    }

    /// Ends the list.
    pub fn end(&self, text: &mut Vec<u8>) {
        text.push(b']');
    }

    /// Ends the object.
    pub fn finish(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(if self.members { b"}" } else { b"{}" });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_an_object() {
        let (mut json, mut text) = (Json::default(), Vec::new());
        json.member(&mut text, "date", &"2026-11-27").unwrap();
        json.begin(&mut text, "rows").unwrap();
        json.row(&mut text, &1).unwrap();
        json.row(&mut text, &"a \"b\"").unwrap();
        json.end(&mut text);
        json.begin(&mut text, "none").unwrap();
        json.end(&mut text);
        json.finish(&mut text);
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"date":"2026-11-27","rows":[1,"a \"b\""],"none":[]}"#);
        let mut empty = Vec::new();
        Json::default().finish(&mut empty);
        assert_eq!(empty, b"{}");
    }
}
