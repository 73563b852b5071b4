//! A producer and a subscriber called `reader`.

use std::{sync::Arc, time::Duration};

use diesel::{QueryableByName, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use events::{
    Handler, Outbox, Payload, SqsQueues,
    consumer::{self, Pace},
    relay,
    subscriptions::Subscriptions,
    v1::{Envelope, PatientSnapshot},
};
use testkit::{Queues, TestDb, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const READER: &str = "reader";

pub struct World {
    pub db: TestDb,
    pub queues: Queues,
    outbox: Outbox,
}

impl World {
    pub async fn new() -> Self {
        let subscriptions = Arc::new(Subscriptions::parse("events: { PatientUpdated: [reader] }").unwrap());
        let db = TestDb::new("eventtest", vec![events::MIGRATIONS]).await;
        db.sql(
            "CREATE TABLE applied (n bigint GENERATED ALWAYS AS IDENTITY, aggregate bigint NOT NULL, version bigint NOT NULL);
             GRANT ALL ON applied TO eventtest_app",
        )
        .await;
        Self { db, queues: Queues::of(Arc::clone(&subscriptions)).await, outbox: Outbox::with(subscriptions) }
    }

    pub async fn append(&self, conn: &mut AsyncPgConnection, aggregate: i64, version: i64) -> diesel::QueryResult<()> {
        let patient = PatientSnapshot { id: aggregate, version, ..PatientSnapshot::default() };
        self.outbox.append(conn, Some((1, "NURSE")), ("patient", aggregate), Payload::PatientUpdated(patient)).await
    }

    /// One transaction with these changes of (aggregate, version).
    pub async fn change(&self, changes: impl IntoIterator<Item = (i64, i64)>) {
        let changes: Vec<_> = changes.into_iter().collect();
        let mut conn = self.db.connect().await;
        conn.transaction(async |conn| {
            for (aggregate, version) in &changes {
                self.append(conn, *aggregate, *version).await?;
            }
            diesel::QueryResult::Ok(())
        })
        .await
        .unwrap();
    }

    /// Sends all that waits.
    pub async fn relay(&self) {
        let pool = self.db.pool().await;
        while relay::run_once(&pool, &self.queues.sqs()).await.unwrap() > 0 {}
    }

    pub async fn consume(&self, pace: Pace, handler: impl Handler) -> Running {
        let (pool, sqs, stop) = (self.db.pool().await, self.queues.sqs(), CancellationToken::new());
        let stopped = stop.clone();
        let task =
            tokio::spawn(async move { consumer::run_at(pace, pool, sqs, READER, handler, stopped).await.unwrap() });
        Running { task, stop }
    }

    pub async fn start_relay(&self) -> Running {
        let (pool, sqs, stop) = (self.db.pool().await, self.queues.sqs(), CancellationToken::new());
        let stopped = stop.clone();
        Running { task: tokio::spawn(async move { relay::run(pool, sqs, stopped).await.unwrap() }), stop }
    }

    /// What was applied, in the order in which it was.
    pub async fn applied(&self) -> Vec<(i64, i64)> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            aggregate: i64,
            #[diesel(sql_type = BigInt)]
            version: i64,
        }
        let mut conn = self.db.connect().await;
        let rows: Vec<Row> =
            diesel::sql_query("SELECT aggregate, version FROM applied ORDER BY n").load(&mut conn).await.unwrap();
        rows.into_iter().map(|row| (row.aggregate, row.version)).collect()
    }

    pub async fn until_applied(&self, events: i64) {
        eventually(|| async { self.db.number("SELECT count(*) FROM applied").await >= events }).await;
    }

    pub async fn waiting(&self) -> i64 {
        self.db.number("SELECT count(*) FROM outbox").await
    }

    /// Every version of every aggregate once, and in order.
    pub async fn assert_applied_once_in_order(&self, aggregates: i64, versions: i64) {
        let applied = self.applied().await;
        assert_eq!(applied.len() as i64, aggregates * versions);
        for aggregate in 1..=aggregates {
            let found: Vec<i64> =
                applied.iter().filter(|(a, _)| *a == aggregate).map(|(_, version)| *version).collect();
            assert_eq!(found, (1..=versions).collect::<Vec<_>>(), "aggregate {aggregate}");
        }
    }
}

pub struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As if the process was killed: nothing is finished, nothing handed back.
    pub fn kill(self) {
        self.task.abort();
    }
}

/// Short waits, and failures that come back at once.
pub fn quick() -> Pace {
    Pace { wait: Duration::from_secs(1), retry: Duration::ZERO, ..Pace::default() }
}

/// Writes down what it is given.
#[derive(Clone)]
pub struct Recorder;

impl Handler for Recorder {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        diesel::sql_query("INSERT INTO applied (aggregate, version) VALUES ($1, $2)")
            .bind::<BigInt, _>(event.aggregate_id)
            .bind::<BigInt, _>(version(event))
            .execute(conn)
            .await?;
        Ok(())
    }
}

pub fn version(event: &Envelope) -> i64 {
    match &event.payload {
        Some(Payload::PatientUpdated(patient)) => patient.version,
        _ => panic!("only patients are updated here"),
    }
}

/// A queue service that is not there.
pub fn no_queues() -> SqsQueues {
    let config = events::QueueConfig { endpoint: Some("http://127.0.0.1:9".to_owned()), ..Queues::config_at("none-") };
    Queues::connect(&config)
}
