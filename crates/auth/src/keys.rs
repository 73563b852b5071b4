//! Signing keys, which only `users` holds, and the public key set that everyone reads.
//!
//! The file holds PKCS#8 PEM keys: `{"current": {"kid", "pem"}, "previous": {"kid", "pem"} | null}`. Tokens are signed with
//! the current key and verify with both, so that [`SigningKeys::rotated`] signs nobody out.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Claims;

/// Longest key id that is accepted.
pub const MAX_KID: usize = 64;

/// The keys that sign tokens.
pub struct SigningKeys {
    current: SigningKey,
    previous: Option<SigningKey>,
}

struct SigningKey {
    kid: String,
    pem: SecretString,
    public: Vec<u8>,
    encoding: EncodingKey,
}

/// What is wrong with keys. No key material is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The file is not the JSON that it should be.
    #[error("not a signing key file: line {line}, column {column}")]
    Json {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
    /// The PEM holds no PKCS#8 Ed25519 private key.
    #[error("key {0:?} is not a PKCS#8 PEM of an Ed25519 private key")]
    Pem(String),
    /// A key id that cannot be used.
    #[error("a key id must have 1 to {MAX_KID} visible ASCII characters, and the two keys must differ in it")]
    Kid,
    /// The random source or the signature failed.
    #[error("the cryptographic library failed")]
    Crypto,
    /// Signing failed.
    #[error("a token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

impl SigningKeys {
    /// One new key and no previous one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, KeyFault> {
        Ok(Self { current: SigningKey::generate()?, previous: None })
    }

    /// A new key signs from now on; the one that signed until now still verifies, and the one before it no more.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn rotated(self) -> Result<Self, KeyFault> {
        Ok(Self { current: SigningKey::generate()?, previous: Some(self.current) })
    }

    /// Reads the key file's text.
    ///
    /// # Errors
    /// When it is not one, or a key in it is unusable.
    pub fn parse(file: &SecretString) -> Result<Self, KeyFault> {
        // serde's own message may quote the input, which is a private key
        let file: KeyFile = serde_json::from_str(file.expose_secret())
            .map_err(|fault| KeyFault::Json { line: fault.line(), column: fault.column() })?;
        let current = SigningKey::parse(file.current)?;
        let previous = file.previous.map(SigningKey::parse).transpose()?;
        if previous.as_ref().is_some_and(|previous| previous.kid == current.kid) {
            return Err(KeyFault::Kid);
        }
        Ok(Self { current, previous })
    }

    /// The key file's text. Keep it where only `users` can read it.
    ///
    /// # Errors
    /// Never in practice; serialising strings cannot fail.
    pub fn to_file(&self) -> Result<SecretString, KeyFault> {
        let file = KeyFile { current: self.current.entry(), previous: self.previous.as_ref().map(SigningKey::entry) };
        let text = serde_json::to_string_pretty(&file).map_err(|_fault| KeyFault::Crypto)?;
        Ok(SecretString::from(text + "\n"))
    }

    /// Id of the key that signs.
    #[must_use]
    pub fn current_kid(&self) -> &str {
        &self.current.kid
    }

    /// The public halves, current first.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: std::iter::once(&self.current).chain(&self.previous).map(SigningKey::jwk).collect() }
    }

    /// A token with these claims, signed with the current key.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyFault> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.current.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.current.encoding).map_err(KeyFault::Sign)
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeys").field("current", &self.current.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    fn generate() -> Result<Self, KeyFault> {
        let pair = Ed25519KeyPair::generate().map_err(|_unspecified| KeyFault::Crypto)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_unspecified| KeyFault::Crypto)?;
        Self::new(thumbprint(pair.public_key().as_ref()), SecretString::from(pem_of(der.as_ref())))
    }

    fn parse(entry: KeyEntry) -> Result<Self, KeyFault> {
        Self::new(entry.kid, SecretString::from(entry.pem))
    }

    fn new(kid: String, pem: SecretString) -> Result<Self, KeyFault> {
        if kid.is_empty() || kid.len() > MAX_KID || !kid.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(KeyFault::Kid);
        }
        let der = der_of(pem.expose_secret()).ok_or_else(|| KeyFault::Pem(kid.clone()))?;
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_rejected| KeyFault::Pem(kid.clone()))?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { kid, pem, public, encoding: EncodingKey::from_ed_der(&der) })
    }

    fn entry(&self) -> KeyEntry {
        KeyEntry { kid: self.kid.clone(), pem: self.pem.expose_secret().to_owned() }
    }

    fn jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(&self.public),
            kid: self.kid.clone(),
            alg: "EdDSA".to_owned(),
            key_use: "sig".to_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    current: KeyEntry,
    previous: Option<KeyEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    kid: String,
    pem: String,
}

/// A set of public keys (RFC 7517), as `/.well-known/jwks.json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Jwks {
    /// The key that signs now, then the one that signed before.
    pub keys: Vec<Jwk>,
}

/// A public Ed25519 key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// The key, base64url.
    pub x: String,
    /// What a token's header names it by.
    pub kid: String,
    /// Always `EdDSA`.
    #[serde(default = "eddsa")]
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use", default = "sig")]
    pub key_use: String,
}

fn eddsa() -> String {
    "EdDSA".to_owned()
}

fn sig() -> String {
    "sig".to_owned()
}

/// RFC 7638: the id follows from the key, so that two keys never share one.
fn thumbprint(public: &[u8]) -> String {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, jwk.as_bytes()))
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// An Ed25519 PKCS#8 v1 document is 48 bytes: one line of base64.
fn pem_of(der: &[u8]) -> String {
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
}

fn der_of(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_reads_back() {
        let keys = SigningKeys::generate().unwrap().rotated().unwrap();
        let again = SigningKeys::parse(&keys.to_file().unwrap()).unwrap();
        assert_eq!(again.jwks(), keys.jwks());
        assert_eq!(again.current_kid(), keys.jwks().keys[0].kid);
        assert_eq!(keys.jwks().keys.len(), 2);
    }

    #[test]
    fn rotation_keeps_the_last_key_only() {
        let first = SigningKeys::generate().unwrap();
        let first_kid = first.current_kid().to_owned();
        let second = first.rotated().unwrap();
        assert_eq!(second.jwks().keys[1].kid, first_kid);
        let third = second.rotated().unwrap();
        assert!(third.jwks().keys.iter().all(|key| key.kid != first_kid));
    }

    #[test]
    fn openssl_writes_keys_that_are_read() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
        let file = serde_json::json!({"current": {"kid": "rfc8037", "pem": pem}, "previous": null});
        let keys = SigningKeys::parse(&SecretString::from(file.to_string())).unwrap();
        // RFC 8037, appendix A.2
        assert_eq!(keys.jwks().keys[0].x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(
            thumbprint(&URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn unusable_files_are_refused_without_showing_them() {
        let good = SigningKeys::generate().unwrap().to_file().unwrap().expose_secret().to_owned();
        let value: serde_json::Value = serde_json::from_str(&good).unwrap();
        let pem = value["current"]["pem"].as_str().unwrap();
        let files = [
            String::new(),
            "{}".to_owned(),
            good[..good.len() - 10].to_owned(),
            serde_json::json!({"current": {"kid": "", "pem": pem}}).to_string(),
            serde_json::json!({"current": {"kid": "k".repeat(65), "pem": pem}}).to_string(),
            serde_json::json!({"current": {"kid": "a", "pem": pem}, "previous": {"kid": "a", "pem": pem}}).to_string(),
            serde_json::json!({"current": {"kid": "a", "pem": pem, "x": 1}}).to_string(),
            serde_json::json!({"current": {"kid": "a", "pem": "-----BEGIN PRIVATE KEY-----AAAA-----END PRIVATE KEY-----"}}).to_string(),
            serde_json::json!({"current": {"kid": "a", "pem": pem.replace("PRIVATE", "PUBLIC")}}).to_string(),
        ];
        for file in files {
            let fault = SigningKeys::parse(&SecretString::from(file.clone())).unwrap_err();
            assert!(!format!("{fault} {fault:?}").contains(&pem[30..60]), "{file}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = SigningKeys::generate().unwrap();
        assert!(!format!("{keys:?}").contains("PRIVATE"));
    }
}
