//! From a token to its claims, with a key set that keeps itself fresh.
//!
//! Environment: `EHS_JWKS_URL`, `EHS_JWT_ISSUER` (default `ehs`), `EHS_JWT_AUDIENCE` (default `ehs-api`).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chassis::env::Env;
use chrono::Utc;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::keys::MAX_KID;
use crate::verified::{Digest, Verified};
use crate::{Claims, Jwk, Jwks};

/// Clocks may differ by this much.
const LEEWAY_SECONDS: u64 = 5;
/// A token is about 400 bytes; nobody sends an honest one beyond this.
const MAX_TOKEN: usize = 8 * 1024;
/// A key set is about 300 bytes.
const MAX_JWKS: usize = 64 * 1024;
/// Two are live at a time; a few more do no harm.
const MAX_KEYS: usize = 16;
const FETCH_DEADLINE: Duration = Duration::from_secs(2);
/// Between fetches that worked, so that unknown key ids cannot make us flood `users`.
const MIN_INTERVAL: Duration = Duration::from_secs(3);
/// After a fetch that failed, so that a service that starts before `users` is well soon after it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// A key that `users` has dropped is forgotten after this at the latest.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Where the key set is, and whose tokens are good.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The key set of `users`.
    pub jwks_url: Url,
    /// The `iss` that tokens must have.
    pub issuer: String,
    /// The `aud` that tokens must have.
    pub audience: String,
}

impl AuthConfig {
    /// Reads the variables of the module's head.
    pub fn read(env: &mut Env) -> Option<Self> {
        let jwks_url = env.required("EHS_JWKS_URL");
        let issuer = env.or("EHS_JWT_ISSUER", "ehs".to_owned());
        let audience = env.or("EHS_JWT_AUDIENCE", "ehs-api".to_owned());
        Some(Self { jwks_url: jwks_url?, issuer: issuer?, audience: audience? })
    }

    /// A verifier that reads the key set from `users`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn verifier(&self) -> Result<Verifier, reqwest::Error> {
        Verifier::http(self.jwks_url.clone(), &self.issuer, &self.audience)
    }
}

/// Checks tokens. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    validation: Validation,
    ring: RwLock<Arc<KeyRing>>,
    source: Option<Source>,
}

/// Why a token is refused. Safe to tell the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not a token of ours at all.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with something other than EdDSA, or not at all.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// No live key has this id.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over, or has not come.
    #[error("the token has expired")]
    Expired,
    /// Made by, or for, somebody else.
    #[error("the token was issued by or for somebody else")]
    Foreign,
    /// No key set could be fetched yet: nobody's fault who calls.
    #[error("the keys that verify tokens are not available")]
    KeysUnavailable,
}

impl Verifier {
    /// Reads the key set from `jwks_url` when it first needs it, again when a token names a key that it does not know (at
    /// most once per three seconds), and in the background every ten minutes.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn http(jwks_url: Url, issuer: &str, audience: &str) -> Result<Self, reqwest::Error> {
        // no proxy, no redirect: the key set decides who is who, and comes from where the configuration says
        let client = reqwest::Client::builder()
            .timeout(FETCH_DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let source = Source { client, url: jwks_url, not_before: Mutex::new(None) };
        Ok(Self::new(KeyRing::empty(), Some(source), issuer, audience))
    }

    /// Knows these keys and never any other: for `users`, which has them, and for tests.
    #[must_use]
    pub fn fixed(jwks: &Jwks, issuer: &str, audience: &str) -> Self {
        Self::new(KeyRing::of(&jwks.keys), None, issuer, audience)
    }

    fn new(ring: KeyRing, source: Option<Source>, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self(Arc::new(Inner { validation, ring: RwLock::new(Arc::new(ring)), source }))
    }

    /// The claims of a token that is ours, live and meant for us.
    ///
    /// # Errors
    /// Says what is wrong with the token.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenFault> {
        if token.len() > MAX_TOKEN {
            return Err(TokenFault::Malformed);
        }
        let digest = Digest::of(token).ok_or(TokenFault::Malformed)?;
        let now = Utc::now().timestamp();
        let ring = self.ring();
        if let Some(claims) = ring.verified.get(digest, now) {
            self.refresh_when_old(&ring);
            return Ok(claims);
        }
        let kid = key_id(token)?;
        let (ring, key) = self.key(&kid).await?;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &key, &self.0.validation).map_err(|fault| fault_of(&fault))?.claims;
        claims.user_id().ok_or(TokenFault::Malformed)?;
        let claims = Arc::new(claims);
        ring.verified.insert(digest, Arc::clone(&claims), now);
        Ok(claims)
    }

    /// The key of this id, and the key set that it is of.
    async fn key(&self, kid: &str) -> Result<(Arc<KeyRing>, Arc<DecodingKey>), TokenFault> {
        let ring = self.ring();
        if let Some(key) = ring.get(kid) {
            self.refresh_when_old(&ring);
            return Ok((ring, key));
        }
        self.refresh_for(kid).await;
        let ring = self.ring();
        match ring.get(kid) {
            Some(key) => Ok((ring, key)),
            None if ring.keys.is_empty() => Err(TokenFault::KeysUnavailable),
            None => Err(TokenFault::UnknownKey),
        }
    }

    fn refresh_when_old(&self, ring: &KeyRing) {
        if ring.fetched.elapsed() > MAX_AGE {
            self.refresh_in_background();
        }
    }

    /// Fetches, unless someone else just did; callers that come meanwhile wait for that one fetch and its deadline.
    async fn refresh_for(&self, kid: &str) {
        let Some(source) = &self.0.source else { return };
        if source.not_before.try_lock().is_ok_and(|at| at.is_some_and(|at| Instant::now() < at)) {
            return;
        }
        let (verifier, kid) = (self.clone(), kid.to_owned());
        // a task of its own: a caller that hangs up does not take the fetch along that others wait for
        let fetching = tokio::spawn(async move {
            let Some(source) = &verifier.0.source else { return };
            let mut not_before = source.not_before.lock().await;
            if verifier.ring().get(&kid).is_none() {
                verifier.refresh(source, &mut not_before).await;
            }
        });
        if let Err(fault) = fetching.await {
            tracing::error!(%fault, "the fetch of the key set ended early");
        }
    }

    fn refresh_in_background(&self) {
        let verifier = self.clone();
        tokio::spawn(async move {
            let Some(source) = &verifier.0.source else { return };
            if let Ok(mut not_before) = source.not_before.try_lock() {
                verifier.refresh(source, &mut not_before).await;
            }
        });
    }

    async fn refresh(&self, source: &Source, not_before: &mut Option<Instant>) {
        let now = Instant::now();
        if not_before.is_some_and(|at| now < at) {
            return;
        }
        *not_before = now.checked_add(RETRY_INTERVAL);
        match source.fetch().await {
            Ok(ring) => {
                *not_before = Instant::now().checked_add(MIN_INTERVAL);
                *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
            }
            Err(fault) => tracing::warn!(%fault, "the key set could not be read; the keys known so far stay good"),
        }
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The header's key id, once its algorithm is the one that we accept.
fn key_id(token: &str) -> Result<String, TokenFault> {
    // `none` and unheard-of algorithms fail to parse here
    let header = jsonwebtoken::decode_header(token).map_err(|_fault| TokenFault::Malformed)?;
    if header.alg != Algorithm::EdDSA {
        return Err(TokenFault::Algorithm);
    }
    // `crit` names extensions that must be understood; we understand none (RFC 7515, 4.1.11)
    if header.crit.is_some() {
        return Err(TokenFault::Malformed);
    }
    header.kid.filter(|kid| kid.len() <= MAX_KID).ok_or(TokenFault::UnknownKey)
}

fn fault_of(fault: &jsonwebtoken::errors::Error) -> TokenFault {
    match fault.kind() {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => TokenFault::Expired,
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => TokenFault::Foreign,
        ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    }
}

struct KeyRing {
    keys: HashMap<String, Arc<DecodingKey>>,
    /// Tokens that these keys were found to have signed.
    verified: Verified,
    fetched: Instant,
}

impl KeyRing {
    fn empty() -> Self {
        Self { keys: HashMap::new(), verified: Verified::default(), fetched: Instant::now() }
    }

    /// Keeps what is an Ed25519 signature key and drops the rest.
    fn of(jwks: &[Jwk]) -> Self {
        let keys = jwks
            .iter()
            .filter(|jwk| jwk.kty == "OKP" && jwk.crv == "Ed25519" && jwk.alg == "EdDSA" && jwk.key_use == "sig")
            .filter(|jwk| !jwk.kid.is_empty() && jwk.kid.len() <= MAX_KID)
            .filter_map(|jwk| Some((jwk.kid.clone(), Arc::new(DecodingKey::from_ed_components(&jwk.x).ok()?))))
            .take(MAX_KEYS)
            .collect();
        Self { keys, verified: Verified::default(), fetched: Instant::now() }
    }

    fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        self.keys.get(kid).cloned()
    }
}

struct Source {
    client: reqwest::Client,
    url: Url,
    /// Held while fetching; no fetch before the instant in it.
    not_before: Mutex<Option<Instant>>,
}

#[derive(Debug, thiserror::Error)]
enum FetchFault {
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer was {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is longer than {MAX_JWKS} bytes")]
    TooLong,
    #[error("the answer is not a key set")]
    NotKeys,
}

impl Source {
    async fn fetch(&self) -> Result<KeyRing, FetchFault> {
        let mut answer = self.client.get(self.url.clone()).send().await?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchFault::Status(answer.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len().saturating_add(chunk.len()) > MAX_JWKS {
                return Err(FetchFault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        ring_from(&body)
    }
}

/// Reads key by key, so that one of another kind does not spoil the set.
fn ring_from(body: &[u8]) -> Result<KeyRing, FetchFault> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(body).map_err(|_fault| FetchFault::NotKeys)?;
    let jwks: Vec<Jwk> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    let ring = KeyRing::of(&jwks);
    if ring.keys.is_empty() { Err(FetchFault::NotKeys) } else { Ok(ring) }
}
