//! The one synchronous call between services: a row that no event has told of yet is asked of its owner, as the caller,
//! in the caller's trace and within a short deadline.

use std::time::Duration;

use chassis::problem::Problem;
use reqwest::{Response, StatusCode, Url, header, redirect};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::{Actor, break_glass};

/// From the first byte sent to the last one read.
pub const DEADLINE: Duration = Duration::from_millis(800);

/// A service that owns what the asking one keeps copies of.
#[derive(Clone, Debug)]
pub struct Owner {
    http: reqwest::Client,
    name: &'static str,
    base: Url,
}

impl Owner {
    /// The owner at a base URL; `name` is how clients are told of it: "the patients service".
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(name: &'static str, base: Url) -> reqwest::Result<Self> {
        let http =
            reqwest::Client::builder().timeout(DEADLINE).redirect(redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { http, name, base })
    }

    /// The resource at `path` and its version, as the caller may see it; `None` when there is none for them.
    ///
    /// # Errors
    /// 503 when the owner does not answer in time, or not with what it promises.
    pub async fn ask<T: DeserializeOwned>(&self, actor: &Actor, path: &str) -> Result<Option<(i64, T)>, Problem> {
        self.get(actor, path, None).await
    }

    /// The same, with the reason for which the caller goes beyond their care.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn ask_beyond_care<T: DeserializeOwned>(
        &self,
        actor: &Actor,
        path: &str,
        reason: &str,
    ) -> Result<Option<(i64, T)>, Problem> {
        // Bytes, since a reason is in any language.
        let reason = header::HeaderValue::from_bytes(reason.as_bytes()).map_err(Problem::internal)?;
        self.get(actor, path, Some(reason)).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        actor: &Actor,
        path: &str,
        reason: Option<header::HeaderValue>,
    ) -> Result<Option<(i64, T)>, Problem> {
        let url = self.base.join(path).map_err(Problem::internal)?;
        let mut request = self.http.get(url).bearer_auth(actor.bearer.expose_secret());
        if let Some(reason) = reason {
            request = request.header(break_glass::HEADER, reason);
        }
        if let Some(traceparent) = chassis::telemetry::traceparent() {
            request = request.header("traceparent", traceparent);
        }
        // A URL names a patient's id: it stays out of the log.
        let response = request.send().await.map_err(|fault| Problem::unavailable(self.name, fault.without_url()))?;
        match response.status() {
            StatusCode::OK => self.read(response).await.map(Some),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
            status => Err(Problem::unavailable(self.name, format!("answered {status}"))),
        }
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<(i64, T), Problem> {
        let tag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let version = tag.trim_start_matches("W/").trim_matches('"').parse();
        let version = version.map_err(|_why| Problem::unavailable(self.name, "the answer has no version"))?;
        let body = response.json().await.map_err(|fault| Problem::unavailable(self.name, fault.without_url()))?;
        Ok((version, body))
    }
}
