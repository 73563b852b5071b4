//! Deleting messages that are done with, several by one request: while one request is under way the next ones gather. A request
//! is what SQS costs, in money and in time.

use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::SqsQueues;

/// Messages of one request at most: SQS takes no more.
const MOST: usize = 10;

/// What waits to be deleted from one queue.
#[derive(Default)]
pub(super) struct Deletions {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    receipt: String,
    told: oneshot::Sender<bool>,
}

impl Deletions {
    /// Deletes a message; whoever has the turn deletes the others that wait with it.
    ///
    /// # Errors
    /// When SQS did not delete it; it comes again.
    pub async fn delete(&self, queues: &SqsQueues, url: &str, receipt: &str) -> anyhow::Result<()> {
        let (told, mut heard) = oneshot::channel();
        self.waiting().push(Waiting { receipt: receipt.to_owned(), told });
        loop {
            let _turn = self.turn.lock().await;
            match heard.try_recv() {
                Ok(deleted) => return deleted.then_some(()).context("SQS did not delete it"),
                Err(TryRecvError::Closed) => anyhow::bail!("the request that was to delete it broke off"),
                Err(TryRecvError::Empty) => {}
            }
            let batch: Vec<Waiting> = {
                let mut waiting = self.waiting();
                let most = waiting.len().min(MOST);
                waiting.drain(..most).collect()
            };
            let kept = request(queues, url, &batch).await;
            for (place, one) in batch.into_iter().enumerate() {
                let deleted = kept.as_ref().is_ok_and(|kept| !kept.contains(&place));
                // Who gave up waiting does not listen.
                let _ = one.told.send(deleted);
            }
            kept?;
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request; gives the places of those that SQS did not delete.
async fn request(queues: &SqsQueues, url: &str, batch: &[Waiting]) -> anyhow::Result<Vec<usize>> {
    let mut request = queues.client().delete_message_batch().queue_url(url);
    for (place, one) in batch.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(&one.receipt);
        request = request.entries(entry.build()?);
    }
    let answer = request.send().await?;
    Ok(answer.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect())
}
