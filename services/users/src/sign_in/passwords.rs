//! Passwords: argon2id, bounded in how much runs, how much waits, and how long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use argon2::Params;
use argon2::password_hash::phc;
use chassis::phi::Phi;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{argon2id, django};
use crate::config::HashingConfig;
use crate::error::Error;

/// What stands in for the hash of an account that has no password: it sets one by mail.
pub const UNUSABLE: &str = "!";

/// Hashes and checks passwords. Cheap to clone; clones share the bounds.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    params: Params,
    /// Who may wait at all.
    admitted: Arc<Semaphore>,
    /// Who may hash now.
    hashing: Arc<Semaphore>,
    wait: Duration,
    /// Checked where there is no user, so that it takes as long.
    nobodys: Phi<String>,
}

/// A password's hash in PHC form. It names its own parameters and salt.
#[derive(Debug, Clone)]
pub struct PasswordHash(Phi<String>);

impl PasswordHash {
    /// For the database.
    #[must_use]
    pub fn as_phi(&self) -> Phi<String> {
        self.0.clone()
    }
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// Whether it is the password. Never for nobody's.
    pub matches: bool,
    /// The hash to keep instead: the password is right, and its hash is Django's or was made with weaker
    /// parameters than today's.
    pub renewed: Option<PasswordHash>,
}

impl Passwords {
    /// Makes the hash that stands in for unknown users.
    ///
    /// # Errors
    /// When the parameters are out of argon2's range, or the system has no randomness.
    pub fn new(config: &HashingConfig) -> anyhow::Result<Self> {
        let params = Params::new(config.memory_kib, config.iterations, 1, None).map_err(|fault| anyhow!(fault))?;
        let nobodys = hash(&params, &SecretString::from(uuid::Uuid::new_v4().to_string()))?;
        Ok(Self(Arc::new(Inner {
            params,
            admitted: Arc::new(Semaphore::new(config.threads.saturating_add(config.queue))),
            hashing: Arc::new(Semaphore::new(config.threads)),
            wait: config.wait,
            nobodys: nobodys.0,
        })))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// When too many wait already.
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHash, Error> {
        let password = password.clone();
        self.run(move |inner| hash(&inner.params, &password)).await?.map_err(Error::Crypto)
    }

    /// Compares with the account's hash, or with nobody's where there is no account: the same work.
    ///
    /// # Errors
    /// When too many wait already.
    pub async fn verify(&self, password: &SecretString, hash: Option<&Phi<String>>) -> Result<Checked, Error> {
        let (password, hash) = (password.clone(), hash.cloned());
        self.run(move |inner| check(inner, &password, hash.as_ref())).await?.map_err(Error::Crypto)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> T + Send + 'static) -> Result<T, Error> {
        let begun = Instant::now();
        let turn = self.turn().await;
        metrics::histogram!("password_hashing_wait_seconds").record(begun.elapsed().as_secs_f64());
        let turn = turn.inspect_err(|_overload| metrics::counter!("password_hashing_refused_total").increment(1))?;
        let inner = Arc::clone(&self.0);
        // the permits move along: a caller who hangs up does not free the processor
        let done = tokio::task::spawn_blocking(move || {
            let answer = work(&inner);
            drop(turn);
            answer
        });
        done.await.map_err(|fault| Error::Crypto(fault.into()))
    }

    async fn turn(&self) -> Result<[OwnedSemaphorePermit; 2], Error> {
        let admitted = Arc::clone(&self.0.admitted).try_acquire_owned().map_err(|_full| Error::HashingOverloaded)?;
        let hashing = tokio::time::timeout(self.0.wait, Arc::clone(&self.0.hashing).acquire_owned());
        match hashing.await {
            Ok(Ok(hashing)) => Ok([admitted, hashing]),
            _late_or_closed => Err(Error::HashingOverloaded),
        }
    }
}

fn hash(params: &Params, password: &SecretString) -> anyhow::Result<PasswordHash> {
    let hash = argon2id::hash(params, password.expose_secret().as_bytes())?;
    Ok(PasswordHash(Phi::new(hash.to_string())))
}

fn check(inner: &Inner, password: &SecretString, stored: Option<&Phi<String>>) -> anyhow::Result<Checked> {
    let stored = stored.filter(|stored| stored.expose() != UNUSABLE);
    let (bytes, text) = (password.expose_secret().as_bytes(), stored.unwrap_or(&inner.nobodys).expose());
    let (equal, weaker) = if django::is_one(text) {
        (django::matches(bytes, text)?, true)
    } else {
        let parsed = phc::PasswordHash::new(text).map_err(|fault| anyhow!(fault))?;
        (argon2id::matches(bytes, &parsed)?, is_weaker(&parsed, &inner.params))
    };
    let matches = equal && stored.is_some();
    let renewed = if matches && weaker { Some(hash(&inner.params, password)?) } else { None };
    Ok(Checked { matches, renewed })
}

fn is_weaker(hash: &phc::PasswordHash, today: &Params) -> bool {
    Params::try_from(hash).map_or(true, |then| then.m_cost() < today.m_cost() || then.t_cost() < today.t_cost())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config() -> HashingConfig {
        // tests of bounds need no strength; `ServeConfig::read` would refuse this
        HashingConfig { memory_kib: 64, iterations: 1, threads: 1, queue: 1, wait: Duration::from_secs(5) }
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_password_matches_and_nobody_has_one() {
        let passwords = Passwords::new(&HashingConfig::default()).unwrap();
        let hash = passwords.hash(&secret("correct horse")).await.unwrap().as_phi();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(passwords.verify(&secret("correct horse"), Some(&hash)).await.unwrap().matches);
        assert!(!passwords.verify(&secret("Correct horse"), Some(&hash)).await.unwrap().matches);
        assert!(!passwords.verify(&secret("correct horse"), None).await.unwrap().matches);
    }

    #[tokio::test]
    async fn a_hash_of_weaker_days_is_renewed_when_the_password_is_right() {
        let old = Passwords::new(&config()).unwrap().hash(&secret("pass")).await.unwrap().as_phi();
        let today = Passwords::new(&HashingConfig { memory_kib: 128, ..config() }).unwrap();
        assert!(today.verify(&secret("wrong"), Some(&old)).await.unwrap().renewed.is_none());
        let renewed = today.verify(&secret("pass"), Some(&old)).await.unwrap().renewed.unwrap().as_phi();
        let again = today.verify(&secret("pass"), Some(&renewed)).await.unwrap();
        assert!(again.matches && again.renewed.is_none());
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_refused_at_once() {
        let passwords = Passwords::new(&config()).unwrap();
        let _running = passwords.turn().await.unwrap();
        let waiting = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.turn().await }
        });
        while passwords.0.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(passwords.hash(&secret("x")).await, Err(Error::HashingOverloaded)));
        waiting.abort();
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused() {
        let passwords = Passwords::new(&HashingConfig { wait: Duration::from_millis(20), ..config() }).unwrap();
        let _running = passwords.turn().await.unwrap();
        assert!(matches!(passwords.hash(&secret("x")).await, Err(Error::HashingOverloaded)));
    }
}
