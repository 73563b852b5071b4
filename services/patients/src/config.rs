//! This service's settings, on top of those of every service.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_USERS_URL` | base of the users service, asked about doctors that no event has told of yet | required |
//! | `EHS_PATIENT_ID_SYSTEM` | the URI that FHIR gives the hospital's patient numbers | `urn:ehs:patient-id` |
//! | `EHS_HOSPITAL_NAME` | the hospital's name, in FHIR documents | `Hospital` |
//! | `EHS_FACILITY_ID` | its number in the Health Facility Registry, in FHIR documents | none |
//!
//! Those of [`auth::AuthConfig`] and, for the worker, [`events::QueueConfig`] come on top.

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::Env;
use events::QueueConfig;
use reqwest::Url;

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
    /// The hospital, in FHIR documents.
    pub hospital: Hospital,
}

/// The hospital, as FHIR documents name it.
#[derive(Clone, Debug)]
pub struct Hospital {
    /// Its name.
    pub name: String,
    /// Its number in the Health Facility Registry.
    pub facility_id: Option<String>,
}

impl ServeConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let (base, auth, users_url) = (BaseConfig::read(env), AuthConfig::read(env), env.required("EHS_USERS_URL"));
        let patient_id_system = env.or("EHS_PATIENT_ID_SYSTEM", "urn:ehs:patient-id".to_owned());
        let (name, facility_id) = (env.or("EHS_HOSPITAL_NAME", "Hospital".to_owned()), env.optional("EHS_FACILITY_ID"));
        Some(Self {
            base: base?,
            auth: auth?,
            users_url: users_url?,
            patient_id_system: patient_id_system?,
            hospital: Hospital { name: name?, facility_id: facility_id? },
        })
    }
}

/// What `worker` needs.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What every service needs.
    pub base: BaseConfig,
    /// Where the queues are.
    pub queues: QueueConfig,
}

impl WorkerConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let (base, queues) = (BaseConfig::read(env), QueueConfig::read(env));
        Some(Self { base: base?, queues: queues? })
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
