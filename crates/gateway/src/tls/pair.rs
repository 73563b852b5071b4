//! A certificate and its key, as two files have them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

use crate::config::Tls;

/// A pair that can be served with.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What rustls signs handshakes with.
    pub key: Arc<CertifiedKey>,
    /// When clients stop to believe it.
    pub expires: SystemTime,
}

/// Why a pair cannot be served with. None of these says where the key lies or what is in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file cannot be read.
    #[error("the {0} cannot be read: {1}")]
    Unreadable(&'static str, io::ErrorKind),
    /// A file is larger than any such file.
    #[error("the {0} is no PEM file of a sensible size")]
    TooLarge(&'static str),
    /// No certificate, or one that is none.
    #[error("the certificate is no PEM of X.509")]
    NoCertificate,
    /// No key, or one that is none.
    #[error("the key is no PEM of a private key")]
    NoKey,
    /// Key and certificate are of two pairs, or of a kind that TLS has no use for.
    #[error("key and certificate do not serve together: {0}")]
    Mismatch(String),
    /// Clients would not believe it.
    #[error("the certificate has expired, or is not valid yet")]
    NotNow,
}

impl Pair {
    /// Reads and checks both files.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn load(files: &Tls) -> Result<Self, Fault> {
        let (chain, key) = (read("certificate", &files.certificate)?, read("key", &files.key)?);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|_pem| Fault::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_pem| Fault::NoKey)?;
        let expires = expiry(chain.first().ok_or(Fault::NoCertificate)?)?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(|why| Fault::Mismatch(why.to_string()))?;
        Ok(Self { key: Arc::new(key), expires })
    }

    /// Until clients stop to believe it; zero when they have.
    pub fn left(&self) -> Duration {
        self.expires.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Fault> {
    const LARGEST: u64 = 1024 * 1024;
    let unreadable = |why: io::Error| Fault::Unreadable(what, why.kind());
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(Fault::TooLarge(what));
    }
    std::fs::read(path).map_err(unreadable)
}

fn expiry(certificate: &CertificateDer<'_>) -> Result<SystemTime, Fault> {
    let (_rest, certificate) = parse_x509_certificate(certificate).map_err(|_der| Fault::NoCertificate)?;
    let validity = certificate.validity();
    let seconds = u64::try_from(validity.not_after.timestamp()).map_err(|_past| Fault::NotNow)?;
    if validity.is_valid() {
        return UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(Fault::NoCertificate);
    }
    Err(Fault::NotNow)
}
