//! A message out of a request's body.

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use chassis::problem::Problem;
use chassis::strict_json::{self, Faults};
use deserr::Deserr;
use futures_util::future::LocalBoxFuture;
use utoipa::ToSchema;

/// JSON may escape every character.
const JSON_LIMIT: usize = 2 * hl7::MAX_BYTES;
/// The largest batch over HTTP, in bytes; a larger one is sent in parts.
const BATCH_LIMIT: usize = 2 * hl7::MAX_BYTES;

/// A message, or a batch, in JSON.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ImportInput {
    /// The message, or a batch of messages, as ER7.
    message: String,
}

/// A message as it came, and its digest.
pub struct Er7 {
    /// The message's bytes.
    pub bytes: web::Bytes,
    /// SHA-256 of them.
    pub digest: [u8; 32],
}

enum Media {
    Json,
    Er7,
}

impl FromRequest for Er7 {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media = media(request);
        let payload = payload.take();
        Box::pin(async move {
            let bytes = match media? {
                Media::Er7 => bounded(strict_json::read_body(payload, BATCH_LIMIT).await?)?,
                Media::Json => bounded(message_in(&strict_json::read_body(payload, JSON_LIMIT).await?)?)?,
            };
            Ok(Self { digest: strict_json::digest(&bytes), bytes })
        })
    }
}

fn message_in(json: &[u8]) -> Result<web::Bytes, Problem> {
    let value = serde_json::from_slice(json).map_err(|why| {
        Problem::invalid("", "not_json", format!("is not JSON: line {}, column {}", why.line(), why.column()))
    })?;
    let input: ImportInput = strict_json::parse(value)?;
    encoded(&input.message)
}

/// A message that came as text, in the bytes of the character set that it declares.
///
/// # Errors
/// 400 where the set has not all of its characters.
pub fn encoded(message: &str) -> Result<web::Bytes, Problem> {
    let bytes = hl7::encode(message).ok_or_else(|| {
        Problem::invalid("message", "character_set", "has characters that are not in the set that MSH-18 declares")
    })?;
    Ok(bytes.into())
}

fn bounded(bytes: web::Bytes) -> Result<web::Bytes, Problem> {
    let limit = if hl7::batch::is_batch(&bytes) { BATCH_LIMIT } else { hl7::MAX_BYTES };
    if bytes.len() > limit { Err(Problem::too_large(limit)) } else { Ok(bytes) }
}

fn media(request: &HttpRequest) -> Result<Media, Problem> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Media::Json),
        ""
        | "text/plain"
        | "application/octet-stream"
        | "application/hl7-v2"
        | "application/hl7-v2+er7"
        | "x-application/hl7-v2+er7" => Ok(Media::Er7),
        _ => Err(Problem::unsupported_media("application/hl7-v2, text/plain or application/json")),
    }
}
