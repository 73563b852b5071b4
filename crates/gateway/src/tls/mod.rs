//! TLS for clients, with a certificate that is exchanged while the gateway runs.

mod pair;
mod redirect;
mod watch;

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

pub use self::pair::{Fault, Pair};
pub use self::redirect::redirect;
pub use self::watch::watch;

/// The pair that handshakes are answered with. A connection keeps the one that it began with.
#[derive(Debug)]
pub struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    /// Begins with this pair.
    pub fn new(pair: Pair) -> Arc<Self> {
        Arc::new(Self(RwLock::new(pair.key)))
    }

    /// Takes this pair from the next handshake on.
    pub fn exchange(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair.key;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS 1.3 and 1.2 with rustls's choice of ciphers; HTTP/2 and HTTP/1.1 are offered by the server.
///
/// # Errors
/// None in practice: the provider has ciphers for both versions.
pub fn server_config(current: Arc<Current>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
    Ok(versions.with_no_client_auth().with_cert_resolver(current))
}
