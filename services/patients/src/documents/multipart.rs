//! `multipart/form-data` (RFC 7578, RFC 2046) as it comes: bytes go in, parts come out piece by piece. A part's content is
//! never held, its headers are bounded, and so is what is kept between two pieces. Pure.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

/// A boundary has at most this many characters (RFC 2046, 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// Bytes of one part's headers.
pub const MOST_HEADERS: usize = 8 * 1024;
/// Parts of a form.
pub const MOST_PARTS: usize = 16;
/// Blanks between a delimiter and its end of line.
const MOST_PADDING: usize = 128;

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Part(Headers),
    /// More of its content.
    Content(Bytes),
    /// The part ends.
    PartEnds,
    /// The form ends.
    Done,
}

/// What a part says of itself. What the client called a file is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The field's name.
    pub name: String,
    /// Whether it is a file: it was given a name.
    pub is_file: bool,
    /// The content's type, in lower case, without its parameters.
    pub content_type: Option<String>,
}

/// Why it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The request names no boundary, or one that is none.
    #[error("Content-Type names no boundary of 1 to 70 characters")]
    Boundary,
    /// Behind a delimiter stands something else than the end of the line.
    #[error("a delimiter does not end its line")]
    Delimiter,
    /// A part's headers cannot be read, or have no name.
    #[error("a part has headers that cannot be read, or no name")]
    Headers,
    /// A part's headers are too large.
    #[error("a part has headers of more than 8192 bytes")]
    HeadersTooLarge,
    /// Too many parts.
    #[error("there are more than 16 parts")]
    TooManyParts,
    /// It ended before its last delimiter.
    #[error("the body ends before its last delimiter")]
    Unfinished,
}

/// Reads one form.
#[derive(Debug)]
pub struct Parser {
    delimiter: Finder<'static>,
    held: BytesMut,
    state: State,
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    AfterDelimiter,
    Headers,
    Content,
    Done,
}

/// The boundary that a request's `Content-Type` names; `None` when it is of another type.
///
/// # Errors
/// `Boundary` when it names none.
pub fn boundary(content_type: &str) -> Result<Option<String>, Malformed> {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Ok(None);
    }
    let found = parameters_of(parameters).find(|(name, _)| name == "boundary").map(|(_, value)| value);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    let good = |text: &String| (1..=LONGEST_BOUNDARY).contains(&text.len()) && text.chars().all(allowed);
    found.filter(good).filter(|text| !text.ends_with(' ')).map(Some).ok_or(Malformed::Boundary)
}

impl Parser {
    /// For a form with this boundary.
    pub fn new(boundary: &str) -> Self {
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        // the first delimiter may begin the body, as if a line had ended before it
        Self { delimiter, held: BytesMut::from(&b"\r\n"[..]), state: State::Preamble, parts: 0 }
    }

    /// Takes the next bytes; [`next_event`](Self::next_event) is called until it has nothing more.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Done {
            self.held.extend_from_slice(bytes);
        }
    }

    /// What comes next; `None` until there are more bytes.
    ///
    /// # Errors
    /// What is wrong with the form; it cannot be read on.
    pub fn next_event(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            match self.state {
                State::Preamble => match self.delimiter.find(&self.held) {
                    Some(at) => self.cross(at),
                    None => {
                        let rest = self.held.len().saturating_sub(self.kept());
                        self.held.advance(rest);
                        return Ok(None);
                    }
                },
                State::AfterDelimiter => match self.line_end()? {
                    Some(event) => return Ok(Some(event)),
                    None if self.state == State::AfterDelimiter => return Ok(None),
                    None => {}
                },
                State::Headers => return self.headers(),
                State::Content => return Ok(self.content()),
                State::Done => return Ok(None),
            }
        }
    }

    /// Called when no more bytes come.
    ///
    /// # Errors
    /// `Unfinished` when the last delimiter did not come.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.state == State::Done { Ok(()) } else { Err(Malformed::Unfinished) }
    }

    /// Bytes held between two pieces.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// As much of the end as may begin a delimiter.
    fn kept(&self) -> usize {
        self.delimiter.needle().len().saturating_sub(1)
    }

    fn cross(&mut self, at: usize) {
        self.held.advance(at + self.delimiter.needle().len());
        self.state = State::AfterDelimiter;
    }

    /// Two dashes end the form; blanks and an end of line begin a part.
    fn line_end(&mut self) -> Result<Option<Event>, Malformed> {
        if self.held.starts_with(b"--") {
            self.state = State::Done;
            self.held.clear();
            return Ok(Some(Event::Done));
        }
        let padding = self.held.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if padding > MOST_PADDING {
            return Err(Malformed::Delimiter);
        }
        match (self.held.get(padding), self.held.get(padding + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                self.held.advance(padding + 2);
                self.parts += 1;
                self.state = State::Headers;
                if self.parts > MOST_PARTS { Err(Malformed::TooManyParts) } else { Ok(None) }
            }
            (None | Some(b'\r'), None) => Ok(None),
            (Some(b'-'), None) if padding == 0 => Ok(None),
            _ => Err(Malformed::Delimiter),
        }
    }

    fn headers(&mut self) -> Result<Option<Event>, Malformed> {
        const END: &[u8] = b"\r\n\r\n";
        let searched = self.held.get(..MOST_HEADERS).unwrap_or(&self.held);
        let Some(at) = memchr::memmem::find(searched, END) else {
            let full = self.held.len() >= MOST_HEADERS;
            return if full { Err(Malformed::HeadersTooLarge) } else { Ok(None) };
        };
        let lines = self.held.split_to(at);
        self.held.advance(END.len());
        let headers = Headers::read(&String::from_utf8_lossy(&lines))?;
        self.state = State::Content;
        Ok(Some(Event::Part(headers)))
    }

    fn content(&mut self) -> Option<Event> {
        match self.delimiter.find(&self.held) {
            Some(0) => {
                self.cross(0);
                Some(Event::PartEnds)
            }
            Some(at) => Some(Event::Content(self.held.split_to(at).freeze())),
            None => {
                let sure = self.held.len().saturating_sub(self.kept());
                (sure > 0).then(|| Event::Content(self.held.split_to(sure).freeze()))
            }
        }
    }
}

impl Headers {
    fn read(lines: &str) -> Result<Self, Malformed> {
        let (mut disposition, mut content_type) = (None, None);
        for line in lines.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(Malformed::Headers)?;
            let slot = match name.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => &mut disposition,
                "content-type" => &mut content_type,
                _ => continue,
            };
            if slot.replace(value.trim()).is_some() {
                return Err(Malformed::Headers);
            }
        }
        let (kind, parameters) = disposition.and_then(|text| text.split_once(';')).ok_or(Malformed::Headers)?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(Malformed::Headers);
        }
        let mut headers = Self { name: String::new(), is_file: false, content_type: None };
        for (name, value) in parameters_of(parameters) {
            match name.as_str() {
                "name" => headers.name = value,
                "filename" | "filename*" => headers.is_file = true,
                _ => {}
            }
        }
        if headers.name.is_empty() {
            return Err(Malformed::Headers);
        }
        let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        headers.content_type = content_type.map(essence).filter(|text| !text.is_empty());
        Ok(headers)
    }
}

/// `; name=value; name="value"`, names in lower case. In quotes a backslash escapes a quote and itself alone: browsers of
/// old send paths with backslashes.
fn parameters_of(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_matches(|c: char| c == ';' || c.is_whitespace()).to_ascii_lowercase();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, left) = after.split_at(end);
                (value.trim_end().to_owned(), left)
            }
        };
        rest = left;
        Some((name, value))
    })
}

fn unquoted(text: &str) -> (String, &str) {
    let (mut value, mut chars) = (String::new(), text.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push(c),
            },
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
#[path = "multipart_tests.rs"]
mod tests;
