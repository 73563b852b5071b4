//! An upload is not held in memory: a real process, and what the system says of its memory.
//!
//! `EHS_TEST_UPLOAD_MB=500 cargo nextest run -p patients an_upload_is_not_held --no-capture` measures a large one.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use auth::Role;
use futures_util::stream;
use reqwest::{Body, Client};
use serde_json::Value;
use testkit::{Bucket, Endpoints, TestDb, Tokens, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::documents::{FORM, form, path};

const PIECE: usize = 64 * 1024;
/// What an upload of any size may add.
const MOST_KB: u64 = 30 * 1024;

/// `patients serve`; killed when dropped.
struct Process {
    child: Child,
    url: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    async fn start(db: &TestDb, bucket: &Bucket, jwks: &str) -> Self {
        let free = || TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let (listen, admin, parts) = (free().to_string(), free().to_string(), Endpoints::get());
        let child = Command::new(env!("CARGO_BIN_EXE_patients"))
            .arg("serve")
            .env_clear()
            .envs([
                ("EHS_MODE", "demo"),
                ("EHS_LOG", "warn"),
                ("EHS_LISTEN", &listen),
                ("EHS_ADMIN_LISTEN", &admin),
                ("DATABASE_URL", &db.app_url),
                ("REDIS_URL", &parts.redis),
                ("EHS_CURSOR_KEY", &"7f".repeat(32)),
                ("EHS_JWKS_URL", jwks),
                ("EHS_USERS_URL", "http://127.0.0.1:9"),
                ("EHS_S3_BUCKET", &bucket.name),
                ("EHS_DOCUMENT_MAX_BYTES", "1073741824"),
                ("AWS_ENDPOINT_URL_S3", &bucket.endpoint),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, url: format!("http://{listen}") };
        let client = Client::new();
        let ready = format!("{}/readyz", process.url);
        eventually(|| async { client.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200) }).await;
        process
    }

    /// A line of `/proc/<pid>/status`, in kilobytes.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// From now on the peak is what is in use now (proc(5), `clear_refs`).
    fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    async fn upload(&self, token: &str, patient: i64, size: usize) -> Value {
        let form = form(b"CONTENT");
        let at = form.windows(7).position(|window| window == b"CONTENT").unwrap();
        let (before, after) = (form[..at].to_vec(), form[at + 7..].to_vec());
        let pieces = (0..size / PIECE).map(|_| vec![b'x'; PIECE]);
        let pieces = [before].into_iter().chain(pieces).chain([after]).map(Ok::<_, std::io::Error>);
        let request = Client::new().post(format!("{}{}", self.url, path(patient))).bearer_auth(token);
        let request = request.header("content-type", FORM).body(Body::wrap_stream(stream::iter(pieces)));
        let answer = request.timeout(Duration::from_secs(600)).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }
}

/// Answers every request with the keys.
async fn key_set(tokens: &Tokens) -> String {
    let keys = serde_json::to_string(&tokens.keys().jwks()).unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut line, _)) = listener.accept().await {
            let _ = line.read(&mut [0; 4096]).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                keys.len()
            );
            let _ = line.write_all(format!("{head}{keys}").as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "whoever measures wants the figures")]
async fn an_upload_is_not_held_in_memory() {
    let megabytes: usize = std::env::var("EHS_TEST_UPLOAD_MB").ok().map_or(80, |text| text.parse().unwrap());
    let (db, bucket, tokens) =
        (TestDb::new("patients", patients::migrations()).await, Bucket::new().await, Tokens::new());
    let process = Process::start(&db, &bucket, &key_set(&tokens).await).await;
    db.sql("INSERT INTO patients (first_name) VALUES ('Lakshmi')").await;
    let patient = db.number("SELECT id FROM patients").await;
    let token = tokens.mint(1, Role::Admin);
    // what is made once, whoever comes: connections, buffers, threads
    process.upload(&token, patient, 256 * 1024).await;
    process.forget_peak();
    let before = process.memory("VmRSS");
    let size = megabytes * 1024 * 1024;
    let uploaded = process.upload(&token, patient, size).await;
    let peak = process.memory("VmHWM");
    assert_eq!(uploaded["size"], size);
    let grown = peak.saturating_sub(before);
    println!("{megabytes} MB uploaded: {before} kB before, {peak} kB at most: {grown} kB more");
    assert!(grown < MOST_KB, "{before} kB, then {peak} kB");
}
