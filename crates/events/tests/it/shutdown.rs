use std::{sync::Arc, time::Duration};

use diesel_async::AsyncPgConnection;
use events::{Handler, consumer::Pace, v1::Envelope};
use testkit::eventually;
use tokio::{sync::Semaphore, time::Instant};

use crate::world::{Recorder, World, quick};

/// Says when it has begun, and goes on when told to.
#[derive(Clone)]
struct Gated {
    begun: Arc<Semaphore>,
    go_on: Arc<Semaphore>,
}

impl Gated {
    fn closed() -> Self {
        Self { begun: Arc::new(Semaphore::new(0)), go_on: Arc::new(Semaphore::new(0)) }
    }
}

impl Handler for Gated {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        self.begun.add_permits(1);
        self.go_on.acquire().await?.forget();
        Recorder.apply(conn, event).await
    }
}

#[tokio::test]
async fn work_that_ends_in_time_is_finished_and_the_rest_handed_back() {
    let world = World::new().await;
    world.change([(1, 1), (1, 2), (1, 3)]).await;
    world.relay().await;
    let gated = Gated::closed();
    let consumer = world.consume(quick(), gated.clone()).await;
    gated.begun.acquire().await.unwrap().forget();
    let go_on = async {
        tokio::task::yield_now().await;
        gated.go_on.add_permits(1);
    };
    tokio::join!(consumer.stop(), go_on);
    assert_eq!(world.applied().await, [(1, 1)]);
    eventually(|| async { world.queues.visible_and_hidden("reader").await == (2, 0) }).await;
}

#[tokio::test]
async fn work_that_does_not_end_is_given_up_and_handed_back() {
    let world = World::new().await;
    world.change([(1, 1), (1, 2), (2, 1)]).await;
    world.relay().await;
    let gated = Gated::closed();
    let pace = Pace { drain: Duration::from_millis(300), ..quick() };
    let consumer = world.consume(pace, gated.clone()).await;
    gated.begun.acquire_many(2).await.unwrap().forget();
    let began = Instant::now();
    consumer.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    eventually(|| async { world.queues.visible_and_hidden("reader").await == (3, 0) }).await;
    assert!(world.applied().await.is_empty());

    let consumer = world.consume(quick(), Recorder).await;
    world.until_applied(3).await;
    consumer.stop().await;
}

#[tokio::test]
async fn an_idle_consumer_stops_within_its_poll() {
    let world = World::new().await;
    let (relay, consumer) = (world.start_relay().await, world.consume(quick(), Recorder).await);
    let began = Instant::now();
    relay.stop().await;
    consumer.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
