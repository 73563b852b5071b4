//! A request's body on its way to the service: counted, bounded, never held whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Version, header};
use actix_web::web::{Bytes, Payload};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::config::Route;
use crate::error::Error;

/// Chunks between the client's connection and the service's: the slower one sets the pace.
const CHUNKS: usize = 4;

/// A body for the service, and what became of the client's.
pub struct Body {
    /// What is sent; none when the request has no body.
    pub stream: Option<reqwest::Body>,
    fate: Arc<AtomicU8>,
    limit: u64,
}

const FINE: u8 = 0;
const TOO_LARGE: u8 = 1;
const BROKEN: u8 = 2;

impl Body {
    /// Why the body ended early, if that is why the request failed.
    pub fn fault(&self) -> Option<Error> {
        match self.fate.load(Ordering::Acquire) {
            TOO_LARGE => Some(Error::BodyTooLarge(self.limit)),
            BROKEN => Some(Error::BodyBroken),
            _ => None,
        }
    }
}

/// Takes the client's body for passing on.
///
/// # Errors
/// When its length is given two ways or is over the limit.
pub async fn pass_on(request: &HttpRequest, mut payload: Payload, route: &Route) -> Result<Body, Error> {
    let (headers, limit) = (request.headers(), route.body_limit);
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let mut lengths = headers.get_all(header::CONTENT_LENGTH);
    let length = lengths.next();
    if (chunked && length.is_some()) || lengths.next().is_some() {
        return Err(Error::Ambiguous("the body's length is given in two ways"));
    }
    let length: Option<u64> = match length.map(|value| value.to_str().unwrap_or_default().parse()) {
        Some(Ok(length)) => Some(length),
        Some(Err(_)) => return Err(Error::Ambiguous("Content-Length is not a number")),
        None => None,
    };
    if length.is_some_and(|length| length > limit) {
        return Err(Error::BodyTooLarge(limit));
    }
    let fate = Arc::new(AtomicU8::new(FINE));
    // over HTTP/2 a body needs no header to announce it
    let may_follow = request.version() == Version::HTTP_2 && length.is_none();
    let first = if may_follow { first(&mut payload, route.timeout()).await? } else { None };
    let has_body = chunked || length.is_some_and(|length| length > 0) || first.is_some();
    let stream = has_body.then(|| forward(first, payload, limit, Arc::clone(&fate)));
    Ok(Body { stream, fate, limit })
}

async fn first(payload: &mut Payload, deadline: Duration) -> Result<Option<Bytes>, Error> {
    match tokio::time::timeout(deadline, payload.next()).await {
        Ok(chunk) => chunk.transpose().map_err(|_why| Error::BodyBroken),
        Err(_elapsed) => Err(Error::BodyBroken),
    }
}

/// The client's payload belongs to this thread and the service's body may not: chunks go through a channel.
fn forward(first: Option<Bytes>, payload: Payload, limit: u64, fate: Arc<AtomicU8>) -> reqwest::Body {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Stopped>>(CHUNKS);
    actix_web::rt::spawn(async move {
        let mut left = limit;
        let mut chunks = stream::iter(first.map(Ok)).chain(payload);
        while let Some(chunk) = chunks.next().await {
            let outcome = chunk.map_err(|_why| BROKEN).and_then(|chunk| {
                let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                left = left.checked_sub(size).ok_or(TOO_LARGE)?;
                Ok(chunk)
            });
            let ended = outcome.as_ref().err().copied();
            if let Some(why) = ended {
                fate.store(why, Ordering::Release);
            }
            if sender.send(outcome.map_err(|_why| Stopped)).await.is_err() || ended.is_some() {
                return;
            }
        }
    });
    let chunks =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) });
    reqwest::Body::wrap_stream(chunks)
}

#[derive(Debug, thiserror::Error)]
#[error("the client's body ended early")]
struct Stopped;
