//! The messages of one aggregate that a poll brought, worked on in their order.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Handler, Worker, apply::Outcome, queue::Delivery};
use crate::{pause::jittered, queues::MAX_RECEPTIONS};

/// Longest pause that a failure brings.
const LONGEST_RETRY: Duration = Duration::from_secs(900);

pub(super) struct Group {
    deliveries: Vec<Delivery>,
}

impl Group {
    /// Sorts the messages of a poll by their group, in the order in which they came.
    pub(super) fn split(deliveries: Vec<Delivery>) -> Vec<Self> {
        let mut groups: Vec<(String, Self)> = Vec::new();
        for delivery in deliveries {
            match groups.iter_mut().find(|(name, _)| *name == delivery.group) {
                Some((_, group)) => group.deliveries.push(delivery),
                None => groups.push((delivery.group.clone(), Self { deliveries: vec![delivery] })),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Applies one message after the other. A failure ends it, and the messages behind it go back: they come again with the failed one,
    /// unless that has failed for the last time, becomes a dead letter and no longer holds up the others.
    pub(super) async fn work<H: Handler>(self, worker: Arc<Worker<H>>) {
        let mut beat = heartbeat(worker.pace.visibility);
        let mut rest = self.deliveries.as_slice();
        while let [delivery, behind @ ..] = rest {
            if worker.shutdown.is_cancelled() {
                return hand_back(&worker, rest, Duration::ZERO).await;
            }
            let outcome = tokio::select! {
                outcome = worker.apply(delivery) => outcome,
                () = keep_hidden(&worker, rest, &mut beat) => return,
                () = worker.abandon.cancelled() => return hand_back(&worker, rest, Duration::ZERO).await,
            };
            match outcome {
                Outcome::Done => finish(&worker, delivery).await,
                Outcome::DatabaseAway => return hand_back(&worker, rest, jittered(worker.pace.retry)).await,
                Outcome::Failed => {
                    hand_back(
                        &worker,
                        std::slice::from_ref(delivery),
                        retry_pause(worker.pace.retry, delivery.receptions),
                    )
                    .await;
                    if delivery.receptions < MAX_RECEPTIONS {
                        return hand_back(&worker, behind, Duration::ZERO).await;
                    }
                }
            }
            rest = behind;
        }
    }
}

/// Ticks three times in a visibility.
fn heartbeat(visibility: Duration) -> Interval {
    let every = (visibility / 3).max(Duration::from_millis(100));
    let mut beat = interval_at(Instant::now() + every, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

/// Keeps the messages hidden for as long as it is polled; never ends.
async fn keep_hidden<H: Handler>(worker: &Worker<H>, deliveries: &[Delivery], beat: &mut Interval) {
    loop {
        beat.tick().await;
        if let Err(error) = worker.queue.extend(deliveries).await {
            tracing::warn!(
                subscriber = &*worker.subscriber,
                error = format!("{error:#}"),
                "messages at work may come a second time"
            );
        }
    }
}

/// Should this fail, the message comes again and the inbox knows it.
async fn finish<H: Handler>(worker: &Worker<H>, delivery: &Delivery) {
    if let Err(error) = worker.queue.delete(delivery).await {
        tracing::warn!(
            subscriber = &*worker.subscriber,
            error = format!("{error:#}"),
            "an applied message could not be deleted"
        );
    }
}

/// Should this fail, the messages come again when their visibility ends.
async fn hand_back<H: Handler>(worker: &Worker<H>, deliveries: &[Delivery], pause: Duration) {
    if let Err(error) = worker.queue.release(deliveries, pause).await {
        tracing::warn!(
            subscriber = &*worker.subscriber,
            error = format!("{error:#}"),
            "messages could not be handed back"
        );
    }
}

/// Four times as long after each further reception.
fn retry_pause(first: Duration, receptions: u32) -> Duration {
    let factor = 4_u32.saturating_pow(receptions.saturating_sub(1));
    jittered(first.saturating_mul(factor).min(LONGEST_RETRY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, group: &str) -> Delivery {
        Delivery {
            message_id: id.to_owned(),
            receipt: id.to_owned(),
            group: group.to_owned(),
            body: String::new(),
            traceparent: None,
            receptions: 1,
        }
    }

    #[test]
    fn groups_keep_the_order_of_their_messages() {
        let groups = Group::split(vec![delivery("1", "a"), delivery("2", "b"), delivery("3", "a")]);
        let ids: Vec<Vec<&str>> =
            groups.iter().map(|g| g.deliveries.iter().map(|d| d.message_id.as_str()).collect()).collect();
        assert_eq!(ids, [vec!["1", "3"], vec!["2"]]);
    }

    #[test]
    fn pauses_grow_fourfold_and_end_at_a_quarter_of_an_hour() {
        let two = Duration::from_secs(2);
        for (receptions, seconds) in [(1, 2), (2, 8), (3, 32), (4, 128), (50, 900)] {
            let pause = retry_pause(two, receptions);
            assert!(
                pause <= Duration::from_secs(seconds) && pause >= Duration::from_millis(seconds * 750),
                "{receptions}: {pause:?}"
            );
        }
    }
}
