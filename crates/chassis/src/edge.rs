//! What stands between the open net and every route of a server: for the gateway, not for services behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse};

use crate::problem::Problem;

/// Looks at every request before its route and at every answer after it, problems and 404 included. A server has one
/// where its app data holds an `Arc<dyn Edge>`.
pub trait Edge: Send + Sync {
    /// The answer, when the request is the edge's own affair and no route's.
    fn answer(&self, request: &HttpRequest) -> Option<Result<HttpResponse, Problem>>;

    /// Sets what every answer bears, and takes away what none may.
    fn dress(&self, request: &HttpRequest, headers: &mut HeaderMap);
}

/// Requests that one connection may have in work at once. HTTP/2 lets a client open streams and give them up again
/// without waiting (CVE-2023-44487), and actix-web neither announces a bound nor stops what was given up.
pub const IN_WORK: usize = 100;

/// One client's connection, found by `HttpRequest::conn_data`.
#[derive(Clone, Debug, Default)]
pub struct Connection(Arc<AtomicUsize>);

impl Connection {
    /// A place for one more request, until it is dropped; none when [`IN_WORK`] are taken.
    pub fn place(&self) -> Option<Place> {
        let place = Place(self.clone()); // counts down again, also when it is one too many
        (self.0.fetch_add(1, Ordering::AcqRel) < IN_WORK).then_some(place)
    }
}

/// A request in work.
#[derive(Debug)]
pub struct Place(Connection);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_out_and_come_back() {
        let connection = Connection::default();
        let mut places: Vec<_> = (0..IN_WORK).filter_map(|_| connection.place()).collect();
        assert_eq!(places.len(), IN_WORK);
        assert!(connection.place().is_none() && connection.place().is_none());
        places.pop();
        assert!(connection.place().is_some());
    }
}
