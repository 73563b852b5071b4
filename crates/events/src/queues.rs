//! The queues: their names, the client, and how they are made.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_QUEUE_PREFIX` | begins every queue's name: `<prefix><subscriber>.fifo` | `ehs-` |
//! | `AWS_REGION` | region of the queues | `ap-south-1` |
//! | `AWS_ENDPOINT_URL_SQS` | another SQS than Amazon's | unset |
//!
//! Credentials come by the SDK's own ways: variables, a web identity, the instance's role.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    Client,
    config::Credentials,
    types::QueueAttributeName::{
        self, ContentBasedDeduplication, DeduplicationScope, FifoQueue, FifoThroughputLimit, MessageRetentionPeriod,
        QueueArn, RedrivePolicy, SqsManagedSseEnabled, VisibilityTimeout,
    },
};
use chassis::env::Env;

use crate::subscriptions::Subscriptions;

/// Receptions of a message before it becomes a dead letter.
pub const MAX_RECEPTIONS: u32 = 5;
/// How long a message that was received stays hidden, unless its consumer asks for more.
pub const VISIBILITY: Duration = Duration::from_secs(30);
/// Messages and dead letters are kept as long as SQS can: 14 days.
const RETENTION_SECONDS: &str = "1209600";

/// Settings of the queues; see the module's table.
#[derive(Debug, Clone)]
pub struct QueueConfig {
    /// Begins every queue's name.
    pub prefix: String,
    /// Region of the queues.
    pub region: String,
    /// Another SQS than Amazon's.
    pub endpoint: Option<String>,
}

impl QueueConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let prefix = env.or("EHS_QUEUE_PREFIX", "ehs-".to_owned());
        let region = env.or("AWS_REGION", "ap-south-1".to_owned());
        let endpoint = env.optional::<String>("AWS_ENDPOINT_URL_SQS");
        let fits = |p: &String| p.len() <= 30 && p.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if prefix.as_ref().is_some_and(|prefix| !fits(prefix)) {
            env.fault("EHS_QUEUE_PREFIX", "has more than 30 characters, or others than letters, digits, - and _");
        }
        if endpoint.as_ref().is_some_and(|url| url.as_ref().is_some_and(|url| !url.starts_with("http"))) {
            env.fault("AWS_ENDPOINT_URL_SQS", "is not an http address");
        }
        Some(Self { prefix: prefix?, region: region?, endpoint: endpoint? })
    }
}

/// SQS, and where in it our queues are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    client: Client,
    prefix: Arc<str>,
    urls: Arc<Mutex<HashMap<String, String>>>,
}

impl SqsQueues {
    /// A client with bounded calls, signed in by the SDK's own ways. Reaches nothing yet.
    pub async fn connect(config: &QueueConfig) -> Self {
        let shared =
            aws_config::defaults(BehaviorVersion::latest()).region(Region::new(config.region.clone())).load().await;
        let builder = bounded(aws_sdk_sqs::config::Builder::from(&shared));
        Self::build(builder, config)
    }

    /// As [`Self::connect`], with a key of one's own: for emulators.
    pub fn with_key(config: &QueueConfig, access_key_id: &str, secret_access_key: &str) -> Self {
        let key = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        let builder = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(key);
        Self::build(bounded(builder), config)
    }

    fn build(mut builder: aws_sdk_sqs::config::Builder, config: &QueueConfig) -> Self {
        builder.set_endpoint_url(config.endpoint.clone());
        Self { client: Client::from_conf(builder.build()), prefix: config.prefix.as_str().into(), urls: Arc::default() }
    }

    /// The SDK's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Begins every queue's name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Address of the subscriber's queue, asked for once.
    pub async fn url(&self, subscriber: &str) -> anyhow::Result<String> {
        self.url_of(queue_name(&self.prefix, subscriber)).await
    }

    /// Address of the subscriber's dead-letter queue.
    pub async fn dead_letter_url(&self, subscriber: &str) -> anyhow::Result<String> {
        self.url_of(dead_letter_name(&self.prefix, subscriber)).await
    }

    async fn url_of(&self, name: String) -> anyhow::Result<String> {
        let known = self.urls.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some(url) = known {
            return Ok(url);
        }
        let answer = self.client.get_queue_url().queue_name(&name).send().await;
        let url = answer.with_context(|| format!("no queue {name}"))?.queue_url.context("a queue without address")?;
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).insert(name, url.clone());
        Ok(url)
    }
}

/// Bounds for every call. The attempt's leaves room for a long poll.
fn bounded(builder: aws_sdk_sqs::config::Builder) -> aws_sdk_sqs::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(6))
        .operation_timeout(Duration::from_secs(10))
        .build();
    builder.timeout_config(timeouts).retry_config(RetryConfig::standard().with_max_attempts(3))
}

/// Name of a subscriber's queue.
pub fn queue_name(prefix: &str, subscriber: &str) -> String {
    format!("{prefix}{subscriber}.fifo")
}

/// Name of a subscriber's dead-letter queue.
pub fn dead_letter_name(prefix: &str, subscriber: &str) -> String {
    format!("{prefix}{subscriber}-dlq.fifo")
}

/// Makes the queues of all subscribers, or brings those there are up to date. Answers their names.
pub async fn ensure(client: &Client, prefix: &str, subscriptions: &Subscriptions) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for subscriber in subscriptions.subscribers() {
        let dead_letters = dead_letter_name(prefix, subscriber);
        let url = ensure_one(client, &dead_letters, None).await?;
        let arn = arn(client, &url).await?;
        let name = queue_name(prefix, subscriber);
        ensure_one(client, &name, Some(&arn)).await?;
        names.extend([name, dead_letters]);
    }
    Ok(names)
}

/// What cannot change is given at the making, the rest after it: so making a queue again is no conflict.
async fn ensure_one(client: &Client, name: &str, dead_letters: Option<&str>) -> anyhow::Result<String> {
    let made = client.create_queue().queue_name(name).attributes(FifoQueue, "true").send().await;
    let url =
        made.with_context(|| format!("cannot make queue {name}"))?.queue_url.context("a queue without address")?;
    let request = client.set_queue_attributes().queue_url(&url).set_attributes(Some(attributes(dead_letters)));
    request.send().await.with_context(|| format!("cannot set up queue {name}"))?;
    Ok(url)
}

fn attributes(dead_letters: Option<&str>) -> HashMap<QueueAttributeName, String> {
    let mut attributes = HashMap::from([
        (ContentBasedDeduplication, "false".to_owned()),
        (DeduplicationScope, "messageGroup".to_owned()),
        (FifoThroughputLimit, "perMessageGroupId".to_owned()),
        (MessageRetentionPeriod, RETENTION_SECONDS.to_owned()),
        (SqsManagedSseEnabled, "true".to_owned()),
        (VisibilityTimeout, VISIBILITY.as_secs().to_string()),
    ]);
    if let Some(arn) = dead_letters {
        let policy = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEPTIONS });
        attributes.insert(RedrivePolicy, policy.to_string());
    }
    attributes
}

async fn arn(client: &Client, url: &str) -> anyhow::Result<String> {
    let answer = client.get_queue_attributes().queue_url(url).attribute_names(QueueArn).send().await?;
    answer.attributes.and_then(|mut found| found.remove(&QueueArn)).context("a queue without ARN")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_faults_are_named() {
        let mut env = Env::of([]);
        let config = QueueConfig::read(&mut env);
        let config = env.finish(config).unwrap();
        assert_eq!(queue_name(&config.prefix, "billing"), "ehs-billing.fifo");
        assert_eq!(dead_letter_name(&config.prefix, "billing"), "ehs-billing-dlq.fifo");

        let mut env = Env::of([("EHS_QUEUE_PREFIX", "a b"), ("AWS_ENDPOINT_URL_SQS", "localhost")]);
        let config = QueueConfig::read(&mut env);
        let faults = env.finish(config).unwrap_err().to_string();
        assert!(faults.contains("EHS_QUEUE_PREFIX") && faults.contains("AWS_ENDPOINT_URL_SQS"), "{faults}");
    }
}
