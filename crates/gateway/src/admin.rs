//! What operators see beside metrics and health: the clusters and the configuration.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

use crate::config::Config;
use crate::upstream::Clusters;

/// `/clusters` and `/config`.
pub fn routes(
    config: Arc<Config>,
    clusters: Arc<Clusters>,
) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |app| {
        let (config, clusters) = (Arc::clone(&config), Arc::clone(&clusters));
        app.route("/clusters", web::get().to(move || json(&clusters.view())));
        app.route("/config", web::get().to(move || json(&*config)));
    }
}

fn json(value: &impl serde::Serialize) -> std::future::Ready<HttpResponse> {
    std::future::ready(HttpResponse::Ok().json(value))
}
