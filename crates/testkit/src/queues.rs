//! Queues per test.

use std::sync::Arc;

use aws_sdk_sqs::types::QueueAttributeName;
use events::{QueueConfig, SqsQueues, envelope, queues, subscriptions::Subscriptions, v1::Envelope};
use uuid::Uuid;

use crate::{Endpoints, block_on_elsewhere};

/// All queues of `subscriptions.yaml`, under a prefix that no other test has.
pub struct Queues {
    config: QueueConfig,
    sqs: SqsQueues,
    subscriptions: Arc<Subscriptions>,
}

impl Queues {
    /// Makes them.
    pub async fn new() -> Self {
        Self::of(Subscriptions::committed()).await
    }

    /// As [`Self::new`], for subscriptions of one's own.
    pub async fn of(subscriptions: Arc<Subscriptions>) -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        let queues = Self::at(&format!("t-{}-", unique.get(..12).unwrap_or_default()), subscriptions);
        queues::ensure(queues.sqs.client(), queues.sqs.prefix(), &queues.subscriptions).await.expect("queues");
        queues
    }

    fn at(prefix: &str, subscriptions: Arc<Subscriptions>) -> Self {
        let config = Self::config_at(prefix);
        Self { sqs: Self::connect(&config), config, subscriptions }
    }

    /// Settings of queues with this prefix at the test's SQS.
    pub fn config_at(prefix: &str) -> QueueConfig {
        QueueConfig {
            prefix: prefix.to_owned(),
            region: "ap-south-1".to_owned(),
            endpoint: Some(Endpoints::get().aws.clone()),
        }
    }

    /// A client of the test's SQS, for another runtime or process than the one that made the queues.
    pub fn connect(config: &QueueConfig) -> SqsQueues {
        SqsQueues::with_key(config, "test", "test")
    }

    /// Settings as a service has them.
    pub fn config(&self) -> &QueueConfig {
        &self.config
    }

    /// The client and the queues.
    pub fn sqs(&self) -> SqsQueues {
        self.sqs.clone()
    }

    /// Messages that the subscriber has still to take or to finish.
    pub async fn depth(&self, subscriber: &str) -> u32 {
        let (visible, hidden) = self.visible_and_hidden(subscriber).await;
        visible + hidden
    }

    /// Messages that wait, and messages that are at work (or wait for another try).
    pub async fn visible_and_hidden(&self, subscriber: &str) -> (u32, u32) {
        let url = self.sqs.url(subscriber).await.expect("the queue");
        self.counts(&url).await
    }

    /// The subscriber's dead letters, bodies as they came. They stay in their queue, hidden for a while.
    pub async fn dead_letters(&self, subscriber: &str) -> Vec<String> {
        let url = self.sqs.dead_letter_url(subscriber).await.expect("the dead-letter queue");
        let request =
            self.sqs.client().receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(0);
        let answer = request.send().await.expect("messages");
        answer.messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect()
    }

    /// How many dead letters the subscriber has.
    pub async fn dead_letter_count(&self, subscriber: &str) -> u32 {
        let url = self.sqs.dead_letter_url(subscriber).await.expect("the dead-letter queue");
        let (visible, hidden) = self.counts(&url).await;
        visible + hidden
    }

    /// Takes what waits for the subscriber, at most ten, and deletes it: for tests of what is published.
    pub async fn take(&self, subscriber: &str) -> Vec<Envelope> {
        let url = self.sqs.url(subscriber).await.expect("the queue");
        let client = self.sqs.client();
        let request = client.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
        let mut taken = Vec::new();
        for message in request.send().await.expect("messages").messages.unwrap_or_default() {
            let (_id, event) = envelope::from_wire(message.body.as_deref().unwrap_or_default()).expect("an event");
            client
                .delete_message()
                .queue_url(&url)
                .set_receipt_handle(message.receipt_handle)
                .send()
                .await
                .expect("deleted");
            taken.push(event);
        }
        taken
    }

    /// Puts a message on the subscriber's queue, whatever it is.
    pub async fn put(&self, subscriber: &str, group: &str, body: &str) {
        let url = self.sqs.url(subscriber).await.expect("the queue");
        let request = self.sqs.client().send_message().queue_url(url).message_body(body).message_group_id(group);
        request.message_deduplication_id(Uuid::new_v4().to_string()).send().await.expect("sent");
    }

    async fn counts(&self, url: &str) -> (u32, u32) {
        let (visible, hidden) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        );
        let request = self.sqs.client().get_queue_attributes().queue_url(url);
        let answer =
            request.attribute_names(visible.clone()).attribute_names(hidden.clone()).send().await.expect("attributes");
        let found = answer.attributes.unwrap_or_default();
        let number = |name| found.get(&name).and_then(|text| text.parse().ok()).unwrap_or_default();
        (number(visible), number(hidden))
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        let (config, subscriptions) = (self.config.clone(), Arc::clone(&self.subscriptions));
        block_on_elsewhere(async move {
            let sqs = Self::connect(&config);
            for subscriber in subscriptions.subscribers() {
                for url in [sqs.url(subscriber).await, sqs.dead_letter_url(subscriber).await].into_iter().flatten() {
                    sqs.client().delete_queue().queue_url(url).send().await.expect("the queue is deleted");
                }
            }
        });
    }
}
