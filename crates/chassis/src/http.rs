//! The HTTP server of a service: what surrounds every handler.
//!
//! Routes are written with their trailing slash; a path works without it too, with no redirect. Each request gets a
//! span that continues the caller's trace, `x-request-id` and `traceparent` on its answer, one access-log line with
//! the matched route, and metrics. `/healthz` says that the process lives, `/readyz` that it can work,
//! `/openapi.json` what it offers.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ResourceDef, Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::base::BaseConfig;
use crate::db::{self, Pool};
use crate::edge::Edge;
use crate::openapi;
use crate::problem::{Dialect, Problem};
use crate::telemetry;
use crate::trail::{self, Trail, Witness};
use crate::work::{Connection, Held, Work};

/// Requests under way are given this long to finish at shutdown.
pub const DRAIN: Duration = Duration::from_secs(20);

/// A TLS handshake takes no longer than this, or the connection ends.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Where a server listens, and whether it speaks TLS there.
pub struct Socket {
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
}

impl Socket {
    /// TLS, with HTTP/2 for clients that offer it and HTTP/1.1 for others.
    pub fn tls(listener: TcpListener, config: rustls::ServerConfig) -> Self {
        Self { listener, tls: Some(config) }
    }
}

impl From<TcpListener> for Socket {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// Registers a service's handlers and their state.
pub trait Routes: Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {}
impl<F: Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static> Routes for F {}

/// Whether a process can do its work now.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>);

impl Readiness {
    /// Ready when PostgreSQL answers. Redis is not asked: without it a service is slower, not down.
    pub fn of_database(pool: Pool) -> Self {
        Self::new(move || {
            let pool = pool.clone();
            async move { db::get(&pool).await.map(drop).map_err(|_problem| "the database does not answer".to_owned()) }
        })
    }

    /// Ready when `check` says so; otherwise it says what is missing.
    pub fn new<F>(check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(check())))
    }
}

/// Serves `routes` on `EHS_LISTEN` and metrics on `EHS_ADMIN_LISTEN` until `stop` is cancelled: the whole of a
/// service's `serve` command once its state is built.
///
/// # Errors
/// Names the address that is taken.
pub async fn serve_process(
    base: &BaseConfig,
    title: &'static str,
    routes: impl Routes,
    ready: Readiness,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (api, admin) = (bind(base.listen)?, bind(base.admin_listen)?);
    tracing::info!(address = %base.listen, "serving");
    tokio::try_join!(
        serve(api, base.http_workers, title, routes, ready.clone(), stop.clone()),
        serve_admin(admin, ready, |_| {}, stop),
    )?;
    Ok(())
}

/// Serves metrics and health on `EHS_ADMIN_LISTEN` until `stop` is cancelled: what a `worker` shows of itself.
///
/// # Errors
/// Names the address that is taken.
pub async fn serve_worker(base: &BaseConfig, ready: Readiness, stop: CancellationToken) -> anyhow::Result<()> {
    serve_admin(bind(base.admin_listen)?, ready, |_| {}, stop).await
}

/// Listens on an address.
///
/// # Errors
/// Names the address that is taken.
pub fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

/// Serves `routes` on `socket` until `stop` is cancelled, then finishes what is under way.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    socket: impl Into<Socket>,
    workers: usize,
    title: &'static str,
    routes: impl Routes,
    ready: Readiness,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut document = openapi::document(title, routes.clone());
    let methods = Arc::new(methods_by_path(&mut document));
    let document: web::Bytes = document.to_json().context("the OpenAPI document cannot be written")?.into();
    let work = Work::default();
    let connected = work.clone();
    let server = HttpServer::new(move || {
        let (document, methods, ready) = (document.clone(), methods.clone(), ready.clone());
        let (app, _document) = App::new().into_utoipa_app().configure(|config| routes(config)).split_for_parts();
        app.app_data(web::PathConfig::default().error_handler(|_why, _request| not_found().into()))
            .app_data(web::PayloadConfig::new(crate::strict_json::BODY_LIMIT))
            .app_data(web::Data::new(ready))
            .route("/healthz/", web::get().to(HttpResponse::Ok))
            .route("/readyz/", web::get().to(readyz))
            .route("/openapi.json", web::get().to(move || openapi_json(document.clone())))
            .default_service(web::to(move |request: HttpRequest| unmatched(request, methods.clone())))
            .wrap(from_fn(observe))
            .wrap_fn(|request, next| next.call(with_trailing_slash(request)))
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(DRAIN.as_secs())
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .tls_handshake_timeout(HANDSHAKE)
    // A body that follows its head in a second write waits, else, for the client's delayed acknowledgment: 40 ms.
    .tcp_nodelay(true)
    .on_connect(move |_stream, data| drop(data.insert(Connection::of(&connected))));
    let Socket { listener, tls } = socket.into();
    let secure = tls.is_some();
    let server = match tls {
        Some(config) => server.listen_rustls_0_23(listener, config)?.run(),
        None => server.listen(listener)?.run(),
    };
    // actix-web ends idle connections by itself, but for those of HTTP/2
    let idle = async {
        stop.cancelled().await;
        work.done().await;
    };
    tokio::select! {
        ended = stop_with(server, stop.clone()) => ended,
        () = idle, if secure => Ok(()),
    }
}

/// Serves `/metrics`, `/healthz`, `/readyz` and what `more` registers, for operators, until `stop` is cancelled.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve_admin(
    listener: TcpListener,
    ready: Readiness,
    more: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let server = HttpServer::new(move || {
        App::new()
            .configure(&more)
            .app_data(web::Data::new(ready.clone()))
            .route("/metrics", web::get().to(metrics_text))
            .route("/healthz", web::get().to(HttpResponse::Ok))
            .route("/readyz", web::get().to(readyz))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    stop_with(server, stop).await
}

async fn stop_with(server: actix_web::dev::Server, stop: CancellationToken) -> anyhow::Result<()> {
    let handle = server.handle();
    let running = tokio::spawn(server);
    stop.cancelled().await;
    handle.stop(true).await;
    running.await?.context("the HTTP server failed")
}

async fn metrics_text() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(telemetry::render_metrics())
}

async fn readyz(ready: web::Data<Readiness>) -> Result<HttpResponse, Problem> {
    match (ready.0)().await {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        Err(missing) => Err(Problem::unavailable("this service", missing)),
    }
}

async fn openapi_json(document: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document)
}

fn not_found() -> Problem {
    Problem::not_found("There is no such resource.")
}

type Methods = Vec<(ResourceDef, Vec<Method>)>;

fn methods_by_path(document: &mut OpenApi) -> Methods {
    let offered = |(path, item): (&String, _)| {
        (ResourceDef::new(path.as_str()), openapi::operations(item).map(|(method, _operation)| method).collect())
    };
    document.paths.paths.iter_mut().map(offered).collect()
}

/// What no handler took: 405 with `Allow` where the path exists with other methods, else 404.
async fn unmatched(request: HttpRequest, methods: Arc<Methods>) -> Result<HttpResponse, Problem> {
    let is_literal = |path: &ResourceDef| path.pattern().is_some_and(|pattern| !pattern.contains('{'));
    let matching: Vec<_> = methods.iter().filter(|(path, _)| path.is_match(request.path())).collect();
    // what `/users/login/` offers is not what `/users/{id}/` offers
    let literal = matching.iter().any(|(path, _)| is_literal(path));
    let meant = matching.iter().filter(|(path, _)| !literal || is_literal(path));
    let allow: Vec<&str> = meant.flat_map(|(_, offered)| offered.iter().map(Method::as_str)).collect();
    if allow.is_empty() || allow.contains(&request.method().as_str()) {
        return Err(not_found());
    }
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allow.join(", "))).finish());
    }
    Err(Problem::method_not_allowed(allow.join(", ")))
}

/// A path whose last segment is no file name gets its slash.
fn with_trailing_slash(mut request: ServiceRequest) -> ServiceRequest {
    let path = request.path();
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last.contains('.') {
        return request;
    }
    let query = request.query_string();
    let target = if query.is_empty() { format!("{path}/") } else { format!("{path}/?{query}") };
    let mut parts = request.head().uri.clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    request
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = Instant::now();
    let method = request.method().clone();
    // By the path as the handlers are found by it: decoded, or an encoded letter would hide an operation from the audit.
    let route = request.resource_map().match_pattern(request.match_info().as_str());
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    let request_id = request_id(&request);
    let span = request_span(&request, &method, &route, &request_id);
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let witness = request.app_data::<Arc<dyn Witness>>().filter(|_| is_operation(&route)).cloned();
    if witness.is_some() {
        Trail::begin(request.request(), &route, &span);
    }
    let edge = request.app_data::<Arc<dyn Edge>>().cloned();
    let place = request.conn_data::<Connection>().map(Connection::place);
    let answer = match place {
        Some(None) => Some(Err(Problem::too_many(1))),
        _ => edge.as_ref().and_then(|edge| edge.answer(request.request())),
    };
    let response = match answer {
        Some(Ok(answer)) => request.into_response(answer).map_into_right_body(),
        Some(Err(problem)) => request.error_response(problem).map_into_right_body(),
        None => next.call(request).instrument(span.clone()).await?.map_into_left_body(),
    };
    let refused = match witness {
        Some(witness) => {
            let trail = Trail::of(response.request());
            witness.before_answer(&trail, response.status()).instrument(span.clone()).await.err()
        }
        None => None,
    };
    let response = match refused {
        Some(problem) => response.into_response(HttpResponse::from_error(problem)).map_into_right_body(),
        None => response.map_into_left_body(),
    };
    let response = span.in_scope(|| finish_problem(response, &span));
    let status = response.status();
    record(&span, &method, &route, status, begun.elapsed());
    let mut response = with_ids(response, &request_id, &span);
    if let Some(edge) = edge {
        let request = response.request().clone();
        edge.dress(&request, response.headers_mut());
    }
    Ok(response.map_body(|_head, body| Held::new(body, place.flatten())))
}

/// Whether a route is one of those whose answers are audited: of clients, and more than what a server says of itself.
fn is_operation(route: &str) -> bool {
    route.starts_with("/api/") || (route.starts_with("/fhir/") && route != "/fhir/metadata/")
}

/// A method as a label: a client may invent methods without end, and each label is kept for good.
fn known(method: &Method) -> &str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if known.contains(method) { method.as_str() } else { "_OTHER" }
}

#[derive(Clone)]
struct RequestId(String);

/// The id of a request that [`serve`] handles, to be passed on.
pub fn request_id_of(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<RequestId>().map(|id| id.0.clone())
}

fn request_span(request: &ServiceRequest, method: &Method, route: &str, request_id: &str) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", known(method)),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = %method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request_id,
        trace_id = tracing::field::Empty,
    );
    let caller = request.headers().get(&TRACEPARENT).and_then(|value| value.to_str().ok());
    if let Some(caller) = caller {
        telemetry::set_parent(&span, caller);
    }
    if let Some(id) = telemetry::trace_id_of(&span) {
        span.record("trace_id", id);
    }
    span
}

/// The caller's request id where it is one that can be logged, else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let sent = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    sent.filter(harmless).map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// Gives a problem the path and the trace that it belongs to, and writes its cause to the log. An error of actix's
/// own becomes a problem of the same status.
fn finish_problem<B>(response: ServiceResponse<B>, span: &Span) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let Some(error) = response.response().error() else {
        return response.map_into_left_body();
    };
    let plain = error.as_error::<Problem>().is_none().then(|| plain_problem(response.status()));
    let finished = {
        let Some(problem) = error.as_error::<Problem>().or(plain.as_ref()) else {
            return response.map_into_left_body();
        };
        problem.log();
        let request = response.request();
        let dialect = request.app_data::<Arc<dyn Dialect>>();
        match dialect.and_then(|dialect| dialect.say(request, problem)) {
            Some((media_type, body)) => problem.response_of(media_type, body),
            None => problem.response(Some(&trail::without_secret(request)), telemetry::trace_id_of(span).as_deref()),
        }
    };
    response.into_response(finished).map_into_right_body()
}

fn plain_problem(status: StatusCode) -> Problem {
    Problem::new(status, status.canonical_reason().unwrap_or("The request failed."))
}

fn record(span: &Span, method: &Method, route: &str, status: StatusCode, took: Duration) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let labels =
        [("method", known(method).to_owned()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::histogram!("http_server_request_duration_seconds", &labels).record(took.as_secs_f64());
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(%method, route, status = status.as_u16(), milliseconds, "answered"));
}

fn with_ids<B>(mut response: ServiceResponse<B>, request_id: &str, span: &Span) -> ServiceResponse<B> {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(Ok(value)) = telemetry::traceparent_of(span).map(|text| HeaderValue::from_str(&text)) {
        headers.insert(TRACEPARENT, value);
    }
    response
}
