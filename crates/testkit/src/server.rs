//! A running service, and requests to it.

use std::{net::TcpListener, time::Duration};

use chassis::http::{Readiness, Routes};
use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A service on a free port of 127.0.0.1, on a thread of its own; stops when dropped.
pub struct Server {
    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub url: String,
    client: Client,
    _stops_when_dropped: DropGuard,
}

impl Server {
    /// Starts a server with these routes, ready from the start.
    pub async fn start(title: &'static str, routes: impl Routes + Sync) -> Self {
        let stop = CancellationToken::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let stopped = stop.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
            let ready = Readiness::new(|| async { Ok(()) });
            runtime
                .block_on(chassis::http::serve(listener, 2, title, routes, ready, stopped))
                .expect("the server runs");
        });
        // Connections are not kept: the server's stop then has none to wait for.
        let client =
            Client::builder().timeout(Duration::from_secs(30)).pool_max_idle_per_host(0).build().expect("a client");
        Self { url, client, _stops_when_dropped: stop.drop_guard() }
    }

    /// A request, to be added to and sent. The path begins with a slash.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call(self.client.request(method, format!("{}{path}", self.url)))
    }

    /// Reads.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path).token(token).send().await
    }

    /// Posts a JSON body.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).token(token).json(body).send().await
    }

    /// Replaces with a JSON body.
    pub async fn put(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path).token(token).json(body).send().await
    }

    /// Changes by a merge patch.
    pub async fn patch(&self, path: &str, token: &str, body: &Value) -> Answer {
        let call = self.call(Method::PATCH, path).token(token);
        call.body("application/merge-patch+json", body.to_string()).send().await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.call(Method::DELETE, path).token(token).send().await
    }
}

/// A request in the making.
#[must_use]
pub struct Call(RequestBuilder);

impl Call {
    /// Signs in; an empty token leaves the request as it is.
    pub fn token(self, token: &str) -> Self {
        if token.is_empty() { self } else { self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")) }
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// A body of JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// A body of anything.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.header(CONTENT_TYPE, content_type).body(body.into()))
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let response = self.0.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as JSON; null when it is none.
    pub body: Value,
    /// Its body as it came.
    pub text: String,
}

impl Answer {
    /// The answer itself, when its status is this one.
    ///
    /// # Panics
    /// Shows the answer when it is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The fields that a 400 complains about.
    pub fn faulty_fields(&self) -> Vec<&str> {
        let faults = self.body.get("errors").and_then(Value::as_array);
        faults.into_iter().flatten().filter_map(|fault| fault.get("field").and_then(Value::as_str)).collect()
    }
}
