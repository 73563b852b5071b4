//! Workers that are killed with SIGKILL while events flow.

use std::{env, process::Stdio, time::Duration};

use chassis::db::DbConfig;
use events::{
    consumer::{self, Pace},
    relay,
};
use testkit::{Queues, eventually};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{READER, Recorder, World, quick};

const WORKER_DATABASE: &str = "EHS_EVENTS_TEST_WORKER_DATABASE";
const WORKER_PREFIX: &str = "EHS_EVENTS_TEST_WORKER_PREFIX";

#[tokio::test]
async fn every_event_is_applied_once_whenever_the_worker_is_killed() {
    let world = World::new().await;
    let mut cut_short = 0;
    for round in 0..10 {
        for version in round * 2 + 1..=round * 2 + 2 {
            world.change((1..=50).map(|aggregate| (aggregate, version))).await;
        }
        let mut worker = worker(&world);
        let moment = 100 + u64::from(Uuid::new_v4().as_bytes()[0]) * 3;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        worker.kill().await.unwrap();
        cut_short += u32::from(world.waiting().await > 0 || world.queues.depth(READER).await > 0);
    }
    // Had the kills hit idle workers only, the bar would be met by luck.
    assert!(cut_short >= 3, "{cut_short} kills of 10 came while there was work");

    let mut worker = worker(&world);
    world.until_applied(1_000).await;
    eventually(|| async { world.waiting().await == 0 && world.queues.depth(READER).await == 0 }).await;
    worker.kill().await.unwrap();
    world.assert_applied_once_in_order(50, 20).await;
    assert_eq!(world.queues.dead_letter_count(READER).await, 0);
}

/// This test program once more, running [`worker_process`] alone.
fn worker(world: &World) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::worker_process", "--nocapture"])
        .env(WORKER_DATABASE, &world.db.app_url)
        .env(WORKER_PREFIX, &world.queues.config().prefix)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Nothing by itself: the body of the processes that the test above starts and kills.
#[tokio::test]
async fn worker_process() {
    let (Ok(database), Ok(prefix)) = (env::var(WORKER_DATABASE), env::var(WORKER_PREFIX)) else { return };
    let config = DbConfig {
        url: database.into(),
        pool_size: 8,
        wait: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
    };
    let pool = chassis::db::pool(&config, "killed").unwrap();
    let sqs = Queues::connect(&Queues::config_at(&prefix));
    // What a killed worker had taken is soon there again.
    let pace = Pace { visibility: Duration::from_secs(3), ..quick() };
    let never = CancellationToken::new();
    tokio::try_join!(
        relay::run(pool.clone(), sqs.clone(), never.clone()),
        consumer::run_at(pace, pool, sqs, READER, Recorder, never),
    )
    .unwrap();
}
