//! What stands between the open net and every route of a server: for the gateway, not for services behind it.

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
