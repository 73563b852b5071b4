//! What a request says of itself while it is answered: who, what, whose. And the [`Witness`] who must have it written down
//! before the answer leaves.
//!
//! [`http::serve`](crate::http::serve) begins a [`Trail`] for every operation, extractors and handlers add to it, and
//! where the app's data holds an `Arc<dyn Witness>`, no answer leaves before the witness agreed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::future::BoxFuture;
use tracing::Span;
use uuid::Uuid;

use crate::problem::Problem;
use crate::telemetry;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// The variable of a route that holds a secret.
const SECRET: &str = "{secret}";
const LONGEST_USER_AGENT: usize = 200;

/// Sees every answer of an operation before it leaves.
pub trait Witness: Send + Sync + 'static {
    /// Agrees, or says what is answered instead.
    fn before_answer<'a>(&'a self, trail: &'a Trail, status: StatusCode) -> BoxFuture<'a, Result<(), Problem>>;
}

/// Who does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user.
    pub user: i64,
    /// In what role.
    pub role: &'static str,
    /// Signed in by which session; none when that failed.
    pub session: Option<Uuid>,
}

/// What is known of a request from outside.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Method and matched route: `GET /api/patients/{id}/`.
    pub operation: String,
    /// Method and path, with ids and nothing else that a caller typed: `GET /api/patients/7/`.
    pub object: String,
    /// The client, as the gateway saw it.
    pub address: Option<IpAddr>,
    /// The client's program, shortened.
    pub user_agent: Option<String>,
    /// The trace that the request belongs to.
    pub trace_id: Option<String>,
}

/// What extractors and handlers said.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// Who; nobody before a token was found good.
    pub who: Option<Who>,
    /// The permission that was asked for.
    pub action: Option<&'static str>,
    /// Whether the action is about patients, so that a good answer must say about whom.
    pub concerns_patients: bool,
    /// Whose records; `None`: nobody has said.
    pub patients: Option<Vec<i64>>,
    /// Why, where the caller went beyond their care.
    pub reason: Option<String>,
    /// Whether it was written down in the transaction of the work.
    pub written: bool,
}

/// What a request says of itself. Cheap to clone: all clones are the same trail.
#[derive(Clone, Debug, Default)]
pub struct Trail(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    facts: Facts,
    noted: Mutex<Noted>,
}

impl Trail {
    /// The request's trail.
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions_mut().get_or_insert_with(Self::default).clone()
    }

    /// Begins the trail of a request that was matched to `route`.
    pub(crate) fn begin(request: &HttpRequest, route: &str, span: &Span) {
        let facts = Facts {
            operation: format!("{} {route}", request.method()),
            object: format!("{} {}", request.method(), ids_only(route, request.path())),
            address: address(request),
            user_agent: user_agent(request),
            trace_id: telemetry::trace_id_of(span),
        };
        request.extensions_mut().insert(Self(Arc::new(Inner { facts, noted: Mutex::default() })));
    }

    /// A trail that no request began, of work that the service does by itself or of a test.
    pub fn of_facts(facts: Facts) -> Self {
        Self(Arc::new(Inner { facts, noted: Mutex::default() }))
    }

    /// What is known from outside.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// What was said until now.
    pub fn noted(&self) -> Noted {
        self.lock().clone()
    }

    /// Takes over who asks for what from another trail, and not whose records.
    pub fn follows(&self, other: &Self) {
        let noted = Noted { patients: None, written: false, ..other.noted() };
        *self.lock() = noted;
    }

    /// Says who it is.
    pub fn is_by(&self, who: Who) {
        self.lock().who = Some(who);
    }

    /// Says what is asked for.
    pub fn asks_for(&self, action: &'static str, concerns_patients: bool) {
        let mut noted = self.lock();
        (noted.action, noted.concerns_patients) = (Some(action), concerns_patients);
    }

    /// Says that the answer shows something of these patients; of nobody where there are none.
    pub fn shows(&self, patients: impl IntoIterator<Item = i64>) {
        let mut noted = self.lock();
        let all = noted.patients.get_or_insert_default();
        let mut seen: HashSet<i64> = all.iter().copied().collect();
        all.extend(patients.into_iter().filter(|patient| seen.insert(*patient)));
    }

    /// Says that the answer is one that was given, and written down, before.
    pub fn repeats(&self) {
        self.shows([]);
    }

    /// Says why the caller goes beyond their care.
    pub fn breaks_glass(&self, reason: &str) {
        self.lock().reason = Some(reason.to_owned());
    }

    /// Says that it is written down.
    pub fn is_written(&self) {
        self.lock().written = true;
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path, with `?` where the route has a variable and the caller sent no id, or what is nobody else's to know.
fn ids_only(route: &str, path: &str) -> String {
    let is_id = |part: &str| part.parse::<i64>().is_ok() || part.parse::<Uuid>().is_ok();
    let parts = route.split('/').zip(path.split('/'));
    let parts = parts.map(|(pattern, part)| match pattern.starts_with('{') {
        true if is_id(part) && pattern != SECRET => part,
        true => "?",
        false => pattern,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The path, with `?` where the route says that a part of it is a `{secret}`: no answer repeats one.
pub(crate) fn without_secret(request: &HttpRequest) -> Cow<'_, str> {
    let route = request.resource_map().match_pattern(request.match_info().as_str());
    let route = route.filter(|route| route.split('/').any(|part| part == SECRET));
    let Some(route) = route else { return Cow::Borrowed(request.path()) };
    let parts = route.split('/').zip(request.path().split('/'));
    let parts = parts.map(|(pattern, part)| if pattern == SECRET { "?" } else { part });
    Cow::Owned(parts.collect::<Vec<_>>().join("/"))
}

/// The gateway replaces what a client sent; without a gateway it is the peer's.
fn address(request: &HttpRequest) -> Option<IpAddr> {
    let forwarded = request.headers().get_all(FORWARDED_FOR).next_back().and_then(|value| value.to_str().ok());
    let last = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|text| text.trim().parse().ok());
    last.or_else(|| request.peer_addr().map(|peer| peer.ip()))
}

fn user_agent(request: &HttpRequest) -> Option<String> {
    let text = String::from_utf8_lossy(request.headers().get(header::USER_AGENT)?.as_bytes()).into_owned();
    Some(text.chars().filter(|c| !c.is_control()).take(LONGEST_USER_AGENT).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn an_object_holds_ids_and_nothing_else_that_was_typed() {
        assert_eq!(ids_only("/api/patients/{id}/", "/api/patients/7/"), "/api/patients/7/");
        assert_eq!(ids_only("/api/patients/{id}/", "/api/patients/Lakshmi/"), "/api/patients/?/");
        assert_eq!(ids_only("/api/users/{id:-?[0-9]+}/", "/api/users/12/"), "/api/users/12/");
        assert_eq!(ids_only("/feeds/{secret}/x", "/feeds/12/x"), "/feeds/?/x");
    }

    #[test]
    fn the_gateways_word_on_the_address_counts_and_the_program_is_shortened() {
        let request = TestRequest::get()
            .append_header((FORWARDED_FOR, "10.9.9.9, 203.0.113.7"))
            .append_header((header::USER_AGENT, "x".repeat(999)))
            .to_http_request();
        Trail::begin(&request, "/api/patients/", &Span::none());
        let trail = Trail::of(&request);
        assert_eq!(trail.facts().address, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(trail.facts().user_agent.as_ref().unwrap().len(), LONGEST_USER_AGENT);
    }

    #[test]
    fn all_clones_are_one_trail() {
        let trail = Trail::default();
        trail.clone().shows([7, 7, 8]);
        assert_eq!(trail.noted().patients, Some(vec![7, 8]));
    }
}
