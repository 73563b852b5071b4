//! The client of a bucket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Credentials, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::types::ServerSideEncryption;

use crate::config::{Encryption, StoreConfig};
use crate::fault::Fault;
use crate::key::Key;

const ATTEMPTS: u32 = 3;

/// A bucket. Cheap to clone; reaches nothing before it is asked.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) client: Client,
    /// Signs links, for where clients reach the store.
    pub(crate) links: Client,
    pub(crate) bucket: Arc<str>,
    pub(crate) encryption: Encryption,
    pub(crate) stall: Duration,
}

impl Store {
    /// A client with bounded calls, signed in by the SDK's own ways.
    pub async fn connect(config: &StoreConfig) -> Self {
        let region = Region::new(config.region.clone());
        let shared = aws_config::defaults(BehaviorVersion::latest()).region(region).load().await;
        Self::build(|| Builder::from(&shared), config)
    }

    /// As [`connect`](Self::connect), with a key of one's own: for emulators.
    pub fn with_key(config: &StoreConfig, access_key_id: &str, secret_access_key: &str) -> Self {
        let key = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        let builder = || {
            aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(config.region.clone()))
                .credentials_provider(key.clone())
        };
        Self::build(builder, config)
    }

    fn build(builder: impl Fn() -> Builder, config: &StoreConfig) -> Self {
        let client = |endpoint: &Option<String>| {
            let mut builder = bounded(builder(), config);
            builder.set_endpoint_url(endpoint.clone());
            Client::from_conf(builder.force_path_style(endpoint.is_some()).build())
        };
        Self {
            client: client(&config.endpoint),
            links: client(if config.links.is_some() { &config.links } else { &config.endpoint }),
            bucket: config.bucket.as_str().into(),
            encryption: config.encryption.clone(),
            stall: config.deadline,
        }
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// When the store is away or refuses.
    #[tracing::instrument(name = "object_store.delete", skip_all, fields(otel.kind = "client"))]
    pub async fn delete(&self, key: Key) -> Result<(), Fault> {
        let request = self.client.delete_object().bucket(&*self.bucket).key(key.to_string());
        let outcome = observed("delete", Box::pin(async { Ok(request.send().await.map(drop)?) })).await;
        match outcome {
            Err(Fault::NotFound) => Ok(()),
            outcome => outcome,
        }
    }

    pub(crate) fn sse(&self) -> (ServerSideEncryption, Option<String>) {
        match &self.encryption {
            Encryption::Aes256 => (ServerSideEncryption::Aes256, None),
            Encryption::Kms(key) => (ServerSideEncryption::AwsKms, Some(key.clone())),
        }
    }
}

fn bounded(builder: Builder, config: &StoreConfig) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(config.attempt.min(Duration::from_secs(3)))
        .read_timeout(config.attempt)
        .operation_attempt_timeout(config.attempt)
        .operation_timeout(config.deadline)
        .build();
    builder
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        // what is sent is signed with its SHA-256 already, and what is read is compared with ours
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
}

/// Does it, and counts how it went. Whoever calls boxes the work: a future of the SDK is some 17 kB.
pub(crate) async fn observed<T>(
    operation: &'static str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let began = Instant::now();
    let done = work.await;
    let outcome = done.as_ref().err().map_or("ok", Fault::outcome);
    let labels = [("operation", operation), ("outcome", outcome)];
    metrics::histogram!("object_store_request_duration_seconds", &labels).record(began.elapsed().as_secs_f64());
    done
}
