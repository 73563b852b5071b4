//! The gateway's API, as a client app calls it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A client of one gateway.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

/// A request to be sent.
#[derive(Clone)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    token: Option<String>,
    key: Option<String>,
    body: Body,
    accept: Option<&'static str>,
    if_match: Option<String>,
}

#[derive(Clone)]
enum Body {
    None,
    Json(Value),
    Text(String),
    Form(String),
}

/// What parts the parts of a form.
const BOUNDARY: &str = "ehs-form";

/// What came back.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null when it is not.
    pub body: Value,
}

impl Api {
    /// A client of the gateway at this address, whose certificate this authority signed if it has one.
    pub fn new(base: &str, authority: Option<&Path>) -> Result<Self> {
        // A proxy of the developer's shell has no business on 127.0.0.1.
        let mut http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
        http = http.redirect(reqwest::redirect::Policy::none()); // a link is an answer too
        if let Some(authority) = authority {
            let pem = std::fs::read(authority).with_context(|| format!("cannot read {}", authority.display()))?;
            http = http.tls_certs_only([reqwest::Certificate::from_pem(&pem)?]);
        }
        Ok(Self { http: http.build()?, base: base.to_owned() })
    }

    /// Sends a request.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        let mut request = self.http.request(call.method.clone(), format!("{}{}", self.base, call.path));
        if let Some(token) = &call.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = &call.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(accept) = call.accept {
            request = request.header("Accept", accept);
        }
        if let Some(etag) = &call.if_match {
            request = request.header("If-Match", etag);
        }
        request = match &call.body {
            Body::None => request,
            Body::Json(body) if call.method == Method::PATCH => {
                request.header("Content-Type", "application/merge-patch+json").body(body.to_string())
            }
            Body::Json(body) => request.json(body),
            Body::Form(form) => {
                let media = format!("multipart/form-data; boundary={BOUNDARY}");
                request.header("Content-Type", media).body(form.clone())
            }
            Body::Text(text) => request.header("Content-Type", "application/hl7-v2").body(text.clone()),
        };
        let answer = request.send().await.with_context(|| format!("no answer to {} {}", call.method, call.path))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, body })
    }

    /// Sends a request whose answer must have one of these status codes.
    pub async fn expect(&self, call: &Call, statuses: &[u16]) -> Result<Answer> {
        let answer = self.send(call).await?;
        if !statuses.contains(&answer.status) {
            bail!("{} {} answered {}: {}", call.method, call.path, answer.status, answer.text);
        }
        Ok(answer)
    }

    /// Signs in and gives the access token.
    pub async fn sign_in(&self, username: &str, password: &str) -> Result<String> {
        let call = Call::post("/api/users/login/").json(json!({"username": username, "password": password}));
        let answer = self.expect(&call, &[200]).await?;
        Ok(answer
            .body
            .get("access")
            .and_then(Value::as_str)
            .context("the answer to a login has no access token")?
            .to_owned())
    }
}

impl Call {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    /// A POST.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into())
    }

    /// A PUT.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path.into())
    }

    /// A PATCH with a JSON merge patch.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path.into())
    }

    /// In the name of whoever has this access token.
    pub fn by(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// With an `Idempotency-Key`.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With a JSON body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    /// With an HL7 v2 message as the body.
    pub fn hl7(mut self, message: &str) -> Self {
        self.body = Body::Text(message.to_owned());
        self
    }

    /// With a form of these fields and a file.
    pub fn form(mut self, fields: &[(&str, &str)], content_type: &str, file: &str) -> Self {
        let part = |of: String, content: &str| {
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {of}\r\n\r\n{content}\r\n")
        };
        let mut form: String = fields.iter().map(|(name, text)| part(format!("name=\"{name}\""), text)).collect();
        form += &part(format!("name=\"file\"; filename=\"file\"\r\nContent-Type: {content_type}"), file);
        self.body = Body::Form(format!("{form}--{BOUNDARY}--\r\n"));
        self
    }

    /// Asking for this content type.
    pub fn accept(mut self, content_type: &'static str) -> Self {
        self.accept = Some(content_type);
        self
    }

    /// Only if it is still the version with this `ETag`.
    pub fn if_match(mut self, etag: &str) -> Self {
        self.if_match = Some(etag.to_owned());
        self
    }

    /// The JSON body, if it has one.
    pub fn json_body(&self) -> Option<&Value> {
        if let Body::Json(body) = &self.body { Some(body) } else { None }
    }

    /// The message, if that is the body.
    pub fn text_body(&self) -> Option<&str> {
        if let Body::Text(text) = &self.body { Some(text) } else { None }
    }

    fn new(method: Method, path: String) -> Self {
        Self { method, path, token: None, key: None, body: Body::None, accept: None, if_match: None }
    }
}

impl Answer {
    /// A number in the body.
    pub fn number(&self, key: &str) -> Result<i64> {
        self.body
            .get(key)
            .and_then(Value::as_i64)
            .with_context(|| format!("the answer has no number `{key}`: {}", self.text))
    }

    /// A text in the body.
    pub fn word(&self, key: &str) -> Result<&str> {
        self.body
            .get(key)
            .and_then(Value::as_str)
            .with_context(|| format!("the answer has no text `{key}`: {}", self.text))
    }

    /// A list in the body.
    pub fn list(&self, key: &str) -> Result<&[Value]> {
        let list = self
            .body
            .get(key)
            .and_then(Value::as_array)
            .with_context(|| format!("the answer has no list `{key}`: {}", self.text))?;
        Ok(list)
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
