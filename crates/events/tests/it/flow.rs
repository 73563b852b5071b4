use diesel_async::{AsyncConnection, RunQueryDsl};
use events::{envelope, inbox};
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Recorder, World, quick};

#[tokio::test]
async fn what_is_written_is_applied() {
    let world = World::new().await;
    let (relay, consumer) = (world.start_relay().await, world.consume(quick(), Recorder).await);
    world.change([(1, 1), (2, 1), (1, 2)]).await;
    world.until_applied(3).await;
    eventually(|| async { world.waiting().await == 0 && world.queues.depth("reader").await == 0 }).await;
    relay.stop().await;
    consumer.stop().await;
    let mut applied = world.applied().await;
    applied.sort_unstable();
    assert_eq!(applied, [(1, 1), (1, 2), (2, 1)]);
    assert_eq!(world.db.number("SELECT count(*) FROM inbox WHERE subscriber = 'reader'").await, 3);
}

#[tokio::test]
async fn the_envelope_says_who_did_what_and_when() {
    let world = World::new().await;
    world.change([(7, 3)]).await;
    world.relay().await;
    let [event] = world.queues.take("reader").await.try_into().unwrap();
    assert_eq!(event.r#type, "PatientUpdated");
    assert_eq!((event.aggregate_type.as_str(), event.aggregate_id), ("patient", 7));
    let actor = event.actor.unwrap();
    assert_eq!((actor.user_id, actor.role.as_str()), (1, "NURSE"));
    let age = chrono::Utc::now() - envelope::time(&event.occurred_at.unwrap()).unwrap();
    assert!(age.num_seconds().abs() < 60, "{age}");
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let world = World::new().await;
    let bodies = body_of_the_only_row(&world).await;
    let consumer = world.consume(quick(), Recorder).await;
    // Each with a de-duplication id of its own: SQS takes them for different messages.
    for _ in 0..3 {
        world.queues.put("reader", "patient-1", &bodies).await;
    }
    world.until_applied(1).await;
    eventually(|| async { world.queues.depth("reader").await == 0 }).await;
    consumer.stop().await;
    assert_eq!(world.applied().await, [(1, 1)]);
    assert_eq!(world.queues.dead_letter_count("reader").await, 0);
}

async fn body_of_the_only_row(world: &World) -> String {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Bytea)]
        body: Vec<u8>,
    }
    world.change([(1, 1)]).await;
    let mut conn = world.db.connect().await;
    let row: Row = diesel::sql_query("SELECT body FROM outbox").get_result(&mut conn).await.unwrap();
    envelope::to_wire(&row.body)
}

#[tokio::test]
async fn the_inbox_forgets_after_thirty_days_in_small_batches() {
    let world = World::new().await;
    let mut conn = world.db.connect().await;
    let recorded = conn
        .transaction(async |conn| {
            for _ in 0..5 {
                inbox::record(conn, "reader", Uuid::now_v7()).await?;
            }
            inbox::record(conn, "reader", Uuid::nil()).await
        })
        .await;
    assert_eq!(recorded, Ok(true));
    assert_eq!(inbox::record(&mut conn, "reader", Uuid::nil()).await, Ok(false));
    world.db.sql("UPDATE inbox SET applied_at = now() - interval '31 days' WHERE event_id <> '00000000-0000-0000-0000-000000000000'").await;
    assert_eq!(inbox::prune(&mut conn, 3).await, Ok(3));
    assert_eq!(inbox::prune(&mut conn, 3).await, Ok(2));
    assert_eq!(inbox::prune(&mut conn, 3).await, Ok(0));
    assert_eq!(inbox::record(&mut conn, "reader", Uuid::nil()).await, Ok(false));
}

#[tokio::test]
async fn to_forget_what_is_old_the_rest_of_the_inbox_is_not_read() {
    let world = World::new().await;
    let some = "INSERT INTO inbox (subscriber, event_id, applied_at) \
                SELECT 'reader', gen_random_uuid(), now() - interval '31 days' * (n <= 2500)::int FROM generate_series(1, 30000) AS n";
    world.db.sql(some).await;
    world.db.sql("VACUUM ANALYZE inbox").await;
    let mut conn = world.db.connect().await;
    for forgotten in [1_000, 1_000, 500, 0] {
        assert_eq!(inbox::prune(&mut conn, 1_000).await, Ok(forgotten));
    }
    // A session tells what it did when it ends.
    drop(conn);
    let of_table = |what: &str| format!("SELECT {what} FROM pg_stat_user_tables WHERE relname = 'inbox'");
    eventually(|| async { world.db.number(&of_table("n_tup_del")).await == 2_500 }).await;
    let looked_at = world.db.number(&of_table("seq_tup_read + idx_tup_fetch")).await;
    assert!(looked_at < 10_000, "{looked_at} rows for 2,500");
}
