//! Input that is either right or answered with everything that is wrong with it: unknown fields, wrong types and
//! broken rules, all at once. On `deserr`, which, unlike serde, does not stop at the first fault.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::ops::ControlFlow;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// A JSON body holds at most this many bytes.
pub const BODY_LIMIT: usize = 256 * 1024;

/// One thing wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error, utoipa::ToSchema)]
#[error("{field}: {message}")]
pub struct Fault {
    /// Where: `items.0.quantity`; empty for the whole body.
    pub field: String,
    /// What, for programs: `required`, `unknown_field`, `wrong_type`, or a rule's own word.
    pub code: &'static str,
    /// What, for people. Never repeats the value.
    pub message: String,
}

impl Fault {
    /// A fault whose place is filled in by whoever reports it.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { field: String::new(), code, message: message.into() }
    }

    /// The same fault at a place.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }
}

/// All that is wrong with the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a fault at a field.
    pub fn push(&mut self, field: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.0.push(Fault::new(code, message).at(field));
    }

    /// Goes on when there is no fault.
    ///
    /// # Errors
    /// 400 with all of them.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::bad_request(self)) }
    }
}

impl MergeWithError<Faults> for Faults {
    fn merge(faults: Option<Self>, other: Self, _at: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut faults = faults.unwrap_or_default();
        faults.0.extend(other.0);
        ControlFlow::Continue(faults)
    }
}

impl MergeWithError<Fault> for Faults {
    fn merge(faults: Option<Self>, fault: Fault, at: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut faults = faults.unwrap_or_default();
        faults.0.push(fault.at(dotted(at)));
        ControlFlow::Continue(faults)
    }
}

impl DeserializeError for Faults {
    fn error<V: IntoValue>(
        faults: Option<Self>,
        kind: ErrorKind<'_, V>,
        at: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let (place, code, message) = match kind {
            ErrorKind::MissingField { field } => (child(at, field), "required", "is required".to_owned()),
            ErrorKind::UnknownKey { key, accepted } => {
                (child(at, key), "unknown_field", format!("is not known here; known: {}", accepted.join(", ")))
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                (dotted(at), "unknown_value", format!("must be one of {}", accepted.join(", ")))
            }
            ErrorKind::IncorrectValueKind { accepted, .. } => {
                (dotted(at), "wrong_type", format!("must be {}", kinds(accepted)))
            }
            ErrorKind::BadSequenceLen { expected, .. } => {
                (dotted(at), "wrong_length", format!("must have {expected} elements"))
            }
            // deserr's own text may quote the value (a number out of range); ours does not.
            ErrorKind::Unexpected { .. } => (dotted(at), "invalid", "is not a valid value".to_owned()),
        };
        let mut faults = faults.unwrap_or_default();
        faults.0.push(Fault { field: place, code, message });
        ControlFlow::Continue(faults)
    }
}

fn kinds(accepted: &[ValueKind]) -> String {
    let mut names: Vec<&str> = accepted
        .iter()
        .map(|kind| match kind {
            ValueKind::Null => "null",
            ValueKind::Boolean => "a boolean",
            ValueKind::Integer | ValueKind::NegativeInteger => "an integer",
            ValueKind::Float => "a number",
            ValueKind::String => "a string",
            ValueKind::Sequence => "an array",
            ValueKind::Map => "an object",
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(" or ")
}

fn dotted(at: ValuePointerRef<'_>) -> String {
    let (before, last) = match at {
        ValuePointerRef::Origin => return String::new(),
        ValuePointerRef::Key { key, prev } => (dotted(*prev), key.to_owned()),
        ValuePointerRef::Index { index, prev } => (dotted(*prev), index.to_string()),
    };
    if before.is_empty() { last } else { format!("{before}.{last}") }
}

/// A key that a client invented is shown shortened: it may be anything, a patient's name among them.
fn child(at: ValuePointerRef<'_>, key: &str) -> String {
    const LONGEST: usize = 64;
    let key: String = key.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let parent = dotted(at);
    if parent.is_empty() { key } else { format!("{parent}.{key}") }
}

/// Reads a value that is there already, such as a merged patch.
///
/// # Errors
/// 400 with every fault.
pub fn parse<T: Deserr<Faults>>(value: Value) -> Result<T, Problem> {
    let mut faults = Faults::new();
    refuse_nul(&value, &mut String::new(), &mut faults);
    match deserr::deserialize::<T, _, Faults>(value) {
        Ok(parsed) => faults.check().map(|()| parsed),
        Err(more) => {
            faults.0.extend(more.0);
            Err(Problem::bad_request(faults))
        }
    }
}

/// PostgreSQL has no NUL in text, so that no string with one can be stored.
fn refuse_nul(value: &Value, at: &mut String, faults: &mut Faults) {
    let mut inside = |key: &str, value: &Value| {
        let length = at.len();
        if length > 0 {
            at.push('.');
        }
        at.push_str(key);
        refuse_nul(value, at, faults);
        at.truncate(length);
    };
    match value {
        Value::String(text) if text.contains('\0') => faults.push(at.as_str(), "invalid", "must not contain NUL"),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| inside(&i.to_string(), item)),
        Value::Object(members) => members.iter().for_each(|(key, member)| inside(key, member)),
        _ => {}
    }
}

/// A value given as text, as in a query string: `#[deserr(try_from(String) = from_str::<i64> -> Fault)]`.
///
/// # Errors
/// A fault that does not repeat the value.
pub fn from_str<T: FromStr>(text: String) -> Result<T, Fault> {
    text.parse().map_err(|_why| Fault::new("invalid", "is not a valid value"))
}

/// A JSON body read strictly, with the digest that an `Idempotency-Key` is compared by.
#[derive(Clone, Debug)]
pub struct Strict<T> {
    /// What the body says.
    pub value: T,
    /// SHA-256 of the body's bytes.
    pub digest: [u8; 32],
}

impl<T: Deserr<Faults> + 'static> FromRequest for Strict<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_json(request, payload, &["application/json"]);
        Box::pin(async move {
            let (value, digest) = body.await?;
            Ok(Self { value: parse(value)?, digest })
        })
    }
}

/// A JSON merge patch (RFC 7396): an object, not yet checked. See [`crate::merge_patch`].
#[derive(Clone, Debug)]
pub struct MergePatch {
    /// The patch.
    pub value: Value,
    /// SHA-256 of the body's bytes.
    pub digest: [u8; 32],
}

impl FromRequest for MergePatch {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_json(request, payload, &["application/json", "application/merge-patch+json"]);
        Box::pin(async move {
            let (value, digest) = body.await?;
            if !value.is_object() {
                return Err(Problem::invalid("", "wrong_type", "must be an object"));
            }
            Ok(Self { value, digest })
        })
    }
}

fn read_json(
    request: &HttpRequest,
    payload: &mut Payload,
    accepted: &'static [&'static str],
) -> impl Future<Output = Result<(Value, [u8; 32]), Problem>> + use<> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let payload = payload.take();
    async move {
        if !accepted.contains(&essence.as_str()) {
            return Err(Problem::unsupported_media(&accepted.join(" or ")));
        }
        let bytes = read_body(payload, BODY_LIMIT).await?;
        let digest = digest(&bytes);
        let value = serde_json::from_slice(&bytes).map_err(|why| {
            let place = format!("is not JSON: line {}, column {}", why.line(), why.column());
            Problem::invalid("", "not_json", place)
        })?;
        Ok((value, digest))
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 413 above the limit; 400 when it breaks off.
pub async fn read_body(mut payload: Payload, limit: usize) -> Result<web::Bytes, Problem> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk =
            chunk.map_err(|_why| Problem::invalid("", "broken_body", "the body broke off or cannot be decoded"))?;
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Problem::too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// SHA-256 of a body, which an `Idempotency-Key` is compared by.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.as_ref());
    digest
}

/// Query parameters read strictly: unknown ones are refused, one given twice is refused, every value is text
/// (see [`from_str`]).
#[derive(Clone, Debug)]
pub struct StrictQuery<T>(pub T);

impl<T: Deserr<Faults>> FromRequest for StrictQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(query(request.query_string()).and_then(parse).map(Self))
    }
}

fn query(text: &str) -> Result<Value, Problem> {
    refuse_bad_utf8(text)?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
        .map_err(|_why| Problem::invalid("", "invalid", "the query string cannot be read"))?;
    let mut members = Map::new();
    for (key, value) in pairs {
        if members.insert(key.clone(), Value::String(value)).is_some() {
            return Err(Problem::invalid(key, "repeated", "is given more than once"));
        }
    }
    Ok(Value::Object(members))
}

/// `serde_urlencoded` would put replacement characters where the bytes are no UTF-8.
fn refuse_bad_utf8(text: &str) -> Result<(), Problem> {
    let decoded = url::form_urlencoded::parse(text.as_bytes());
    let replaced = decoded.into_iter().any(|(key, value)| key.contains('\u{FFFD}') || value.contains('\u{FFFD}'));
    if replaced { Err(Problem::invalid("", "invalid", "the query string is not UTF-8")) } else { Ok(()) }
}

/// The fault of a rule that holds for a whole value, at a field of the caller's choice.
pub fn fault_at(field: impl Into<String>, code: &'static str, message: impl Display) -> Fault {
    Fault::new(code, message.to_string()).at(field)
}
