//! What a server has in work: bounded on each connection, and waited for at the end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

/// Requests that one connection may have in work at once. HTTP/2 lets a client open streams and give them up again
/// without waiting (CVE-2023-44487), and actix-web neither announces a bound nor stops what was given up.
pub const IN_WORK: usize = 100;

/// Requests of a whole server whose answers are not out yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work(Arc<AtomicUsize>);

impl Work {
    /// Returns when nothing was in work for a while: what actix-web waits for, but for idle HTTP/2 connections, which it
    /// neither ends nor tells to go.
    pub(crate) async fn done(&self) {
        const LOOK: Duration = Duration::from_millis(100);
        const QUIET: u32 = 10;
        let mut quiet: u32 = 0;
        while quiet < QUIET {
            tokio::time::sleep(LOOK).await;
            quiet = if self.0.load(Ordering::Acquire) == 0 { quiet.saturating_add(1) } else { 0 };
        }
    }
}

/// One client's connection, as `HttpRequest::conn_data` knows it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    own: Arc<AtomicUsize>,
    all: Work,
}

impl Connection {
    /// A connection of this server.
    pub(crate) fn of(all: &Work) -> Self {
        Self { own: Arc::default(), all: all.clone() }
    }

    /// A place for one more request; none when [`IN_WORK`] are taken.
    pub(crate) fn place(&self) -> Option<Place> {
        let place = Place { own: Arc::clone(&self.own), all: self.all.clone() }; // counts down when one too many, too
        self.all.0.fetch_add(1, Ordering::AcqRel);
        (self.own.fetch_add(1, Ordering::AcqRel) < IN_WORK).then_some(place)
    }
}

/// A request in work.
#[derive(Debug)]
pub(crate) struct Place {
    own: Arc<AtomicUsize>,
    all: Work,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.own.fetch_sub(1, Ordering::AcqRel);
        self.all.0.fetch_sub(1, Ordering::AcqRel);
    }
}

pin_project_lite::pin_project! {
    /// An answer's body, which holds its request's place until it is out.
    pub(crate) struct Held<B> {
        #[pin]
        body: B,
        _place: Option<Place>,
    }
}

impl<B> Held<B> {
    /// Holds the place as long as the body lives.
    pub(crate) fn new(body: B, place: Option<Place>) -> Self {
        Self { body, _place: place }
    }
}

impl<B: MessageBody> MessageBody for Held<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.project().body.poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_out_and_come_back() {
        let work = Work::default();
        let (connection, other) = (Connection::of(&work), Connection::of(&work));
        let mut places: Vec<_> = (0..IN_WORK).filter_map(|_| connection.place()).collect();
        assert_eq!(places.len(), IN_WORK);
        assert!(connection.place().is_none() && connection.place().is_none() && other.place().is_some());
        places.pop();
        assert!(connection.place().is_some());
        drop(places);
        assert_eq!(work.0.load(Ordering::Acquire), 0);
    }
}
