//! What every answer of the gateway bears, whoever made it, and the requests that no route sees.

mod cors;
mod security;

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use chassis::problem::Problem;

use self::cors::Policy;
use crate::config;
use crate::limits::Standing;

/// The edge of a gateway with this configuration.
pub fn edge(config: &config::Cors) -> Arc<dyn chassis::edge::Edge> {
    Arc::new(Edge { cors: Policy::new(config) })
}

struct Edge {
    cors: Policy,
}

impl chassis::edge::Edge for Edge {
    fn answer(&self, request: &HttpRequest) -> Option<Result<HttpResponse, Problem>> {
        cors::is_preflight(request).then(|| self.cors.preflight(request.headers()))
    }

    fn dress(&self, request: &HttpRequest, headers: &mut HeaderMap) {
        security::dress(request, headers);
        self.cors.dress(request.headers(), headers);
        if let Some(standing) = request.extensions().get::<Standing>() {
            standing.dress(headers);
        }
    }
}
