//! The program itself: its flags, its exits, its operators' side, and the trace that goes through it.

use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;
use testkit::eventually;
use tokio::process::{Child, Command};

use crate::house::Behind;

struct Program {
    url: String,
    admin: String,
    child: Child,
    behind: Behind,
    _folder: Folder,
}

pub struct Folder(pub std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A folder of one's own with this configuration in it.
pub fn written(yaml: &str) -> (Folder, std::path::PathBuf) {
    let folder = Folder(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string()));
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("gateway.yaml");
    std::fs::write(&file, yaml).unwrap();
    (folder, file)
}

pub fn program(file: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.arg("--config").arg(file).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Program {
    async fn start() -> Self {
        let behind = Behind::start();
        let [port, admin] =
            [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).map(|held| held.local_addr().unwrap());
        let (folder, file) = written(&format!(
            "listener: {{address: '{port}', workers: 1}}\nadmin: {{address: '{admin}'}}\nroutes: [{{prefix: /open/, cluster: behind, auth: none, body_limit: 104857600}}]\nclusters: {{behind: {{endpoints: ['{}']}}}}\n",
            behind.url
        ));
        let child = program(&file)
            .env("EHS_JWKS_URL", "http://127.0.0.1:9/")
            .env("REDIS_URL", "redis://127.0.0.1:9/")
            .spawn()
            .unwrap();
        let (url, admin) = (format!("http://{port}"), format!("http://{admin}"));
        let client = reqwest::Client::new();
        eventually(async || client.get(format!("{url}/readyz")).send().await.is_ok_and(|a| a.status() == 200)).await;
        Self { url, admin, child, behind, _folder: folder }
    }

    async fn get(&self, address: String) -> String {
        let response = reqwest::Client::new().get(address).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    /// The most memory that it ever had, in bytes.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Stops it, and gives its exit code and what it logged.
    async fn end(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let output = self.child.wait_with_output().await.unwrap();
        self.behind.stop.cancel();
        self.child = Command::new("true").spawn().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_exit_64_with_every_fault_of_file_and_environment() {
    let (_folder, file) = written("listener: {address: x}\nadmin: {address: y}\nroutes: []\nclusters: {}\nretry: 3\n");
    let output = program(&file).env("EHS_LOG_FORMAT", "verse").output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    for fault in ["listener.address", "admin.address", "retry", "EHS_JWKS_URL", "EHS_LOG_FORMAT"] {
        assert!(said.contains(fault), "{fault} is missing in:\n{said}");
    }
    let nowhere = program(std::path::Path::new("/nowhere.yaml")).output().await.unwrap();
    assert_eq!(nowhere.status.code(), Some(64));
}

#[tokio::test]
async fn operators_see_metrics_clusters_and_the_configuration() {
    let program = Program::start().await;
    program.get(format!("{}/open/a/?name=Kavya", program.url)).await;
    let invented = reqwest::Client::new().request("BREW7".parse().unwrap(), format!("{}/open/a/", program.url));
    invented.send().await.unwrap();
    let metrics = program.get(format!("{}/metrics", program.admin)).await;
    assert!(metrics.contains("http_server_request_duration_seconds") && metrics.contains("/open/"), "{metrics}");
    assert!(
        metrics.contains("_OTHER") && !metrics.contains("BREW7"),
        "a label that a client invented is kept for good"
    );
    let clusters: Value = serde_json::from_str(&program.get(format!("{}/clusters", program.admin)).await).unwrap();
    assert_eq!(clusters[0]["name"], "behind");
    let config: Value = serde_json::from_str(&program.get(format!("{}/config", program.admin)).await).unwrap();
    assert_eq!(config["routes"][0]["prefix"], "/open/");
    program.get(format!("{}/readyz", program.admin)).await;
    let (code, log) = program.end().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("answered") && !log.contains("Kavya") && !metrics.contains("Kavya"), "{log}");
}

#[tokio::test]
async fn a_callers_trace_goes_on_in_the_service() {
    let program = Program::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = reqwest::Client::new()
        .get(format!("{}/open/a/", program.url))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("x-request-id", "0192f0c1-feed-beef");
    let response = request.send().await.unwrap();
    let answered = response.headers()["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["x-request-id"], "0192f0c1-feed-beef");
    let seen: Value = response.json().await.unwrap();
    let sent = seen["headers"]["traceparent"].as_str().unwrap();
    assert!(answered.contains(trace) && sent.contains(trace), "{answered} {sent}");
    assert!(
        !sent.contains("00f067aa0ba902b7") && sent != answered,
        "the service's parent is the span of the call to it"
    );
    assert_eq!(seen["headers"]["x-request-id"], "0192f0c1-feed-beef");
    assert_eq!(program.end().await.0, Some(0));
}

#[tokio::test]
async fn large_bodies_take_little_memory_also_when_one_side_is_slow() {
    const MIB: u64 = 1024 * 1024;
    let program = Program::start().await;
    let client = reqwest::Client::new();
    let slow = client.get(format!("{}/open/download/", program.url)).send().await.unwrap();
    let chunks = futures_util::stream::iter((0..1_000).map(|_| Ok::<_, std::io::Error>(vec![0; 65_536])));
    let upload = client.post(format!("{}/open/count/", program.url)).body(reqwest::Body::wrap_stream(chunks));
    let counted: Value = upload.send().await.unwrap().json().await.unwrap();
    assert_eq!(counted["bytes"], 65_536_000);
    assert_eq!(program.get(format!("{}/open/download/", program.url)).await.len(), 1600 * 65_536);
    let peak = program.peak_memory();
    assert!(peak < 60 * MIB, "{} MiB", peak / MIB);
    assert_eq!(slow.bytes().await.unwrap().len(), 1600 * 65_536);
}
