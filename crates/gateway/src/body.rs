//! A request's body on its way to the service: counted, bounded, never held whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, http::header};
use futures_util::StreamExt;
use tokio::sync::mpsc;

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
pub fn pass_on(request: &HttpRequest, payload: Payload, limit: u64) -> Result<Body, Error> {
    let headers = request.headers();
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let length = headers.get(header::CONTENT_LENGTH);
    if chunked && length.is_some() {
        return Err(Error::Ambiguous("both Content-Length and Transfer-Encoding are given"));
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
    let has_body = chunked || length.is_some_and(|length| length > 0);
    let stream = has_body.then(|| forward(payload, limit, Arc::clone(&fate)));
    Ok(Body { stream, fate, limit })
}

/// The client's payload belongs to this thread and the service's body may not: chunks go through a channel.
fn forward(mut payload: Payload, limit: u64, fate: Arc<AtomicU8>) -> reqwest::Body {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Stopped>>(CHUNKS);
    actix_web::rt::spawn(async move {
        let mut left = limit;
        while let Some(chunk) = payload.next().await {
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
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    reqwest::Body::wrap_stream(chunks)
}

#[derive(Debug, thiserror::Error)]
#[error("the client's body ended early")]
struct Stopped;
