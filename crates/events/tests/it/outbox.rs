use std::sync::Arc;

use diesel::result::Error;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use events::{
    Outbox, Payload, relay,
    subscriptions::Subscriptions,
    v1::{InvoiceSnapshot, PatientSnapshot, PaymentSnapshot},
};
use testkit::{Queues, TestDb, eventually};

use crate::world::{Recorder, World, no_queues, quick};

#[tokio::test]
async fn a_change_undone_leaves_no_event() {
    let world = World::new().await;
    let mut conn = world.db.connect().await;
    let undone = conn
        .transaction(async |conn| {
            world.append(conn, 1, 1).await?;
            Err::<(), _>(Error::RollbackTransaction)
        })
        .await;
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn every_subscriber_has_a_row_of_its_own() {
    let subscriptions =
        Arc::new(Subscriptions::parse("events: { InvoiceIssued: [a, b], PaymentReceived: [] }").unwrap());
    let (db, queues) =
        (TestDb::new("eventtest", vec![events::MIGRATIONS]).await, Queues::of(Arc::clone(&subscriptions)).await);
    let (outbox, mut conn) = (Outbox::with(subscriptions), db.connect().await);
    let issued = Payload::InvoiceIssued(InvoiceSnapshot { id: 3, ..InvoiceSnapshot::default() });
    outbox.append(&mut conn, None, ("invoice", 3), issued).await.unwrap();
    outbox.append(&mut conn, None, ("invoice", 3), Payload::PaymentReceived(PaymentSnapshot::default())).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM outbox").await, 2);

    assert_eq!(relay::run_once(&db.pool().await, &queues.sqs()).await.unwrap(), 2);
    let (a, b) = (queues.take("a").await, queues.take("b").await);
    assert_eq!(a, b);
    assert_eq!(a.len(), 1);
}

#[tokio::test]
async fn an_event_too_large_for_a_queue_is_refused_at_once() {
    let db = TestDb::new("eventtest", vec![events::MIGRATIONS]).await;
    let patient =
        PatientSnapshot { first_name: "x".repeat(events::outbox::LARGEST_EVENT), ..PatientSnapshot::default() };
    let mut conn = db.connect().await;
    let appended = Outbox::new().append(&mut conn, None, ("patient", 1), Payload::PatientUpdated(patient)).await;
    assert!(matches!(appended, Err(Error::SerializationError(_))));
}

#[tokio::test]
async fn events_wait_while_the_queues_are_away() {
    let world = World::new().await;
    world.change([(1, 1), (1, 2)]).await;
    assert_eq!(relay::run_once(&world.db.pool().await, &no_queues()).await.unwrap(), 0);
    assert_eq!(world.waiting().await, 2);
    world.relay().await;
    assert_eq!(world.waiting().await, 0);
}

/// Someone else holds the outbox's rows, so the relay sends and then cannot delete: there it is killed.
#[tokio::test]
async fn a_relay_killed_between_sending_and_deleting_sends_nothing_twice() {
    let world = World::new().await;
    world.change((1..=20).map(|aggregate| (aggregate, 1))).await;
    let mut other = world.db.connect().await;
    other.batch_execute("BEGIN; SELECT 1 FROM outbox FOR UPDATE").await.unwrap();
    let relay = world.start_relay().await;
    eventually(|| async { world.queues.depth("reader").await == 20 }).await;
    relay.kill();
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(world.waiting().await, 20);

    let consumer = world.consume(quick(), Recorder).await;
    let relay = world.start_relay().await;
    eventually(|| async { world.waiting().await == 0 && world.queues.depth("reader").await == 0 }).await;
    relay.stop().await;
    consumer.stop().await;
    world.assert_applied_once_in_order(20, 1).await;
}
