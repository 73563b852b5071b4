//! A payment provider that behaves as Razorpay documents its API, and misbehaves when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine};
use billing::razorpay::{Razorpay, RazorpayConfig};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Server};
use utoipa_actix_web::service_config::ServiceConfig;

pub const WEBHOOK_SECRET: &str = "a webhook secret";
const OLD_SECRET: &str = "the one before";

/// How the provider behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As documented.
    #[default]
    Well,
    /// 500.
    Trouble,
    /// 429: it was asked too much.
    TooMany,
    /// 401, as for a wrong key.
    Refuses,
    /// No answer within anybody's deadline.
    Slow,
    /// Not JSON.
    Garbage,
    /// An order for another amount.
    Cheats,
    /// Does what it is asked, and the answer is lost.
    Forgetful,
}

#[derive(Default)]
pub struct State {
    pub mood: Mood,
    pub calls: usize,
    /// How often refunds were looked for.
    pub looks: usize,
    /// How long it takes to show them.
    pub look_takes: Duration,
    /// It shows no more at a time, however many are asked for.
    pub page_most: usize,
    /// How often it was asked for a refund.
    pub refunds_asked: usize,
    /// How long it takes to make one.
    pub refund_takes: Duration,
    /// What it was asked for under each key, and what it made of it.
    keys: BTreeMap<String, (Value, Option<String>)>,
    orders: BTreeMap<String, Value>,
    payments: BTreeMap<String, Value>,
    pub refunds: BTreeMap<String, Value>,
    /// What becomes of a refund that is asked for.
    pub refunds_become: &'static str,
    numbered: usize,
}

impl State {
    fn id(&mut self, kind: &str) -> String {
        self.numbered += 1;
        format!("{kind}_{:014}", self.numbered)
    }
}

pub struct Provider {
    state: Arc<Mutex<State>>,
    server: Server,
}

impl Provider {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State { refunds_become: "processed", page_most: 100, ..State::default() }));
        let shared = web::Data::new(state.clone());
        let routes = move |config: &mut ServiceConfig<'_>| {
            config
                .app_data(shared.clone())
                .route("/v1/orders/", web::post().to(open_order))
                .route("/v1/orders/{id}/payments/", web::get().to(payments_of))
                .route("/v1/payments/{id}/refund/", web::post().to(refund))
                .route("/v1/payments/{id}/refunds/", web::get().to(refunds_of));
        };
        Self { state, server: Server::start("provider", routes).await }
    }

    /// A client of it.
    pub fn client(&self) -> Razorpay {
        self.client_within(Duration::from_secs(20))
    }

    pub fn client_within(&self, deadline: Duration) -> Razorpay {
        let config = RazorpayConfig {
            key_id: "rzp_test_1".to_owned(),
            key_secret: "a key secret".into(),
            webhook_secrets: vec![WEBHOOK_SECRET.into(), OLD_SECRET.into()],
            url: self.server.url.parse().unwrap(),
            deadline,
        };
        Razorpay::new(&config).unwrap()
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// What it took from payers, and what of that it sent back to them, in paise.
    pub fn taken_and_sent_back(&self) -> (i64, i64) {
        let state = self.state();
        let sum = |of: &BTreeMap<String, Value>| of.values().map(|of| of["amount"].as_i64().unwrap()).sum();
        (sum(&state.payments), sum(&state.refunds))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How many refunds it was asked for.
    pub fn sent(&self) -> usize {
        self.state().refunds.len()
    }

    pub fn is(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Somebody pays an order: the captured payment.
    pub fn pay(&self, order: &str) -> Value {
        self.captures(self.promise(order)["id"].as_str().unwrap())
    }

    /// What was promised has come.
    pub fn captures(&self, payment: &str) -> Value {
        let mut state = self.state();
        let payment = state.payments.get_mut(payment).unwrap();
        payment["status"] = json!("captured");
        payment.clone()
    }

    /// Somebody's bank promises to pay an order: the authorized payment.
    pub fn promise(&self, order: &str) -> Value {
        let mut state = self.state();
        let id = state.id("pay");
        let amount = state.orders[order]["amount"].clone();
        let payment = json!({"id": id, "entity": "payment", "amount": amount, "currency": "INR", "status": "authorized",
            "order_id": order, "method": "upi", "vpa": "asha@upi", "email": "asha@example.com", "contact": "+919876543210"});
        state.payments.insert(id, payment.clone());
        payment
    }

    /// A refund's present face.
    pub fn last_refund(&self) -> Value {
        self.state().refunds.values().next_back().unwrap().clone()
    }
}

/// A webhook's body.
pub fn event(kind: &str, payload: Value, at: i64) -> Vec<u8> {
    let event = json!({"entity": "event", "account_id": "acc_1", "event": kind, "contains": [], "payload": payload,
        "created_at": at});
    event.to_string().into_bytes()
}

/// Says that a payment was captured, now.
pub fn captured(payment: &Value) -> Vec<u8> {
    event("payment.captured", json!({"payment": {"entity": payment}}), chrono::Utc::now().timestamp())
}

pub fn of_refund(kind: &str, refund: &Value) -> Vec<u8> {
    event(kind, json!({"refund": {"entity": refund}}), chrono::Utc::now().timestamp())
}

pub fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn signature_of_before(body: &[u8]) -> String {
    signature(OLD_SECRET, body)
}

/// Delivers a webhook to the service.
pub async fn deliver(server: &Server, id: &str, signature: &str, body: Vec<u8>) -> Answer {
    let call = server.call(Method::POST, "/api/billing/webhooks/razorpay/").header("X-Razorpay-Signature", signature);
    call.header("X-Razorpay-Event-Id", id).body("application/json", body).send().await
}

/// Delivers it rightly signed.
pub async fn deliver_signed(server: &Server, id: &str, body: Vec<u8>) -> Answer {
    let signature = signature(WEBHOOK_SECRET, &body);
    deliver(server, id, &signature, body).await
}

type Shared = web::Data<Arc<Mutex<State>>>;

/// What the mood makes of a call; none where it is answered as documented.
async fn moody(shared: &Shared, request: &HttpRequest) -> Option<HttpResponse> {
    let expected = format!("Basic {}", BASE64_STANDARD.encode("rzp_test_1:a key secret"));
    assert_eq!(request.headers().get("authorization").unwrap().to_str().unwrap(), expected);
    let mood = {
        let mut state = shared.lock().unwrap();
        state.calls += 1;
        state.mood
    };
    match mood {
        Mood::Well | Mood::Cheats | Mood::Forgetful => None,
        Mood::Trouble => Some(HttpResponse::InternalServerError().finish()),
        Mood::TooMany => Some(refused("BAD_REQUEST_ERROR", 429)),
        Mood::Refuses => Some(refused("BAD_REQUEST_ERROR", 401)),
        Mood::Garbage => Some(HttpResponse::Ok().body("<html>")),
        Mood::Slow => {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Some(HttpResponse::Ok().finish())
        }
    }
}

fn refused(code: &str, status: u16) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status).json(json!({"error": {"code": code, "description": "Order amount less than minimum"}}))
}

async fn open_order(shared: Shared, request: HttpRequest, body: web::Json<Value>) -> HttpResponse {
    if let Some(answer) = moody(&shared, &request).await {
        return answer;
    }
    let mut state = shared.lock().unwrap();
    let amount = body["amount"].as_i64().unwrap_or_default();
    if amount < 100 || body["currency"] != "INR" || body["receipt"].as_str().is_none_or(|text| text.len() > 40) {
        return refused("BAD_REQUEST_ERROR", 400);
    }
    let id = state.id("order");
    let amount = if state.mood == Mood::Cheats { amount / 2 } else { amount };
    let order = json!({"id": id, "entity": "order", "amount": amount, "amount_paid": 0, "amount_due": amount,
        "currency": "INR", "receipt": body["receipt"], "status": "created", "attempts": 0, "notes": body["notes"]});
    state.orders.insert(id, order.clone());
    HttpResponse::Ok().json(order)
}

async fn payments_of(shared: Shared, request: HttpRequest, order: web::Path<String>) -> HttpResponse {
    if let Some(answer) = moody(&shared, &request).await {
        return answer;
    }
    let state = shared.lock().unwrap();
    let items: Vec<_> = state.payments.values().filter(|payment| payment["order_id"] == order.as_str()).collect();
    HttpResponse::Ok().json(json!({"entity": "collection", "count": items.len(), "items": items}))
}

/// Idempotent by its key: the same again gives the first one, another under the same key is refused, and while the first is
/// under way it is 409.
async fn refund(
    shared: Shared,
    request: HttpRequest,
    payment: web::Path<String>,
    body: web::Json<Value>,
) -> HttpResponse {
    if let Some(answer) = moody(&shared, &request).await {
        return answer;
    }
    let key = request.headers().get("x-refund-idempotency").unwrap().to_str().unwrap();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    assert!(key.len() >= 10 && key.bytes().all(allowed), "{key}");
    let takes = {
        let mut state = shared.lock().unwrap();
        state.refunds_asked += 1;
        match state.keys.get(key) {
            Some((asked, _)) if *asked != *body => return refused("BAD_REQUEST_ERROR", 400),
            Some((_, None)) => return refused("BAD_REQUEST_ERROR", 409),
            Some((_, Some(made))) => return HttpResponse::Ok().json(&state.refunds[made]),
            None => state.keys.insert(key.to_owned(), (body.clone(), None)),
        };
        state.refund_takes
    };
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
    let mut state = shared.lock().unwrap();
    let Some(refund) = make_refund(&mut state, &payment, &body) else {
        state.keys.remove(key);
        return refused("BAD_REQUEST_ERROR", 400);
    };
    let made = refund["id"].as_str().unwrap().to_owned();
    state.keys.insert(key.to_owned(), (body.into_inner(), Some(made)));
    match state.mood {
        Mood::Forgetful => HttpResponse::BadGateway().finish(),
        _ => HttpResponse::Ok().json(refund),
    }
}

/// None where more would be refunded than was paid.
fn make_refund(state: &mut State, payment: &str, body: &Value) -> Option<Value> {
    let amount = body["amount"].as_i64().unwrap();
    let live = |refund: &&Value| refund["payment_id"] == payment && refund["status"] != "failed";
    let before: i64 = state.refunds.values().filter(live).map(|refund| refund["amount"].as_i64().unwrap()).sum();
    if before + amount > state.payments[payment]["amount"].as_i64().unwrap() {
        return None;
    }
    let id = state.id("rfnd");
    let refund = json!({"id": id, "entity": "refund", "amount": amount, "currency": "INR", "payment_id": payment,
        "notes": [], "receipt": body["receipt"], "status": state.refunds_become, "speed_requested": "normal"});
    state.refunds.insert(id, refund.clone());
    Some(refund)
}

/// The last ones first: ten of them, or as many as are asked for and not skipped.
async fn refunds_of(
    shared: Shared,
    request: HttpRequest,
    payment: web::Path<String>,
    query: web::Query<BTreeMap<String, usize>>,
) -> HttpResponse {
    if let Some(answer) = moody(&shared, &request).await {
        return answer;
    }
    let (items, takes) = {
        let mut state = shared.lock().unwrap();
        state.looks += 1;
        let count = query.get("count").copied().unwrap_or(10).min(state.page_most);
        let skip = query.get("skip").copied().unwrap_or(0);
        let of_payment = state.refunds.values().rev().filter(|refund| refund["payment_id"] == payment.as_str());
        (of_payment.skip(skip).take(count).cloned().collect::<Vec<_>>(), state.look_takes)
    };
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
    HttpResponse::Ok().json(json!({"entity": "collection", "count": items.len(), "items": items}))
}
