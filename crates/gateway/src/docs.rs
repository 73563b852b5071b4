//! The services' OpenAPI documents made one, and a page that shows it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use reqwest::{Client, Url, redirect};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use utoipa_swagger_ui::{Config, SwaggerUi};

const KEPT: Duration = Duration::from_secs(30);
const DEADLINE: Duration = Duration::from_secs(2);
const LARGEST: usize = 4 * 1024 * 1024;

/// Where the documents come from, and the last one made.
#[derive(Clone)]
pub struct Documents(Arc<Inner>);

struct Inner {
    sources: Vec<(String, Url)>,
    client: Client,
    last: Mutex<Option<(Instant, Arc<Value>)>>,
}

impl Documents {
    /// Documents of these clusters, each at `/openapi.json`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(sources: Vec<(String, Url)>) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(DEADLINE).no_proxy().redirect(redirect::Policy::none()).build()?;
        Ok(Self(Arc::new(Inner { sources, client, last: Mutex::new(None) })))
    }

    /// The one document, at most thirty seconds old; callers that come together wait for one another.
    async fn get(&self) -> Arc<Value> {
        let mut last = self.0.last.lock().await;
        if let Some((made, document)) = last.as_ref().filter(|(made, _)| made.elapsed() < KEPT) {
            let _ = made;
            return Arc::clone(document);
        }
        let parts = join_all(self.0.sources.iter().map(|(name, base)| self.fetch(name, base))).await;
        let complete = parts.iter().all(|(_, part)| part.is_some());
        let document = Arc::new(merge(&parts));
        *last = complete.then(|| (Instant::now(), Arc::clone(&document)));
        document
    }

    async fn fetch<'a>(&'a self, name: &'a str, base: &Url) -> (&'a str, Option<Value>) {
        let document = async {
            let response =
                self.0.client.get(base.join("openapi.json").ok()?).send().await.ok()?.error_for_status().ok()?;
            let bytes = response.bytes().await.ok().filter(|bytes| bytes.len() <= LARGEST)?;
            serde_json::from_slice(&bytes).ok()
        };
        (name, document.await)
    }
}

/// Makes one document of many. What a cluster does not say is missing, and the description says so.
fn merge(parts: &[(&str, Option<Value>)]) -> Value {
    let mut paths = Map::new();
    let mut components: Map<String, Value> = Map::new();
    for document in parts.iter().filter_map(|(_, document)| document.as_ref()) {
        paths.extend(members(document, "/paths"));
        for (kind, entries) in members(document, "/components") {
            let all = components.entry(kind).or_insert_with(|| json!({}));
            if let (Value::Object(all), Value::Object(entries)) = (all, entries) {
                all.extend(entries);
            }
        }
    }
    let missing: Vec<&str> = parts.iter().filter(|(_, document)| document.is_none()).map(|(name, _)| *name).collect();
    let description = if missing.is_empty() {
        "All services of EHS, as seen through the gateway.".to_owned()
    } else {
        format!("Not complete: {} could not be asked just now.", missing.join(", "))
    };
    json!({
        "openapi": "3.1.0",
        "info": {"title": "EHS", "version": env!("CARGO_PKG_VERSION"), "description": description},
        "paths": paths,
        "components": components,
    })
}

fn members(document: &Value, pointer: &str) -> Map<String, Value> {
    document.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
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

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_one_and_a_missing_one_is_named() {
        let books = json!({"paths": {"/books/": {}}, "components": {"schemas": {"Book": {}}}});
        let films = json!({"paths": {"/films/": {}}, "components": {"schemas": {"Film": {}}, "securitySchemes": {"token": {}}}});
        let one = merge(&[("books", Some(books)), ("films", Some(films)), ("songs", None)]);
        assert_eq!(one["paths"], json!({"/books/": {}, "/films/": {}}));
        assert_eq!(one["components"]["schemas"], json!({"Book": {}, "Film": {}}));
        assert!(one["info"]["description"].as_str().is_some_and(|text| text.contains("songs")));
    }
}
