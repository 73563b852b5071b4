//! This service's settings, on top of those of every service.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_USERS_URL` | base of the users service, asked about doctors that no event has told of yet | required |
//! | `EHS_PATIENT_ID_SYSTEM` | the URI that FHIR gives the hospital's patient numbers | `urn:ehs:patient-id` |
//!
//! The worker takes HL7 messages over MLLP where it is told an address:
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_MLLP_LISTEN` | address of the MLLP listener | none: there is no listener |
//! | `EHS_MLLP_ALLOW` | networks or addresses that may connect, with commas between them | `127.0.0.0/8,::1/128` |
//! | `EHS_MLLP_TLS_CERT_FILE`, `EHS_MLLP_TLS_KEY_FILE` | PEM files: TLS is spoken, and nothing else | none: plain |
//! | `EHS_MLLP_TLS_CLIENT_CA_FILE` | PEM file: senders must have a certificate by one of these | none |
//! | `EHS_MLLP_MAX_BYTES` | largest frame | 1048576, which is the most |
//! | `EHS_MLLP_IDLE_SECONDS` | a connection is silent so long at most | 600 |
//! | `EHS_MLLP_DEADLINE_SECONDS` | a frame that began ends, and an answer is read, within this | 30 |
//! | `EHS_MLLP_MAX_CONNECTIONS` | connections at most; who comes after is closed at once | 64 |
//! | `EHS_MLLP_AT_ONCE` | messages that are worked on at once; below `EHS_DB_POOL_SIZE` | 4 |
//!
//! Those of [`auth::AuthConfig`] and, for the worker, [`events::QueueConfig`] come on top.

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::Env;
use events::QueueConfig;
use reqwest::Url;

use crate::hl7_import::mllp::MllpConfig;

/// What `serve` needs.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// What every service needs.
    pub base: BaseConfig,
    /// Whose tokens are good.
    pub auth: AuthConfig,
    /// The users service.
    pub users_url: Url,
    /// The URI of the hospital's patient numbers.
    pub patient_id_system: String,
}

impl ServeConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let (base, auth, users_url) = (BaseConfig::read(env), AuthConfig::read(env), env.required("EHS_USERS_URL"));
        let patient_id_system = env.or("EHS_PATIENT_ID_SYSTEM", "urn:ehs:patient-id".to_owned());
        Some(Self { base: base?, auth: auth?, users_url: users_url?, patient_id_system: patient_id_system? })
    }
}

/// What `worker` needs.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What every service needs.
    pub base: BaseConfig,
    /// Where the queues are.
    pub queues: QueueConfig,
    /// Whether HL7 messages are taken over MLLP, and how.
    pub mllp: Option<MllpConfig>,
}

impl WorkerConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let (base, queues, mllp) = (BaseConfig::read(env), QueueConfig::read(env), MllpConfig::read(env));
        Some(Self { base: base?, queues: queues?, mllp: mllp? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_setting_is_named_at_once() {
        let mut env = Env::of([("EHS_LISTEN", "127.0.0.1:8102")]);
        let config = ServeConfig::read(&mut env);
        let faults = env.finish(config).unwrap_err().to_string();
        for name in ["EHS_USERS_URL", "DATABASE_URL", "EHS_JWKS_URL", "EHS_CURSOR_KEY", "EHS_ADMIN_LISTEN"] {
            assert!(faults.contains(name), "{faults}");
        }
    }
}
