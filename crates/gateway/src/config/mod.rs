//! Listeners, routes and clusters, in Envoy's shape. `gateway.example.yaml` shows every key.

pub mod cors;
mod limits;
mod load;
mod named;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use chassis::strict_json::{Fault, Faults as Broken, from_str};
use deserr::Deserr;
use ipnet::IpNet;
use serde::Serialize;
use url::Url;

pub use cors::Cors;
pub use limits::{Key, Limit};
pub use load::Faults;
pub use named::Named;
pub use tls::Tls;

/// The whole configuration. It holds no secret.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Config {
    /// Where clients come in.
    pub listener: Listener,
    /// Where operators look.
    pub admin: Admin,
    /// Which browsers' pages may read answers.
    #[deserr(default)]
    pub cors: Cors,
    /// How many requests come through, by name.
    #[deserr(default)]
    pub limits: Named<Limit>,
    /// The first whose prefix fits a path wins.
    pub routes: Vec<Route>,
    /// What routes lead to, by name.
    pub clusters: Named<Cluster>,
}

/// Where clients come in.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Listener {
    /// Address and port.
    #[deserr(try_from(String) = from_str::<SocketAddr> -> Fault)]
    pub address: SocketAddr,
    /// Threads.
    #[deserr(default = default::workers(), try_from(usize) = load::positive -> Fault)]
    pub workers: usize,
    /// Networks of the proxies in front, whose `X-Forwarded-For` is believed; nobody's when empty.
    #[deserr(default, try_from(Vec<String>) = load::networks -> Fault)]
    #[serde(serialize_with = "as_texts")]
    pub trusted_proxies: Vec<IpNet>,
    /// TLS instead of plain HTTP.
    #[deserr(default)]
    pub tls: Option<Tls>,
}

/// Where operators look.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Admin {
    /// Address and port.
    #[deserr(try_from(String) = from_str::<SocketAddr> -> Fault)]
    pub address: SocketAddr,
}

/// Which requests go where, and on what terms.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Route {
    /// The path's beginning, with a slash at both ends; without one at its end it is the whole path. `*` is any one segment.
    #[deserr(try_from(String) = load::plain_path -> Fault)]
    pub prefix: String,
    /// The cluster's name.
    pub cluster: String,
    /// Whether a token is needed.
    pub auth: Auth,
    /// Until the answer's headers, in milliseconds.
    #[deserr(default = default::timeout_ms(), try_from(u64) = load::positive -> Fault)]
    timeout_ms: u64,
    /// Bytes of a request's body at most.
    #[deserr(default = default::body_limit())]
    pub body_limit: u64,
    /// Names of the limits that hold for it, all of them.
    #[deserr(default)]
    pub limits: Vec<String>,
    /// In what words its clients hear of the gateway's own errors.
    #[deserr(default)]
    pub errors: Errors,
}

impl Route {
    /// Until the answer's headers.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Whether a route needs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, Serialize)]
#[deserr(error = Broken, rename_all = lowercase)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// A token is not looked at; the service does that.
    None,
    /// No token is well, a bad one 401.
    Optional,
    /// 401 without a good token.
    Required,
}

/// In what words the gateway tells errors of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserr, Serialize)]
#[deserr(error = Broken, rename_all = lowercase)]
#[serde(rename_all = "lowercase")]
pub enum Errors {
    /// `application/problem+json`, or FHIR's for whoever accepts that.
    #[default]
    Problem,
    /// An `OperationOutcome`.
    Fhir,
}

/// A service's replicas.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Cluster {
    /// Base addresses, taken in turn.
    #[deserr(try_from(Vec<String>) = load::addresses -> Fault)]
    pub endpoints: Vec<Url>,
    /// To connect, in milliseconds.
    #[deserr(default = default::connect_timeout_ms(), try_from(u64) = load::positive -> Fault)]
    connect_timeout_ms: u64,
    /// The longest pause within an answer, in milliseconds.
    #[deserr(default = default::idle_timeout_ms(), try_from(u64) = load::positive -> Fault)]
    idle_timeout_ms: u64,
    /// Whether its `/openapi.json` becomes part of ours.
    #[deserr(default)]
    pub openapi: bool,
}

impl Cluster {
    /// To connect.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// The longest pause within an answer.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}

fn as_texts<S: serde::Serializer>(networks: &[IpNet], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(networks.iter().map(ToString::to_string))
}

mod default {
    pub(super) fn workers() -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }

    pub(super) fn timeout_ms() -> u64 {
        10_000
    }

    pub(super) fn body_limit() -> u64 {
        1024 * 1024
    }

    pub(super) fn connect_timeout_ms() -> u64 {
        1_000
    }

    pub(super) fn idle_timeout_ms() -> u64 {
        30_000
    }
}
