//! This service's settings, on top of those of every service.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_USERS_URL` | base of the users service, asked about doctors that no event has told of yet | required |
//! | `EHS_PATIENT_ID_SYSTEM` | the URI that FHIR gives the hospital's patient numbers | `urn:ehs:patient-id` |
//! | `EHS_HOSPITAL_NAME` | the hospital's name, in FHIR documents | `Hospital` |
//! | `EHS_FACILITY_ID` | its number in the Health Facility Registry, in FHIR documents | none |
//!
//! | `EHS_DOCUMENT_TYPES` | types of documents that are kept: some of `application/pdf`, `image/jpeg`, `image/png`, `image/tiff`, `image/webp`, `application/dicom`, with commas | all of them |
//! | `EHS_DOCUMENT_MAX_BYTES` | bytes of a document at most; the gateway's `body_limit` of the route has to be larger | `536870912` |
//! | `EHS_CLAMAV` | the worker's scanner, `tcp://host:port` or `unix:/path`; its `StreamMaxLength` has to be as large as a document may be | none: documents are not scanned |
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
//! Those of [`object_store`], [`auth::AuthConfig`] and, for the worker, [`events::QueueConfig`] come on top.

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::Env;
use events::QueueConfig;
use object_store::StoreConfig;
use reqwest::Url;

use crate::documents::inspection::scan::Scanner;
use crate::documents::receive::Limits;
use crate::documents::types::Types;
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
    /// Where documents are.
    pub store: StoreConfig,
    /// What an upload may be.
    pub uploads: Limits,
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
        let (store, uploads) = (StoreConfig::read(env), uploads(env));
        let (name, facility_id) = (env.or("EHS_HOSPITAL_NAME", "Hospital".to_owned()), env.optional("EHS_FACILITY_ID"));
        Some(Self {
            base: base?,
            auth: auth?,
            users_url: users_url?,
            patient_id_system: patient_id_system?,
            store: store?,
            uploads: uploads?,
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
    /// Where documents are.
    pub store: StoreConfig,
    /// Which of them are kept.
    pub types: Types,
    /// Looks for malware in them.
    pub scanner: Option<Scanner>,
    /// Whether HL7 messages are taken over MLLP, and how.
    pub mllp: Option<MllpConfig>,
}

impl WorkerConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let (base, queues, mllp) = (BaseConfig::read(env), QueueConfig::read(env), MllpConfig::read(env));
        let (store, types) = (StoreConfig::read(env), env.or("EHS_DOCUMENT_TYPES", Types::default()));
        let scanner = env.optional("EHS_CLAMAV");
        Some(Self { base: base?, queues: queues?, store: store?, types: types?, scanner: scanner?, mllp: mllp? })
    }
}

fn uploads(env: &mut Env) -> Option<Limits> {
    let usual = Limits::default();
    let (most, types) =
        (env.or("EHS_DOCUMENT_MAX_BYTES", usual.most), env.or("EHS_DOCUMENT_TYPES", usual.types.clone()));
    if most == Some(0) {
        env.fault("EHS_DOCUMENT_MAX_BYTES", "is 0");
    }
    Some(Limits { most: most?, types: types?, ..usual })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_documents_are_named() {
        let mut env = Env::of([
            ("EHS_DOCUMENT_TYPES", "text/html"),
            ("EHS_DOCUMENT_MAX_BYTES", "0"),
            ("EHS_CLAMAV", "clamav:3310"),
        ]);
        let configs = (ServeConfig::read(&mut env), WorkerConfig::read(&mut env));
        let faults = env.finish(configs.0.zip(configs.1)).unwrap_err().to_string();
        for name in ["EHS_DOCUMENT_TYPES", "EHS_DOCUMENT_MAX_BYTES", "EHS_CLAMAV"] {
            assert!(faults.contains(name), "{faults}");
        }
    }

    #[test]
    fn every_missing_setting_is_named_at_once() {
        let mut env = Env::of([("EHS_LISTEN", "127.0.0.1:8102")]);
        let config = ServeConfig::read(&mut env);
        let faults = env.finish(config).unwrap_err().to_string();
        for name in
            ["EHS_S3_BUCKET", "EHS_USERS_URL", "DATABASE_URL", "EHS_JWKS_URL", "EHS_CURSOR_KEY", "EHS_ADMIN_LISTEN"]
        {
            assert!(faults.contains(name), "{faults}");
        }
    }
}
