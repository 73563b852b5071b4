//! The settings of this service.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_SIGNING_KEYS_FILE` | the file that `keys generate` makes | required for `serve` |
//! | `EHS_JWT_ISSUER` | the `iss` of access tokens | `ehs` |
//! | `EHS_JWT_AUDIENCE` | their `aud` | `ehs-api` |
//! | `EHS_ARGON2_MEMORY_KIB` | memory of one password hash, at least 19456 | 19456 |
//! | `EHS_ARGON2_ITERATIONS` | passes over it, at least 2 | 2 |
//! | `EHS_HASHING_THREADS` | passwords hashed at once, 1 to 64 | the processor's, at most 4 |
//! | `EHS_HASHING_QUEUE` | passwords that may wait for that | 64 |
//! | `EHS_HASHING_WAIT_MS` | how long one waits before it is answered 503 | 3000 |
//! | `EHS_SMTP_URL` | the mail relay, `smtps://user:password@host` or `smtp://host:587?tls=required` | none: mails wait |
//! | `EHS_MAIL_FROM` | who mails are from, `Hospital <no-reply@hospital.example>` | required with `EHS_SMTP_URL` |
//! | `EHS_PASSWORD_RESET_URL` | the page that sets a new password; `#token=…` is put behind it | required with `EHS_SMTP_URL` |
//! | `EHS_SMTP_CA_FILE` | certificate (PEM) of an authority that the relay's comes from, beside the system's | none |
//! | `EHS_AUDITORS_ADDRESS` | who is told by mail of each use of break-glass | none: nobody is |
//! | `EHS_PASSWORD_RESETS_PER_ADDRESS` | mails that an address asks for before it waits, 1 to 100000 | 30 |
//! | `EHS_WRONG_PASSWORDS_PER_ADDRESS` | free before an address waits, 1 to 100000 | 30 |
//! | `EHS_WRONG_PASSWORDS_PER_ACCOUNT` | free before strangers to an account wait, 1 to 100000 | 10 |
//! | `EHS_MFA_KEYS` | keys that seal second factors, `id:hex,id:hex`, the current one first | required for `serve` |
//! | `EHS_MFA_REQUIRED_ROLES` | roles that must have a second factor, `ADMIN,DOCTOR` | none |
//!
//! Those of [`chassis::base`] and [`events::queues`] come on top.

use std::time::Duration;

use auth::SigningKeys;
use chassis::base::BaseConfig;
use chassis::db::DbConfig;
use chassis::env::{ConfigFaults, Env};
use events::QueueConfig;
use secrecy::SecretString;

use crate::mail::MailConfig;
use crate::mfa::MfaConfig;
use crate::registration::contact;
use crate::sign_in::defence::Allowance;

/// What `serve` needs.
#[derive(Debug)]
pub struct ServeConfig {
    /// What every service has.
    pub base: BaseConfig,
    /// Sign access tokens.
    pub keys: SigningKeys,
    /// What tokens say of themselves.
    pub tokens: TokenConfig,
    /// How passwords are hashed.
    pub hashing: HashingConfig,
    /// How many wrong passwords are free.
    pub allowance: Allowance,
    /// How second factors are kept, and who must have one.
    pub mfa: MfaConfig,
}

/// What `worker` needs.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What every service has.
    pub base: BaseConfig,
    /// Where the queues are.
    pub queues: QueueConfig,
    /// How mails go out; without, they wait.
    pub mail: Option<MailConfig>,
    /// Who is told of each use of break-glass.
    pub auditors: Option<String>,
}

/// What `create-admin` needs.
#[derive(Debug)]
pub struct CreateAdminConfig {
    /// PostgreSQL.
    pub db: DbConfig,
    /// How the password is hashed.
    pub hashing: HashingConfig,
    /// The password, from `EHS_ADMIN_PASSWORD`.
    pub password: SecretString,
}

/// What tokens say of themselves, and how long they live.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// The `iss` of access tokens.
    pub issuer: String,
    /// Their `aud`.
    pub audience: String,
    /// How long an access token lives.
    pub access_lifetime: chrono::Duration,
    /// How long a refresh token lives.
    pub refresh_lifetime: chrono::Duration,
}

/// How passwords are hashed, and how many at once.
#[derive(Clone, Debug)]
pub struct HashingConfig {
    /// Memory of one hash.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Hashes at once.
    pub threads: usize,
    /// Hashes that may wait.
    pub queue: usize,
    /// How long one waits.
    pub wait: Duration,
}

/// OWASP's password storage cheat sheet, argon2id: 19 MiB with two passes at the least.
const LEAST_MEMORY_KIB: u32 = 19_456;
const LEAST_ITERATIONS: u32 = 2;
/// Beyond these one sign-in would be an attack on ourselves.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_ITERATIONS: u32 = 64;

impl ServeConfig {
    /// Reads it; all faults at once.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let base = BaseConfig::read(&mut env);
        let keys = signing_keys(&mut env);
        let tokens = TokenConfig::read(&mut env);
        let hashing = HashingConfig::read(&mut env);
        let allowance = allowance(&mut env);
        let mfa = MfaConfig::read(&mut env);
        let config = || {
            let (base, keys, tokens) = (base?, keys?, tokens?);
            Some(Self { base, keys, tokens, hashing: hashing?, allowance: allowance?, mfa: mfa? })
        };
        env.finish(config())
    }
}

impl WorkerConfig {
    /// Reads it; all faults at once.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let base = BaseConfig::read(&mut env);
        let queues = QueueConfig::read(&mut env);
        let mail = MailConfig::read(&mut env);
        let auditors = auditors(&mut env);
        let config = || Some(Self { base: base?, queues: queues?, mail: mail?, auditors: auditors? });
        env.finish(config())
    }
}

impl CreateAdminConfig {
    /// Reads it; all faults at once.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let db = DbConfig::read(&mut env);
        let hashing = HashingConfig::read(&mut env);
        let password = env.secret("EHS_ADMIN_PASSWORD");
        let config = || Some(Self { db: db?, hashing: hashing?, password: password? });
        env.finish(config())
    }
}

/// The database, for `import-django`.
///
/// # Errors
/// Names every variable that is missing or wrong.
pub fn database(mut env: Env) -> Result<DbConfig, ConfigFaults> {
    let db = DbConfig::read(&mut env);
    env.finish(db)
}

/// The connection of the schema's owner, for `migrate`.
///
/// # Errors
/// When it is missing.
pub fn owner_url(mut env: Env) -> Result<SecretString, ConfigFaults> {
    let url = env.secret("EHS_MIGRATE_DATABASE_URL");
    env.finish(url)
}

impl TokenConfig {
    fn read(env: &mut Env) -> Option<Self> {
        let issuer = env.or("EHS_JWT_ISSUER", "ehs".to_owned());
        let audience = env.or("EHS_JWT_AUDIENCE", "ehs-api".to_owned());
        Some(Self::new(issuer?, audience?))
    }

    /// The contract's lifetimes: an hour and a day.
    #[must_use]
    pub const fn new(issuer: String, audience: String) -> Self {
        Self {
            issuer,
            audience,
            access_lifetime: chrono::Duration::hours(1),
            refresh_lifetime: chrono::Duration::days(1),
        }
    }
}

impl HashingConfig {
    fn read(env: &mut Env) -> Option<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let memory_kib = bounded(env, "EHS_ARGON2_MEMORY_KIB", LEAST_MEMORY_KIB, LEAST_MEMORY_KIB..=MOST_MEMORY_KIB);
        let iterations = bounded(env, "EHS_ARGON2_ITERATIONS", LEAST_ITERATIONS, LEAST_ITERATIONS..=MOST_ITERATIONS);
        let threads = bounded(env, "EHS_HASHING_THREADS", cores.clamp(1, 4), 1..=64);
        let queue = bounded(env, "EHS_HASHING_QUEUE", 64, 0..=10_000);
        let wait = bounded(env, "EHS_HASHING_WAIT_MS", 3_000, 1..=60_000);
        Some(Self {
            memory_kib: memory_kib?,
            iterations: iterations?,
            threads: threads?,
            queue: queue?,
            wait: Duration::from_millis(wait?),
        })
    }
}

impl Default for HashingConfig {
    /// OWASP's minimum, two at once.
    fn default() -> Self {
        let (memory_kib, iterations) = (LEAST_MEMORY_KIB, LEAST_ITERATIONS);
        Self { memory_kib, iterations, threads: 2, queue: 64, wait: Duration::from_secs(3) }
    }
}

fn allowance(env: &mut Env) -> Option<Allowance> {
    let usual = Allowance::default();
    let per_address = bounded(env, "EHS_WRONG_PASSWORDS_PER_ADDRESS", usual.per_address, 1..=100_000);
    let per_account = bounded(env, "EHS_WRONG_PASSWORDS_PER_ACCOUNT", usual.per_account, 1..=100_000);
    let resets = bounded(env, "EHS_PASSWORD_RESETS_PER_ADDRESS", usual.resets_per_address, 1..=100_000);
    Some(Allowance { per_address: per_address?, per_account: per_account?, resets_per_address: resets? })
}

fn auditors(env: &mut Env) -> Option<Option<String>> {
    const NAME: &str = "EHS_AUDITORS_ADDRESS";
    let Some(text) = env.optional::<String>(NAME)? else { return Some(None) };
    match contact::email(text) {
        Ok(address) => Some(Some(address.into_inner())),
        Err(fault) => {
            env.fault(NAME, fault.message);
            None
        }
    }
}

fn bounded<T>(env: &mut Env, name: &str, default: T, range: std::ops::RangeInclusive<T>) -> Option<T>
where
    T: std::str::FromStr<Err: std::fmt::Display> + PartialOrd + std::fmt::Display,
{
    let value = env.or(name, default)?;
    if range.contains(&value) {
        return Some(value);
    }
    env.fault(name, format_args!("is not {} to {}", range.start(), range.end()));
    None
}

fn signing_keys(env: &mut Env) -> Option<SigningKeys> {
    const NAME: &str = "EHS_SIGNING_KEYS_FILE";
    let path: String = env.required(NAME)?;
    let keys = std::fs::read_to_string(&path)
        .map_err(|fault| fault.to_string())
        .and_then(|text| SigningKeys::parse(&SecretString::from(text)).map_err(|fault| fault.to_string()));
    keys.map_err(|why| env.fault(NAME, format_args!("({path}) cannot be used: {why}"))).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named() {
        let faults = ServeConfig::read(Env::of([])).unwrap_err().to_string();
        for name in ["EHS_LISTEN", "DATABASE_URL", "EHS_SIGNING_KEYS_FILE", "EHS_CURSOR_KEY", "EHS_MFA_KEYS"] {
            assert!(faults.contains(name), "{name} is missing in {faults}");
        }
    }

    #[test]
    fn hashing_below_owasps_minimum_is_refused() {
        let mut env = Env::of([("EHS_ARGON2_MEMORY_KIB", "8192"), ("EHS_ARGON2_ITERATIONS", "1")]);
        assert!(HashingConfig::read(&mut env).is_none());
        let faults = env.finish::<()>(None).unwrap_err().to_string();
        assert!(faults.contains("EHS_ARGON2_MEMORY_KIB is not 19456"), "{faults}");
        assert!(faults.contains("EHS_ARGON2_ITERATIONS is not 2"), "{faults}");
    }

    #[test]
    fn an_unreadable_key_file_is_a_fault_of_the_configuration() {
        let mut env = Env::of([("EHS_SIGNING_KEYS_FILE", "/nowhere/keys.json")]);
        assert!(signing_keys(&mut env).is_none());
        assert!(env.finish::<()>(None).unwrap_err().to_string().contains("/nowhere/keys.json"));
    }
}
