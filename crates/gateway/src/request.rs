//! The life of a request: match → identify → count → check the session → pass on → answer. What surrounds it (span, ids,
//! access log, metrics) is `chassis::http`, as in every service.

use std::net::IpAddr;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use auth::Actor;
use chassis::problem::Problem;
use chassis::telemetry;
use reqwest::{Request, Response};
use tracing::Instrument;

use crate::config::{Errors, Route};
use crate::error::Error;
use crate::limits::Caller;
use crate::route::{Table, unambiguous};
use crate::upstream::Cluster;
use crate::{Gateway, authn, body, client, headers, outcome};

/// Registers every route of the table, in its order.
pub fn routes(config: &mut web::ServiceConfig, table: &Table) {
    for (index, pattern) in table.patterns() {
        let handler = move |request, payload, gateway| serve(request, payload, gateway, index);
        let resource = web::resource(pattern).default_service(web::to(handler));
        config.service(match table.get(index).map(|route| route.errors) {
            Some(Errors::Fhir) => resource.app_data(outcome::for_fhir_clients()),
            Some(Errors::Problem) | None => resource,
        });
    }
}

async fn serve(
    request: HttpRequest,
    payload: web::Payload,
    gateway: web::Data<Gateway>,
    route: usize,
) -> Result<HttpResponse, Problem> {
    let route = gateway.table.get(route).ok_or_else(|| Problem::internal("a route that is not in the table"))?;
    let cluster =
        gateway.clusters.get(&route.cluster).ok_or_else(|| Problem::internal("a cluster that is not there"))?;
    unambiguous(request.uri().path())
        .map_err(|_ambiguous| Error::Ambiguous("the path can be read in more than one way"))?;
    if headers::is_loop(request.headers()) {
        return Err(Error::Loop.into());
    }
    let address = client::address(request.peer_addr().map(|peer| peer.ip()), request.headers(), &gateway.proxies);
    let actor = authn::identify(&request, route.auth).await;
    let known = actor.as_ref().ok().and_then(Option::as_ref);
    // asked at once, they are one round trip to Redis
    let (admitted, session) = tokio::join!(
        admit(&request, route, &gateway, address, known),
        authn::check_session(known, &gateway.revocations)
    );
    // Guessing tokens counts too, so that this comes before a bad one is refused.
    admitted?;
    actor?;
    session?;
    pass_on(&request, payload, route, cluster, address).await
}

/// Counts the request, and has its answer say how its caller stands.
async fn admit(
    request: &HttpRequest,
    route: &Route,
    gateway: &Gateway,
    address: Option<IpAddr>,
    actor: Option<&Actor>,
) -> Result<(), Problem> {
    let caller = Caller { user: actor.map(|actor| actor.user_id), address };
    let Some(standing) = gateway.limits.take(&route.limits, caller).await else { return Ok(()) };
    let admitted = standing.check();
    request.extensions_mut().insert(standing);
    admitted
}

async fn pass_on(
    request: &HttpRequest,
    payload: web::Payload,
    route: &Route,
    cluster: &Cluster,
    address: Option<IpAddr>,
) -> Result<HttpResponse, Problem> {
    let span = tracing::info_span!(
        "upstream",
        otel.name = format!("{} {}", request.method(), route.prefix),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        cluster = route.cluster,
        http.response.status_code = tracing::field::Empty,
    );
    let mut body = body::pass_on(request, payload, route).await?;
    let outgoing = outgoing(request, cluster, address, body.stream.take(), &span)?;
    let answer = cluster.send(outgoing, route.timeout()).instrument(span.clone()).await;
    match answer {
        Ok(answer) => {
            span.record("http.response.status_code", answer.status().as_u16());
            to_client(request, cluster, answer)
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            Err(body.fault().unwrap_or(error).into())
        }
    }
}

fn outgoing(
    request: &HttpRequest,
    cluster: &Cluster,
    address: Option<IpAddr>,
    body: Option<reqwest::Body>,
    span: &tracing::Span,
) -> Result<Request, Problem> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let target = cluster.address(target).ok_or(Error::Ambiguous("the address cannot be read"))?;
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).map_err(Problem::internal)?;
    let host = headers::host(request.uri(), request.headers());
    let client = headers::Client {
        secure: request.app_config().secure(),
        address: address.map(|address| address.to_string()),
        host: host.ok_or(Error::Ambiguous("one host must be named, and in one way"))?,
        request_id: chassis::http::request_id_of(request),
        traceparent: telemetry::traceparent_of(span),
    };
    let mut builder =
        cluster.client().request(method, target).headers(headers::to_upstream(request.headers(), &client));
    if let Some(body) = body {
        builder = builder.body(body);
    }
    builder.build().map_err(Problem::internal)
}

fn to_client(request: &HttpRequest, cluster: &Cluster, answer: Response) -> Result<HttpResponse, Problem> {
    let status = StatusCode::from_u16(answer.status().as_u16()).map_err(Problem::internal)?;
    let mut response = HttpResponse::build(status);
    for (name, value) in headers::to_client(answer.headers()) {
        response.append_header((name, value));
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(response.finish());
    }
    if request.method() == Method::HEAD {
        return Ok(head(response, answer.headers()));
    }
    if let Some(length) = answer.content_length() {
        response.no_chunking(length);
    }
    Ok(response.streaming(cluster.body(answer)))
}

/// To HEAD, the length that GET's answer would have, and no body.
fn head(mut response: HttpResponseBuilder, headers: &reqwest::header::HeaderMap) -> HttpResponse {
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(length) = length {
        response.no_chunking(length);
    }
    response.streaming(futures_util::stream::empty::<reqwest::Result<web::Bytes>>())
}
