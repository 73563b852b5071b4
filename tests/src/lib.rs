#![doc = include_str!("../README.md")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

pub mod people;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;

/// A running system, seen through its gateway.
pub struct Hospital {
    /// The gateway's address, without a slash at the end.
    pub gateway: String,
    /// Where the system keeps its files.
    pub folder: PathBuf,
    client: Client,
    sign_ins: HashMap<String, SignIn>,
}

#[derive(Deserialize)]
struct Demo {
    gateway: String,
    certificate_authority: Option<PathBuf>,
    users: Vec<SignIn>,
}

/// How somebody signs in.
#[derive(Clone, Deserialize)]
pub struct SignIn {
    /// The role, as in the contract.
    pub role: String,
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON, null when it is none.
    pub body: Value,
}

impl Answer {
    /// The answer itself when its status is this one.
    ///
    /// # Panics
    /// Shows the answer otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Hospital {
    /// The system that `cargo xtask test` started.
    ///
    /// # Panics
    /// When there is none.
    pub fn open() -> Self {
        let folder = std::env::var_os("EHS_TEST_SYSTEM").map_or_else(default_folder, PathBuf::from);
        let demo = std::fs::read(folder.join("demo.json")).expect("no system to test against: run `cargo xtask test`");
        let Demo { gateway, certificate_authority, users } = serde_json::from_slice(&demo).expect("demo.json");
        let mut sign_ins = HashMap::new();
        for user in users {
            sign_ins.entry(user.role.clone()).or_insert(user);
        }
        let mut client =
            Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(60));
        if let Some(authority) = certificate_authority {
            let pem = std::fs::read(authority).expect("the authority's certificate");
            client = client.tls_certs_only([reqwest::Certificate::from_pem(&pem).expect("PEM")]);
        }
        let client = client.build().expect("a client");
        Self { gateway, folder, client, sign_ins }
    }

    /// How the first demo user of a role signs in.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn sign_in(&self, role: &str) -> &SignIn {
        self.sign_ins.get(role).expect("every role has a demo user")
    }

    /// An access token of the first demo user of a role.
    pub async fn token(&self, role: &str) -> String {
        let SignIn { username, password, .. } = self.sign_in(role);
        self.sign_in_as(username, password).await.0
    }

    /// A request to a path of the gateway.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.gateway))
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default() }
    }

    /// Reads as somebody.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// Posts JSON as somebody.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).bearer_auth(token).json(body)).await
    }

    /// Replaces by JSON as somebody.
    pub async fn put(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).bearer_auth(token).json(body)).await
    }

    /// Changes by a merge patch as somebody.
    pub async fn patch(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).bearer_auth(token).json(body)).await
    }

    /// The OpenAPI document of all services.
    pub async fn document(&self) -> Value {
        self.send(self.request(Method::GET, "/api/openapi.json")).await.expect(200).body
    }

    /// Every operation in it: method and path.
    pub async fn operations(&self) -> Vec<(Method, String)> {
        let document = self.document().await;
        operations(&document).into_iter().map(|(method, path, _operation)| (method, path.to_owned())).collect()
    }
}

/// Every operation of an OpenAPI document: method, path, and what the document says of it.
pub fn operations(document: &Value) -> Vec<(Method, &str, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if let Ok(method) = method.to_uppercase().parse() {
                operations.push((method, path.as_str(), operation));
            }
        }
    }
    operations
}

/// The day so many days from today, on the hospital's calendar (Asia/Kolkata, as `cargo xtask` sets it).
pub fn day(ahead: u64) -> String {
    let hospital = chrono::FixedOffset::east_opt(5 * 3_600 + 1_800).expect("a zone");
    let today = chrono::Utc::now().with_timezone(&hospital).date_naive();
    today.checked_add_days(chrono::Days::new(ahead)).expect("a day").to_string()
}

fn default_folder() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).join("target/ehs-test/system")
}
