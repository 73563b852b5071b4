//! A PostgreSQL that is killed with SIGKILL while the service answers: every answer that a client received has its row, and
//! afterwards the service goes on by itself.

use std::env;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::Role;
use testkit::{Server, Tokens, eventually};
use uuid::Uuid;

use crate::clinic::{every_answer_has_its_row, routes};
use crate::cluster::Cluster;

const ROUNDS: u32 = 3;
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_row_whenever_postgresql_is_killed() {
    let rounds = env::var("EHS_AUDIT_CRASH_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut cluster = Cluster::start().await;
    let app_url = cluster.url("patients_app");
    let tokens = Tokens::new();
    let server = Server::start("clinic", routes(&app_url, &tokens)).await;
    let asked = Arc::new(Asked::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(ask(asked.clone(), server.url.clone(), tokens.mint(1, Role::Doctor), client)))
        .collect();
    for round in 0..=rounds {
        let before = asked.received();
        eventually(|| async { asked.received() > before + 100 }).await;
        if round < rounds {
            tokio::time::sleep(Duration::from_millis(u64::from(Uuid::new_v4().as_bytes()[0]))).await;
            cluster.kill().await;
            cluster.start_again().await;
        }
    }
    asked.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let received = asked.received.lock().unwrap().clone();
    let refused = asked.refused.load(Ordering::Relaxed);
    println!("{} answers over {rounds} crashes, {refused} refused meanwhile", received.len());
    assert!(refused > 0, "no request met a crash");
    every_answer_has_its_row(&app_url, &received).await;
}

#[derive(Default)]
struct Asked {
    next: AtomicI64,
    received: Mutex<Vec<i64>>,
    refused: AtomicI64,
    stop: AtomicBool,
}

impl Asked {
    fn received(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

/// Asks until told to stop; every second client writes.
async fn ask(asked: Arc<Asked>, url: String, token: String, client: usize) {
    let http = reqwest::Client::new();
    while !asked.stop.load(Ordering::Relaxed) {
        let id = 1_000 + asked.next.fetch_add(1, Ordering::Relaxed);
        let url = format!("{url}/api/patients/{id}/");
        let request = if client.is_multiple_of(2) { http.get(url) } else { http.post(url) };
        let answer = request.bearer_auth(&token).send().await.unwrap();
        if answer.status().is_success() {
            asked.received.lock().unwrap().push(id);
        } else {
            assert!(answer.status().is_server_error(), "{}", answer.status());
            asked.refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
