//! What is asked of the provider: within a deadline, not too much at once, and not at all while it does not answer.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header;
use aws_lc_rs::hmac::Key;
use chassis::problem::Problem;
use reqwest::{Method, RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Semaphore;

use super::breaker::Breaker;
use super::config::RazorpayConfig;
use super::signature;
use crate::money::Paise;
use crate::payments::settle::Captured;

/// Calls under way at once.
const AT_ONCE: usize = 16;
/// An answer holds at most this many bytes.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// Refunds that are asked for at a time: the most that the provider shows at once. Unless told it shows ten.
const PAGE: usize = 100;
/// Pages of refunds that are looked through.
const PAGES: usize = 100;

/// The provider. Cheap to clone.
#[derive(Clone)]
pub struct Razorpay(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: Url,
    key_id: String,
    key_secret: SecretString,
    webhook_keys: Vec<Key>,
    breaker: Breaker,
    room: Semaphore,
}

/// Why the provider did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It failed before, and is left alone for so many seconds.
    #[error("left alone for {0} s after failures")]
    LeftAlone(u64),
    /// As many calls as may be are under way.
    #[error("too many calls under way")]
    Busy,
    /// It does not answer, or breaks off. A deadline that passed says nothing of whether it was done.
    #[error("no answer")]
    NoAnswer(#[source] reqwest::Error),
    /// It has trouble of its own.
    #[error("answered {0}")]
    Trouble(StatusCode),
    /// It refuses: 4xx.
    #[error("refused with {0}")]
    Refused(StatusCode),
    /// The answer is not what its documentation says.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

impl From<Fault> for Problem {
    /// Nothing that the client sent is at fault.
    fn from(fault: Fault) -> Self {
        let seconds = match fault {
            Fault::LeftAlone(seconds) => seconds.max(1),
            _ => 2,
        };
        Self::unavailable("the payment provider", fault).with_header(header::RETRY_AFTER, seconds.to_string())
    }
}

/// An order to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder<'a> {
    /// How much, in rupees.
    pub amount: Paise,
    /// Ours, at most 40 characters.
    pub receipt: &'a str,
    /// The invoice's number, for whoever reads the provider's dashboard.
    pub invoice: &'a str,
}

/// A refund to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewRefund<'a> {
    /// The provider's payment.
    pub payment: &'a str,
    /// How much, in rupees.
    pub amount: Paise,
    /// Ours: what it is known by when the answer was lost.
    pub receipt: &'a str,
}

/// A payment as the provider shows it, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentEntity {
    /// Id.
    pub id: String,
    /// In paise.
    pub amount: i64,
    /// `INR`.
    pub currency: String,
    /// `created`, `authorized`, `captured`, `refunded` or `failed`.
    pub status: String,
    /// The order that it pays.
    pub order_id: Option<String>,
}

impl PaymentEntity {
    /// The payment, where the provider has the money.
    pub fn captured(self) -> Option<Captured> {
        let order = self.order_id.filter(|_| self.status == "captured")?;
        Some(Captured { order, payment: self.id, amount: Paise::new(self.amount), currency: self.currency })
    }

    /// Whether the payer's bank has promised the money, so that it may still come: that takes days now and then.
    pub fn is_promised(&self) -> bool {
        self.status == "authorized"
    }
}

/// A refund as the provider shows it, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct RefundEntity {
    /// Id.
    pub id: String,
    /// The payment that it takes from.
    pub payment_id: String,
    /// In paise.
    pub amount: i64,
    /// Ours.
    pub receipt: Option<String>,
    /// `pending`, `processed` or `failed`.
    pub status: String,
}

#[derive(Deserialize)]
struct OrderEntity {
    id: String,
    amount: i64,
}

#[derive(Deserialize)]
struct Collection<T> {
    items: Vec<T>,
}

impl Razorpay {
    /// The provider with these settings; asks it nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(config: &RazorpayConfig) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(config.deadline)
            .connect_timeout(config.deadline)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self(Arc::new(Inner {
            http,
            url: config.url.clone(),
            key_id: config.key_id.clone(),
            key_secret: config.key_secret.clone(),
            webhook_keys: config.webhook_secrets.iter().map(|secret| signature::key(secret.expose_secret())).collect(),
            breaker: Breaker::default(),
            room: Semaphore::new(AT_ONCE),
        })))
    }

    /// The hospital's public key.
    pub fn key_id(&self) -> &str {
        &self.0.key_id
    }

    /// Whether a webhook's body is the provider's word.
    pub fn has_signed(&self, body: &[u8], signature: &str) -> bool {
        signature::is_signed(&self.0.webhook_keys, body, signature)
    }

    /// Opens an order; what is paid for it is captured at once. Gives its id.
    ///
    /// # Errors
    /// When the provider did not, or did not say so.
    pub async fn open_order(&self, order: &NewOrder<'_>) -> Result<String, Fault> {
        let body = json!({
            "amount": order.amount.get(),
            "currency": "INR",
            "receipt": order.receipt,
            "payment": {"capture": "automatic"},
            "notes": {"invoice": order.invoice},
        });
        let request = self.request(Method::POST, &["orders"], &[]).json(&body);
        let opened: OrderEntity = self.call("open_order", request).await?;
        if opened.amount != order.amount.get() || !is_id(&opened.id) {
            return Err(Fault::Unreadable("an order for something else".to_owned()));
        }
        Ok(opened.id)
    }

    /// The payments that were tried for an order.
    ///
    /// # Errors
    /// When the provider does not say.
    pub async fn payments_of(&self, order: &str) -> Result<Vec<PaymentEntity>, Fault> {
        let request = self.request(Method::GET, &["orders", order, "payments"], &[]);
        let found: Collection<PaymentEntity> = self.call("payments_of", request).await?;
        Ok(found.items)
    }

    /// Has a refund sent, by the usual way. Asked for again under the same receipt, the provider sends nothing more: it shows
    /// the first one, or refuses with 409 while that is under way
    /// (<https://razorpay.com/docs/api/refunds/normal-refunds-idempotent/>).
    ///
    /// # Errors
    /// When the provider did not, or did not say so.
    pub async fn refund(&self, refund: &NewRefund<'_>) -> Result<RefundEntity, Fault> {
        let NewRefund { payment, amount, receipt } = *refund;
        let body = json!({"amount": amount.get(), "speed": "normal", "receipt": receipt});
        let request = self.request(Method::POST, &["payments", payment, "refund"], &[]).json(&body);
        // with the payment, for another system of the same merchant's may number its refunds alike
        self.call("refund", request.header("X-Refund-Idempotency", format!("{receipt}-{payment}"))).await
    }

    /// The refund of a payment that is looked for, where the provider has it. It shows the last ones first, so that one that is
    /// added meanwhile hides none.
    ///
    /// # Errors
    /// When the provider does not say, or there are more than anybody looks through.
    pub async fn find_refund(
        &self,
        payment: &str,
        is_it: impl Fn(&RefundEntity) -> bool,
    ) -> Result<Option<RefundEntity>, Fault> {
        let mut seen = 0;
        for _ in 0..PAGES {
            let window = [("count", PAGE), ("skip", seen)];
            let request = self.request(Method::GET, &["payments", payment, "refunds"], &window);
            let found: Collection<RefundEntity> = self.call("refunds_of", request).await?;
            // a page may hold less than was asked for: only an empty one is the end
            if found.items.is_empty() {
                return Ok(None);
            }
            seen += found.items.len();
            if let Some(refund) = found.items.into_iter().find(&is_it) {
                return Ok(Some(refund));
            }
        }
        Err(Fault::Unreadable(format!("{seen} refunds of a payment, and no end")))
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, usize)]) -> RequestBuilder {
        let mut url = self.0.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, &value.to_string());
        }
        self.0.http.request(method, url).basic_auth(&self.0.key_id, Some(self.0.key_secret.expose_secret()))
    }

    #[tracing::instrument(skip_all, fields(otel.name = format!("razorpay {what}"), otel.kind = "client"))]
    async fn call<T: DeserializeOwned>(&self, what: &'static str, request: RequestBuilder) -> Result<T, Fault> {
        let began = Instant::now();
        let answer = self.bounded(request).await;
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(Fault::LeftAlone(_)) => "left_alone",
            Err(Fault::Busy) => "busy",
            Err(Fault::NoAnswer(_)) => "no_answer",
            Err(Fault::Trouble(_)) => "trouble",
            Err(Fault::Refused(_)) => "refused",
            Err(Fault::Unreadable(_)) => "unreadable",
        };
        metrics::counter!("billing_provider_calls_total", "call" => what, "outcome" => outcome).increment(1);
        metrics::histogram!("billing_provider_call_duration_seconds", "call" => what)
            .record(began.elapsed().as_secs_f64());
        let body = answer?;
        serde_json::from_slice(&body).map_err(|why| Fault::Unreadable(format!("column {}", why.column())))
    }

    async fn bounded(&self, request: RequestBuilder) -> Result<Vec<u8>, Fault> {
        let _room = self.0.room.try_acquire().map_err(|_closed_or_full| Fault::Busy)?;
        self.0.breaker.admit(Instant::now()).map_err(|wait| Fault::LeftAlone(wait.as_secs() + 1))?;
        let answer = send(request).await;
        self.0.breaker.note(!matches!(answer, Err(Fault::NoAnswer(_) | Fault::Trouble(_))), Instant::now());
        answer
    }
}

async fn send(request: RequestBuilder) -> Result<Vec<u8>, Fault> {
    let response = request.send().await.map_err(no_answer)?;
    match response.status() {
        status if status.is_success() => read(response).await,
        status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => Err(Fault::Trouble(status)),
        status if status.is_client_error() => Err(Fault::Refused(status)),
        status => Err(Fault::Trouble(status)),
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len().saturating_add(chunk.len()) > ANSWER_LIMIT {
            return Err(Fault::Unreadable(format!("more than {ANSWER_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn no_answer(error: reqwest::Error) -> Fault {
    Fault::NoAnswer(error.without_url())
}

/// As the provider writes ids: `order_EKwxwAgItmmXdp`.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
