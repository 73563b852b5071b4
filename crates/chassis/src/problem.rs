//! Errors as clients see them: RFC 9457 `application/problem+json`. The only way an error becomes an answer.

use std::error::Error as StdError;
use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use serde_json::{Map, Value, json};

use crate::strict_json::{Fault, Faults};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

type Cause = Box<dyn StdError + Send + Sync>;

/// Says errors to clients of another standard in its words. A server has one where its app data holds an
/// `Arc<dyn Dialect>`; status and headers stay what they are.
pub trait Dialect: Send + Sync {
    /// The body and its media type, where the request's client speaks it.
    fn say(&self, request: &HttpRequest, problem: &Problem) -> Option<(&'static str, Vec<u8>)>;
}

/// Whether a request's `Accept` names a media type; a wildcard names none.
pub fn accepts(request: &HttpRequest, media_type: &str) -> bool {
    let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type))
}

/// An error answer: what the client reads, and apart from it the cause that only the log sees.
pub struct Problem(Box<Inner>);

struct Inner {
    status: StatusCode,
    slug: Option<&'static str>,
    detail: String,
    faults: Vec<Fault>,
    members: Map<String, Value>,
    headers: Vec<(header::HeaderName, String)>,
    cause: Option<Cause>,
}

impl Problem {
    /// A problem of any status. `detail` is for the client: no patient data, no internals.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            slug: None,
            detail: detail.into(),
            faults: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// 400 with every fault of the input.
    pub fn bad_request(faults: Faults) -> Self {
        let mut problem =
            Self::new(StatusCode::BAD_REQUEST, "The request has faults; see errors.").with_type("invalid-input");
        problem.0.faults = faults.0;
        problem
    }

    /// 400 with one fault.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::bad_request(Faults(vec![Fault::new(code, message).at(field)]))
    }

    /// 401 with `WWW-Authenticate: Bearer` (RFC 6750). `error` is RFC 6750's code, none where no token came.
    pub fn unauthorized(error: Option<&'static str>, detail: impl Into<String>) -> Self {
        let challenge = match error {
            Some(error) => format!("Bearer realm=\"ehs\", error=\"{error}\""),
            None => "Bearer realm=\"ehs\"".to_owned(),
        };
        Self::new(StatusCode::UNAUTHORIZED, detail).with_header(header::WWW_AUTHENTICATE, challenge)
    }

    /// 403: this role may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: not there, or not for the caller to know of.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 405 with `Allow`.
    pub fn method_not_allowed(allow: String) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This resource has no such method; see Allow.")
            .with_header(header::ALLOW, allow)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 412: `If-Match` names another version.
    pub fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "The resource has changed since it was read; read it again.")
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {limit} bytes."))
    }

    /// 415.
    pub fn unsupported_media(expected: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("The body must be {expected}."))
    }

    /// 429 with `Retry-After` in seconds.
    pub fn too_many(retry_after: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests.")
            .with_header(header::RETRY_AFTER, retry_after.to_string())
    }

    /// 503 with `Retry-After`: `what` (for the client: "the database") is down.
    pub fn unavailable(what: &str, cause: impl Into<Cause>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("Not available at the moment: {what}."))
            .with_header(header::RETRY_AFTER, "1".to_owned())
            .with_cause(cause)
    }

    /// 500. The client learns nothing but the trace id.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.").with_cause(cause)
    }

    /// Names the kind of problem: `type` becomes `urn:ehs:problem:{slug}`.
    pub fn with_type(mut self, slug: &'static str) -> Self {
        self.0.slug = Some(slug);
        self
    }

    /// Adds an extension member, such as `conflicts`.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: header::HeaderName, value: String) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Keeps what went wrong for the log; the client never sees it.
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What the client is told, in words.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The faults of the input, for a 400.
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// The answer, with the path and the trace that it belongs to.
    pub fn response(&self, instance: Option<&str>, trace_id: Option<&str>) -> HttpResponse {
        self.response_of(MEDIA_TYPE, self.body(instance, trace_id).to_string().into_bytes())
    }

    /// The answer in other words.
    pub(crate) fn response_of(&self, media_type: &'static str, body: Vec<u8>) -> HttpResponse {
        let mut builder = HttpResponseBuilder::new(self.0.status);
        builder.content_type(media_type);
        for (name, value) in &self.0.headers {
            builder.insert_header((name.clone(), value.as_str()));
        }
        builder.body(body)
    }

    fn body(&self, instance: Option<&str>, trace_id: Option<&str>) -> Value {
        let mut body = Map::new();
        let kind = self.0.slug.map_or_else(|| "about:blank".to_owned(), |slug| format!("urn:ehs:problem:{slug}"));
        body.insert("type".into(), kind.into());
        body.insert("title".into(), self.0.status.canonical_reason().unwrap_or("Error").into());
        body.insert("status".into(), self.0.status.as_u16().into());
        body.insert("detail".into(), self.0.detail.clone().into());
        body.insert("instance".into(), json!(instance));
        body.insert("trace_id".into(), json!(trace_id));
        if !self.0.faults.is_empty() {
            body.insert("errors".into(), json!(self.0.faults));
        }
        body.extend(self.0.members.clone());
        Value::Object(body)
    }

    /// Writes the cause to the log: as an error when the fault is ours.
    pub(crate) fn log(&self) {
        let Some(cause) = &self.0.cause else { return };
        let chain = chain(cause.as_ref());
        if self.0.status.is_server_error() {
            tracing::error!(status = self.0.status.as_u16(), cause = chain, "request failed");
        } else {
            tracing::info!(status = self.0.status.as_u16(), cause = chain, "request refused");
        }
    }
}

fn chain(cause: &(dyn StdError + 'static)) -> String {
    let mut text = safe(cause);
    let mut next = cause.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&safe(cause));
        next = cause.source();
    }
    text
}

/// PostgreSQL's messages quote values ("Key (phone)=(+91…) already exists"); only constraint and kind are safe.
fn safe(cause: &(dyn StdError + 'static)) -> String {
    match cause.downcast_ref::<DieselError>() {
        Some(DieselError::DatabaseError(kind, info)) => {
            format!("database error {kind:?}, constraint {:?}, table {:?}", info.constraint_name(), info.table_name())
        }
        _ => cause.to_string(),
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status, self.0.detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status, self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None, None)
    }
}

impl From<DieselError> for Problem {
    fn from(fault: DieselError) -> Self {
        // Where the rollback failed too, since the connection is gone, what counts is why the commit did.
        if let DieselError::RollbackErrorOnCommit { commit_error, .. } = fault {
            return Self::from(*commit_error);
        }
        match &fault {
            DieselError::NotFound => Self::not_found("There is no such resource."),
            DieselError::DatabaseError(
                DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand,
                _,
            ) => Self::unavailable("the database", fault),
            DieselError::DatabaseError(_, info) if is_passing(info.message()) => {
                Self::unavailable("the database", fault)
            }
            DieselError::BrokenTransactionManager => Self::unavailable("the database", fault),
            _ => Self::internal(fault),
        }
    }
}

/// Diesel has no kind for these; PostgreSQL's own texts are stable for them (SQLSTATE 57014, 40P01, 57P01, 53300), and the
/// driver's for a connection that is lost.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 7] = [
        "canceling statement due to",
        "deadlock detected",
        "terminating connection due to",
        "too many clients",
        "the database system is",
        "connection closed",
        "error communicating with the server",
    ];
    PASSING.iter().any(|text| message.contains(text))
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for Problem {
    fn from(fault: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        Self::unavailable("the database", fault)
    }
}
