//! An upload on its way into the store: part by part, piece by piece, never held.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Payload};
use chassis::problem::Problem;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use object_store::{Key, PutFault, Store, Stored};
use tokio::time::timeout;

use super::form::{Fields, Form, LONGEST_FIELD, Slot};
use super::multipart::{Event, Headers, Malformed, Parser};
use super::types::Types;
use super::{CONTENT, refused};
use uuid::Uuid;

/// What goes with a file: fields, headers, delimiters.
pub(super) const BESIDE_THE_FILE: u64 = 128 * 1024;
/// After a fault, what is still read so that the answer is not lost with the connection.
const READ_ON: (u64, Duration) = (64 * 1024 * 1024, Duration::from_secs(10));

/// What an upload may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a file.
    pub most: u64,
    /// Its types.
    pub types: Types,
    /// The longest pause within an upload.
    pub pause: Duration,
    /// The longest an upload takes.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most: 512 * 1024 * 1024,
            types: Types::default(),
            pause: Duration::from_secs(30),
            whole: Duration::from_secs(14 * 60),
        }
    }
}

/// A form whose file is in the store.
pub struct Received {
    /// Its fields.
    pub fields: Fields,
    /// What the file is said to be.
    pub content_type: &'static str,
    /// How much it was.
    pub stored: Stored,
}

/// Why a body cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// It is no form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It broke off.
    #[error("the body broke off")]
    Broken,
    /// Nothing came for too long.
    #[error("the body stalled")]
    Stalled,
    /// It is larger than a file and its fields may be.
    #[error("the body is too large")]
    TooLarge(u64),
}

/// Reads a form and stores its file under `object`.
///
/// # Errors
/// Everything that is wrong with the form; 413, 415 or 408 of the file; 503 when the store is away.
pub async fn receive(
    payload: Payload,
    boundary: &str,
    object: Uuid,
    store: &Store,
    limits: &Limits,
) -> Result<Received, Problem> {
    let mut body = Body::new(payload, boundary, limits);
    match timeout(limits.whole, read(&mut body, object, store, limits)).await {
        Ok(Ok(received)) => Ok(received),
        Ok(Err(problem)) => {
            body.read_on().await;
            Err(problem)
        }
        Err(_elapsed) => Err(too_slow()),
    }
}

async fn read(body: &mut Body, object: Uuid, store: &Store, limits: &Limits) -> Result<Received, Problem> {
    let (mut form, mut file) = (Form::default(), None);
    while let Some(part) = body.part().await? {
        match form.slot(&part) {
            Slot::Field => match body.text().await? {
                Some(text) => form.take(&part.name, &text),
                None => form.too_long(&part.name),
            },
            Slot::File => {
                let content_type = limits.types.said(part.content_type.as_deref()).ok_or_else(|| refused(limits))?;
                if form.is_sound() {
                    let stored = put(body, object, content_type, store, limits).await?;
                    if stored.size == 0 {
                        form.fault("file", "empty", "must not be empty");
                    }
                    file = Some((content_type, stored));
                }
            }
            Slot::Nothing => {}
        }
    }
    let fields = form.finish().map_err(Problem::bad_request)?;
    let (content_type, stored) = file.ok_or_else(|| Problem::internal("a sound form whose file was not stored"))?;
    Ok(Received { fields, content_type, stored })
}

async fn put(
    body: &mut Body,
    object: Uuid,
    content_type: &str,
    store: &Store,
    limits: &Limits,
) -> Result<Stored, Problem> {
    let content = unfold(body, async |body| body.content().await.transpose().map(|piece| (piece, body)));
    match store.put(Key::new(CONTENT, object), content_type, limits.most, content).await {
        Ok(stored) => Ok(stored),
        Err(PutFault::Source(fault)) => Err(fault.into()),
        Err(PutFault::TooLarge) => Err(BodyFault::TooLarge(limits.most).into()),
        Err(PutFault::Store(fault)) => Err(super::store_fault(fault)),
    }
}

/// A request's body, as the parts of a form.
struct Body {
    payload: Payload,
    parser: Parser,
    pause: Duration,
    most: u64,
    left: u64,
    /// Within a part.
    inside: bool,
}

impl Body {
    fn new(payload: Payload, boundary: &str, limits: &Limits) -> Self {
        let (parser, left) = (Parser::new(boundary), limits.most.saturating_add(BESIDE_THE_FILE));
        Self { payload, parser, pause: limits.pause, most: limits.most, left, inside: false }
    }

    /// The next part; what is left of the one before is passed over.
    async fn part(&mut self) -> Result<Option<Headers>, BodyFault> {
        loop {
            match self.event().await? {
                Event::Part(headers) => {
                    self.inside = true;
                    return Ok(Some(headers));
                }
                Event::Done => return Ok(None),
                Event::Content(_) | Event::PartEnds => {}
            }
        }
    }

    /// The next piece of the part's content; `None` at its end.
    async fn content(&mut self) -> Result<Option<Bytes>, BodyFault> {
        while self.inside {
            match self.event().await? {
                Event::Content(piece) => return Ok(Some(piece)),
                Event::PartEnds => self.inside = false,
                Event::Part(_) | Event::Done => return Err(BodyFault::Broken),
            }
        }
        Ok(None)
    }

    /// A field's text; `None` when it is too long.
    async fn text(&mut self) -> Result<Option<Vec<u8>>, BodyFault> {
        let mut text = Some(Vec::new());
        while let Some(piece) = self.content().await? {
            text = text.filter(|text| text.len() + piece.len() <= LONGEST_FIELD);
            if let Some(text) = &mut text {
                text.extend_from_slice(&piece);
            }
        }
        Ok(text)
    }

    async fn event(&mut self) -> Result<Event, BodyFault> {
        loop {
            if let Some(event) = self.parser.next_event()? {
                return Ok(event);
            }
            match timeout(self.pause, self.payload.next()).await {
                Err(_elapsed) => return Err(BodyFault::Stalled),
                Ok(None) => return Err(self.parser.end().err().map_or(BodyFault::Broken, BodyFault::from)),
                Ok(Some(Err(_why))) => return Err(BodyFault::Broken),
                Ok(Some(Ok(bytes))) => {
                    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    self.left = self.left.checked_sub(size).ok_or(BodyFault::TooLarge(self.most))?;
                    self.parser.feed(&bytes);
                }
            }
        }
    }

    /// A client that is still sending does not look for an answer, and loses it when the connection is closed on it.
    async fn read_on(&mut self) {
        let (most, time) = READ_ON;
        let mut left = most;
        let reading = async {
            while let Some(Ok(bytes)) = self.payload.next().await {
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let Some(rest) = left.checked_sub(size) else { return };
                left = rest;
            }
        };
        // who is slower than that has had their chance
        let _ = timeout(time, reading).await;
    }
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Malformed(Malformed::Unfinished) | BodyFault::Broken => {
                Self::invalid("", "broken_body", "the body broke off")
            }
            BodyFault::Malformed(malformed) => Self::invalid("", "not_multipart", malformed.to_string()),
            BodyFault::Stalled => too_slow(),
            BodyFault::TooLarge(most) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The file is larger than {most} bytes, or what goes with it is."),
            ),
        }
    }
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "The upload paused or took too long; send it again.")
}
