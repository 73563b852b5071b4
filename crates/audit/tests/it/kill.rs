//! A service that is killed with SIGKILL while it answers: every answer that a client received has its row.

use std::env;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::{Role, SigningKeys};
use chassis::http::{self, Readiness};
use secrecy::ExposeSecret;
use testkit::{TestDb, Tokens, eventually};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clinic::{every_answer_has_its_row, migrations, routes};

const DATABASE: &str = "EHS_AUDIT_TEST_DATABASE";
const PORT: &str = "EHS_AUDIT_TEST_PORT";
const KEYS: &str = "EHS_AUDIT_TEST_KEYS";
const ROUNDS: u32 = 8;
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_row_whenever_the_service_is_killed() {
    let rounds = env::var("EHS_AUDIT_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let db = TestDb::new("patients", migrations()).await;
    let keys = env::temp_dir().join(format!("ehs-audit-keys-{}", Uuid::now_v7()));
    let signing = SigningKeys::generate().unwrap();
    std::fs::write(&keys, signing.to_file().unwrap().expose_secret()).unwrap();
    let tokens = Tokens::of(signing);
    let received = Arc::new(Mutex::new(Vec::new()));
    let next = Arc::new(AtomicI64::new(1_000));
    let mut cut_short = 0;
    for _ in 0..rounds {
        let port = free_port();
        let mut service = service(&db, port, keys.to_str().unwrap());
        let token = Arc::new(tokens.mint(1, Role::Doctor));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| tokio::spawn(ask(port, client, token.clone(), next.clone(), received.clone())))
            .collect();
        let before = received.lock().unwrap().len();
        eventually(|| async { received.lock().unwrap().len() > before }).await;
        tokio::time::sleep(Duration::from_millis(u64::from(Uuid::new_v4().as_bytes()[0]))).await;
        service.kill().await.unwrap();
        for client in clients {
            cut_short += u32::from(client.await.unwrap());
        }
    }
    let _ = std::fs::remove_file(&keys);
    let received = received.lock().unwrap().clone();
    println!("{} answers over {rounds} kills, {cut_short} requests cut short", received.len());
    assert!(cut_short > rounds / 2, "{cut_short} requests were under way at {rounds} kills");
    every_answer_has_its_row(&db.app_url, &received).await;
}

/// Asks until the service is gone; every second request writes. Says whether it was answered before and cut off then.
async fn ask(
    port: u16,
    client: usize,
    token: Arc<String>,
    next: Arc<AtomicI64>,
    received: Arc<Mutex<Vec<i64>>>,
) -> bool {
    let http = reqwest::Client::new();
    let mut answered = false;
    for tries in 0..200_000_u32 {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let url = format!("http://127.0.0.1:{port}/api/patients/{id}/");
        let request = if client.is_multiple_of(2) { http.get(url) } else { http.post(url) };
        match request.bearer_auth(&token).send().await {
            Ok(answer) => {
                assert!(answer.status().is_success(), "{}", answer.status());
                received.lock().unwrap().push(id);
                answered = true;
            }
            Err(_) if answered => return true,
            Err(_) if tries > 1_000 => return false,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    false
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn service(db: &TestDb, port: u16, keys: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::service_process", "--nocapture"])
        .env(DATABASE, &db.app_url)
        .env(PORT, port.to_string())
        .env(KEYS, keys)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Nothing by itself: the body of the processes that the test above starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn service_process() {
    let (Ok(database), Ok(port), Ok(keys)) = (env::var(DATABASE), env::var(PORT), env::var(KEYS)) else { return };
    let tokens = Tokens::of(SigningKeys::parse(&std::fs::read_to_string(keys).unwrap().into()).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    let ready = Readiness::new(|| async { Ok(()) });
    http::serve(listener, 2, "killed", routes(&database, &tokens), ready, CancellationToken::new()).await.unwrap();
}
