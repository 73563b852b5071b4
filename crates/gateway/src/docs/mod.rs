//! The services' OpenAPI documents made one, and a page that shows it.

mod merge;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use reqwest::{Client, Url, redirect};
use serde_json::Value;
use tokio::sync::Mutex;
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::merge::merge;
use crate::config;

/// How long a document is shown before the services are asked again.
const KEPT: Duration = Duration::from_secs(30);
/// The same for one with parts missing: a service that comes back is soon seen, one that hangs holds few callers up.
const KEPT_INCOMPLETE: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(2);
const LARGEST: usize = 4 * 1024 * 1024;

/// Where the page lies that shows the document.
pub const PAGE: &str = "/api/docs/";

/// A cluster that has a document, and the routes that lead to it.
pub struct Source {
    /// The cluster's name.
    pub name: String,
    /// Where it is.
    pub base: Url,
    /// The beginnings of the paths that clients reach it by.
    pub prefixes: Vec<String>,
}

impl Source {
    /// The clusters of a configuration that have a document.
    pub fn all(config: &config::Config) -> Vec<Self> {
        let documented = config.clusters.iter().filter(|(_, cluster)| cluster.openapi);
        let source = |(name, cluster): (&String, &config::Cluster)| {
            let routes = config.routes.iter().filter(|route| route.cluster == *name);
            let prefixes = routes.map(|route| route.prefix.clone()).collect();
            Some(Self { name: name.clone(), base: cluster.endpoints.first()?.clone(), prefixes })
        };
        documented.filter_map(source).collect()
    }
}

/// Where the documents come from, and the last one made.
#[derive(Clone)]
pub struct Documents(Arc<Inner>);

struct Inner {
    sources: Vec<Source>,
    client: Client,
    last: Mutex<Option<Kept>>,
}

struct Kept {
    until: Instant,
    document: Arc<Value>,
}

impl Documents {
    /// Documents of these clusters, each at `/openapi.json`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(sources: Vec<Source>) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(DEADLINE).no_proxy().redirect(redirect::Policy::none()).build()?;
        Ok(Self(Arc::new(Inner { sources, client, last: Mutex::new(None) })))
    }

    /// The one document; callers that come together wait for one another.
    async fn get(&self) -> Arc<Value> {
        let mut last = self.0.last.lock().await;
        if let Some(kept) = last.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Arc::clone(&kept.document);
        }
        let parts = join_all(self.0.sources.iter().map(|source| self.fetch(source))).await;
        let age = if parts.iter().all(Option::is_some) { KEPT } else { KEPT_INCOMPLETE };
        let document = Arc::new(merge(self.0.sources.iter().zip(parts)));
        *last = Instant::now().checked_add(age).map(|until| Kept { until, document: Arc::clone(&document) });
        document
    }

    async fn fetch(&self, source: &Source) -> Option<Value> {
        let address = source.base.join("openapi.json").ok()?;
        let mut answer = self.0.client.get(address).send().await.ok()?.error_for_status().ok()?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.ok()? {
            if text.len().saturating_add(chunk.len()) > LARGEST {
                return None;
            }
            text.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&text).ok().filter(Value::is_object)
    }
}

/// `/api/openapi.json` and `/api/docs/`.
pub fn routes(config: &mut web::ServiceConfig, documents: &Documents) {
    let page = SwaggerUi::new("/api/docs/{_:.*}").config(Config::from("/api/openapi.json"));
    config
        .app_data(web::Data::new(documents.clone()))
        .route("/api/openapi.json", web::get().to(document))
        .service(page);
}

async fn document(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().json(documents.get().await.as_ref())
}
