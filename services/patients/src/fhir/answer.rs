//! What every answer in FHIR has: its media type, where the client reaches it, and that nobody else keeps it.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use chassis::etag;
use chassis::problem::Problem;
use diesel_async::AsyncPgConnection;
use fhir::bundle::Link;
use fhir::{Bundle, Naming};
use serde::Serialize;

use super::rows;
use crate::app::App;
use crate::merge::survivor;
use crate::patient::Patient;

/// Where the client reaches this system: the gateway's address, from its `X-Forwarded-*`.
pub fn origin(http: &HttpRequest) -> String {
    let connection = http.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

/// What resources are called under the door for FHIR clients.
pub fn naming(origin: &str) -> Naming {
    Naming::Served { base: format!("{origin}/fhir") }
}

/// A `Patient`, or 304 when the client has this version.
///
/// # Errors
/// When PostgreSQL refuses; 500 when it cannot be written.
pub async fn patient(
    conn: &mut AsyncPgConnection,
    http: &HttpRequest,
    app: &App,
    found: &Patient,
) -> Result<HttpResponse, Problem> {
    if let Some(answer) = etag::not_modified(http, found.version) {
        return Ok(answer);
    }
    let former_ids = survivor::former_ids(conn, &[found.id]).await?.remove(&found.id).unwrap_or_default();
    let key = found.id.to_string();
    let mut answer =
        resource(&fhir::patient::patient(&rows::patient(found, &former_ids, &key, &app.patient_id_system)))?;
    if let Ok(tag) = header::HeaderValue::from_str(&etag::tag(found.version)) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    Ok(answer)
}

/// A `Bundle`, counted by what it holds.
///
/// # Errors
/// 500 when it cannot be written.
pub fn bundle(bundle: &Bundle) -> Result<HttpResponse, Problem> {
    for entry in &bundle.entry {
        metrics::counter!("fhir_resources_total", "type" => entry.resource.type_name()).increment(1);
    }
    resource(bundle)
}

/// Any resource.
///
/// # Errors
/// 500 when it cannot be written.
pub fn resource(resource: &impl Serialize) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(resource).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type(fhir::MEDIA_TYPE)
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(body))
}

/// This page and the next one: the same address with a sealed cursor, so that no URL shows what was looked for.
pub fn links(address: &str, this: Option<&str>, next: Option<&str>) -> Vec<Link> {
    let at = |cursor: &str| {
        let joint = if address.contains('?') { '&' } else { '?' };
        format!("{address}{joint}_cursor={cursor}")
    };
    let this = Link { relation: "self", url: this.map_or_else(|| address.to_owned(), at) };
    let next = next.map(|cursor| Link { relation: "next", url: at(cursor) });
    std::iter::once(this).chain(next).collect()
}
