//! The calls to SQS that a consumer makes.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message,
    MessageSystemAttributeName::{ApproximateReceiveCount, MessageGroupId},
};
use uuid::Uuid;

use super::Pace;
use super::deletions::Deletions;
use crate::SqsQueues;

/// A message as received.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub message_id: String,
    pub receipt: String,
    pub group: String,
    pub body: String,
    pub traceparent: Option<String>,
    /// How often it was received, this time included.
    pub receptions: u32,
}

/// One subscriber's queue.
pub(super) struct Queue {
    queues: SqsQueues,
    subscriber: String,
    wait: i32,
    visibility: i32,
    deletions: Deletions,
}

impl Queue {
    pub(super) fn new(queues: SqsQueues, subscriber: &str, pace: &Pace) -> Self {
        Self {
            queues,
            subscriber: subscriber.to_owned(),
            wait: seconds(pace.wait),
            visibility: seconds(pace.visibility),
            deletions: Deletions::default(),
        }
    }

    /// Waits for messages, ten at most.
    pub(super) async fn receive(&self) -> anyhow::Result<Vec<Delivery>> {
        let url = self.queues.url(&self.subscriber).await?;
        let answer = self
            .queues
            .client()
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(self.wait)
            .visibility_timeout(self.visibility)
            // A retry after a lost answer gets the same messages again.
            .receive_request_attempt_id(Uuid::now_v7().to_string())
            .message_attribute_names("traceparent")
            .message_system_attribute_names(ApproximateReceiveCount)
            .message_system_attribute_names(MessageGroupId)
            .send()
            .await
            .context("SQS gives no messages")?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(delivery).collect())
    }

    /// The message is done with.
    pub(super) async fn delete(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let url = self.queues.url(&self.subscriber).await?;
        self.deletions.delete(&self.queues, &url, &delivery.receipt).await
    }

    /// Keeps the messages hidden for a whole visibility from now.
    pub(super) async fn extend(&self, deliveries: &[Delivery]) -> anyhow::Result<()> {
        self.change(deliveries, self.visibility).await
    }

    /// Lets the messages be received again after `pause`.
    pub(super) async fn release(&self, deliveries: &[Delivery], pause: Duration) -> anyhow::Result<()> {
        self.change(deliveries, seconds(pause)).await
    }

    async fn change(&self, deliveries: &[Delivery], visibility: i32) -> anyhow::Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let url = self.queues.url(&self.subscriber).await?;
        let mut request = self.queues.client().change_message_visibility_batch().queue_url(url);
        for (index, delivery) in deliveries.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&delivery.receipt)
                .visibility_timeout(visibility)
                .build()?;
            request = request.entries(entry);
        }
        let answer = request.send().await?;
        anyhow::ensure!(
            answer.failed.is_empty(),
            "{} of {} visibilities not changed",
            answer.failed.len(),
            deliveries.len()
        );
        Ok(())
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

/// A message without a receipt can be neither worked on nor handed back: it comes again.
fn delivery(message: Message) -> Option<Delivery> {
    let system = message.attributes.unwrap_or_default();
    let mut attributes = message.message_attributes.unwrap_or_default();
    Some(Delivery {
        message_id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle?,
        group: system.get(&MessageGroupId).cloned().unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        traceparent: attributes.remove("traceparent").and_then(|value| value.string_value),
        receptions: system.get(&ApproximateReceiveCount).and_then(|count| count.parse().ok()).unwrap_or(1),
    })
}
