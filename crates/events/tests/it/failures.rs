use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::ensure;
use diesel_async::AsyncPgConnection;
use events::{Handler, consumer::Pace, envelope, v1::Envelope};
use testkit::eventually;

use crate::world::{Recorder, World, quick, version};

/// Records, but fails so many times for these (aggregate, version), after it has recorded.
#[derive(Clone)]
struct Failing(Arc<Mutex<HashMap<(i64, i64), u32>>>);

impl Failing {
    fn times(failures: impl IntoIterator<Item = ((i64, i64), u32)>) -> Self {
        Self(Arc::new(Mutex::new(failures.into_iter().collect())))
    }
}

impl Handler for Failing {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        Recorder.apply(conn, event).await?;
        let mut failures = self.0.lock().unwrap();
        let left = failures.entry((event.aggregate_id, version(event))).or_default();
        ensure!(*left == 0, "told to fail, {} more", std::mem::replace(left, *left - 1) - 1);
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_is_undone_and_tried_again_and_the_order_kept() {
    let world = World::new().await;
    world.change((1..=4).flat_map(|version| [(1, version), (2, version)])).await;
    world.relay().await;
    let consumer = world.consume(quick(), Failing::times([((1, 2), 3)])).await;
    world.until_applied(8).await;
    consumer.stop().await;
    world.assert_applied_once_in_order(2, 4).await;
    assert_eq!(world.queues.dead_letter_count("reader").await, 0);
}

#[tokio::test]
async fn what_fails_five_times_is_a_dead_letter_and_the_rest_goes_on() {
    let world = World::new().await;
    world.change([(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]).await;
    world.relay().await;
    let consumer = world.consume(quick(), Failing::times([((1, 2), 1000)])).await;
    eventually(|| async { world.queues.dead_letter_count("reader").await == 1 }).await;
    world.until_applied(4).await;
    consumer.stop().await;
    let of_one: Vec<i64> = world
        .applied()
        .await
        .into_iter()
        .filter(|(aggregate, _)| *aggregate == 1)
        .map(|(_, version)| version)
        .collect();
    assert_eq!(of_one, [1, 3, 4]);
    let [body] = world.queues.dead_letters("reader").await.try_into().unwrap();
    assert_eq!(version(&envelope::from_wire(&body).unwrap().1), 2);
}

#[tokio::test]
async fn what_is_no_event_becomes_a_dead_letter() {
    let world = World::new().await;
    world.queues.put("reader", "patient-1", "secret? no event at all").await;
    world.change([(1, 1)]).await;
    world.relay().await;
    let consumer = world.consume(quick(), Recorder).await;
    eventually(|| async { world.queues.dead_letter_count("reader").await == 1 }).await;
    world.until_applied(1).await;
    consumer.stop().await;
    assert_eq!(world.queues.dead_letters("reader").await, ["secret? no event at all"]);
}

/// Works longer than messages stay hidden.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<u32>>);

impl Handler for Slow {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        *self.0.lock().unwrap() += 1;
        tokio::time::sleep(Duration::from_secs(4)).await;
        Recorder.apply(conn, event).await
    }
}

#[tokio::test]
async fn slow_work_stays_hidden_from_other_consumers() {
    let world = World::new().await;
    world.change([(1, 1)]).await;
    world.relay().await;
    let slow = Slow::default();
    let pace = Pace { visibility: Duration::from_secs(2), ..quick() };
    let consumers = [world.consume(pace.clone(), slow.clone()).await, world.consume(pace, slow.clone()).await];
    world.until_applied(1).await;
    for consumer in consumers {
        consumer.stop().await;
    }
    assert_eq!(*slow.0.lock().unwrap(), 1, "begun once");
}

#[tokio::test]
async fn work_without_end_is_ended() {
    let world = World::new().await;
    world.change([(1, 1), (2, 1)]).await;
    world.relay().await;
    let pace = Pace { work: Duration::from_millis(300), ..quick() };
    let consumer = world.consume(pace, Slow::default()).await;
    eventually(|| async { world.queues.dead_letter_count("reader").await == 2 }).await;
    consumer.stop().await;
    assert!(world.applied().await.is_empty());
}

/// Its pool leads nowhere, so it takes no message and spends no reception.
#[tokio::test]
async fn without_a_database_messages_keep_their_receptions() {
    let world = World::new().await;
    world.change([(1, 1)]).await;
    world.relay().await;
    let config = chassis::db::DbConfig {
        url: "postgres://nobody@127.0.0.1:9/none".into(),
        wait: Duration::from_millis(200),
        ..world.db.config()
    };
    let pool = chassis::db::pool(&config, "test").unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let lost = events::consumer::run_at(quick(), pool, world.queues.sqs(), "reader", Recorder, stop.clone());
    let found = async {
        let consumer = world.consume(quick(), Recorder).await;
        world.until_applied(1).await;
        consumer.stop().await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(lost, found);
    ended.unwrap();
    assert_eq!(world.applied().await, [(1, 1)]);
}
