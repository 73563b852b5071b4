//! The settings of this service.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_USERS_URL` | base URL of the users service, asked about doctors that no event has told of yet | required |
//! | `EHS_PATIENTS_URL` | base URL of the patients service, asked likewise | required |
//!
//! Those of [`chassis::base`], [`auth::verifier`] and [`events::queues`] come on top.

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::{ConfigFaults, Env};
use events::QueueConfig;
use reqwest::Url;
use secrecy::SecretString;

/// What `serve` needs.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// What every service has.
    pub base: BaseConfig,
    /// Whose tokens are good.
    pub auth: AuthConfig,
    /// Base of the users service.
    pub users: Url,
    /// Base of the patients service.
    pub patients: Url,
}

/// What `worker` needs.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What every service has.
    pub base: BaseConfig,
    /// Where the queues are.
    pub queues: QueueConfig,
}

impl ServeConfig {
    /// Reads it; all faults at once.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let base = BaseConfig::read(&mut env);
        let auth = AuthConfig::read(&mut env);
        let users = env.required("EHS_USERS_URL");
        let patients = env.required("EHS_PATIENTS_URL");
        let config = || Some(Self { base: base?, auth: auth?, users: users?, patients: patients? });
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
        let config = || Some(Self { base: base?, queues: queues? });
        env.finish(config())
    }
}

/// The connection of the schema's owner, for `migrate`.
///
/// # Errors
/// When it is missing.
pub fn owner_url(mut env: Env) -> Result<SecretString, ConfigFaults> {
    let url = env.secret("EHS_MIGRATE_DATABASE_URL");
    env.finish(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named() {
        let faults = ServeConfig::read(Env::of([])).unwrap_err().to_string();
        for name in ["EHS_LISTEN", "DATABASE_URL", "EHS_JWKS_URL", "EHS_USERS_URL", "EHS_PATIENTS_URL"] {
            assert!(faults.contains(name), "{name} is missing in {faults}");
        }
    }
}
