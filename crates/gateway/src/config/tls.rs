//! Where the listener's certificate lies.

use std::net::SocketAddr;
use std::path::PathBuf;

use chassis::strict_json::{Fault, Faults as Broken, from_str};
use deserr::Deserr;
use serde::Serialize;

/// A certificate and its key: read at start, and again whenever the files change.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Tls {
    /// PEM: the server's certificate first, then those that lead to its authority.
    #[deserr(try_from(String) = file -> Fault)]
    pub certificate: PathBuf,
    /// PEM: its private key. `/config` does not say where it lies.
    #[deserr(try_from(String) = file -> Fault)]
    #[serde(skip)]
    pub key: PathBuf,
    /// Where plain HTTP is told to come back by TLS.
    #[deserr(default, try_from(Option<String>) = address -> Fault)]
    pub redirect: Option<SocketAddr>,
}

fn file(path: String) -> Result<PathBuf, Fault> {
    if path.is_empty() { Err(Fault::new("required", "must name a file")) } else { Ok(path.into()) }
}

fn address(text: Option<String>) -> Result<Option<SocketAddr>, Fault> {
    text.map(from_str::<SocketAddr>).transpose()
}
