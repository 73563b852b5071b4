//! The consumer: takes messages from one subscriber's queue and applies them, groups side by side, each group in order.
//!
//! Shut down, it takes no more messages, finishes those at work within a bound, and makes the rest visible again at once.

mod apply;
mod deletions;
mod group;
mod queue;

use std::{future::Future, sync::Arc, time::Duration};

use chassis::db::Pool;
use diesel_async::AsyncPgConnection;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{SqsQueues, inbox, pause::Pause, queues, v1::Envelope};
use group::Group;
use queue::Queue;

/// What a subscriber does with events.
pub trait Handler: Send + Sync + 'static {
    /// Applies the event, in the transaction that records it as applied: an error undoes both and the event comes again.
    ///
    /// Events of one aggregate come in order, but for dead letters that were sent again: a snapshot is kept only if its version is above the one at hand.
    fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// The consumer's times and bounds.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How long one poll waits for messages; a shutdown waits as long at most.
    pub wait: Duration,
    /// How long received messages stay hidden; extended every third of it while they are at work.
    pub visibility: Duration,
    /// How long applying one event may take.
    pub work: Duration,
    /// Pause after the first failure; four times as long after each further one.
    pub retry: Duration,
    /// How long a shutdown waits for events at work.
    pub drain: Duration,
    /// Aggregates at work at once, besides those of the latest poll.
    pub groups: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(2),
            visibility: queues::VISIBILITY,
            work: Duration::from_secs(60),
            retry: Duration::from_secs(2),
            drain: Duration::from_secs(10),
            groups: 8,
        }
    }
}

/// Consumes the subscriber's queue until the shutdown, at the usual pace.
///
/// # Errors
/// None today: whatever goes wrong is logged, counted and tried again.
pub async fn run(
    pool: Pool,
    queues: SqsQueues,
    subscriber: &str,
    handler: impl Handler,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    run_at(Pace::default(), pool, queues, subscriber, handler, shutdown).await
}

/// As [`run`], at a pace of one's own.
///
/// # Errors
/// As for [`run`].
pub async fn run_at(
    pace: Pace,
    pool: Pool,
    queues: SqsQueues,
    subscriber: &str,
    handler: impl Handler,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let queue = Queue::new(queues, subscriber, &pace);
    let abandon = CancellationToken::new();
    let subscriber = Arc::from(subscriber);
    let worker = Arc::new(Worker { pace, pool, queue, subscriber, handler, shutdown, abandon });
    tokio::join!(consume(&worker), inbox::keep_pruned(&worker.pool, &worker.shutdown));
    Ok(())
}

/// What all tasks of a consumer share.
struct Worker<H> {
    pace: Pace,
    pool: Pool,
    queue: Queue,
    subscriber: Arc<str>,
    handler: H,
    /// Begin nothing new.
    shutdown: CancellationToken,
    /// Give up what is at work, too.
    abandon: CancellationToken,
}

async fn consume<H: Handler>(worker: &Arc<Worker<H>>) {
    let mut at_work = JoinSet::new();
    let mut failing = Pause::between(Duration::from_millis(250), Duration::from_secs(15));
    while !worker.shutdown.is_cancelled() {
        while let Some(ended) = at_work.try_join_next() {
            note_panic(ended);
        }
        if at_work.len() >= worker.pace.groups {
            tokio::select! {
                () = worker.shutdown.cancelled() => {}
                ended = at_work.join_next() => ended.into_iter().for_each(note_panic),
            }
            continue;
        }
        match poll(worker).await {
            Ok(groups) => {
                failing.reset();
                for group in groups {
                    at_work.spawn(group.work(Arc::clone(worker)));
                }
            }
            Err(error) => {
                tracing::warn!(
                    subscriber = &*worker.subscriber,
                    error = format!("{error:#}"),
                    "no events can be taken"
                );
                pause(failing.next(), &worker.shutdown).await;
            }
        }
    }
    drain(worker, at_work).await;
}

/// Messages are taken only when the database answers: in an outage they keep their receptions.
async fn poll<H: Handler>(worker: &Worker<H>) -> anyhow::Result<Vec<Group>> {
    apply::require_database(&worker.pool).await?;
    // Not cut short by a shutdown: messages handed to a poll that nobody reads would stay hidden.
    let deliveries = worker.queue.receive().await?;
    Ok(Group::split(deliveries))
}

async fn drain<H: Handler>(worker: &Worker<H>, mut at_work: JoinSet<()>) {
    let all = async {
        while let Some(ended) = at_work.join_next().await {
            note_panic(ended);
        }
    };
    if tokio::time::timeout(worker.pace.drain, all).await.is_ok() {
        return;
    }
    tracing::warn!(
        subscriber = &*worker.subscriber,
        groups = at_work.len(),
        "events at work are given up for the shutdown"
    );
    worker.abandon.cancel();
    let handed_back = async { while at_work.join_next().await.is_some() {} };
    // What cannot be handed back in time comes again when its visibility ends.
    let _ = tokio::time::timeout(Duration::from_secs(2), handed_back).await;
}

async fn pause(time: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}

/// A handler that panicked lost its group; its messages come again when their visibility ends.
fn note_panic(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        metrics::counter!("ehs_events_handler_panics_total").increment(1);
        tracing::error!("a handler panicked; its events come again");
    }
}
