//! Clients who do something at random, again and again, and remember what they were promised.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use billing::numbering::day_in_india;
use chassis::strict_json::digest;
use chrono::{Days, Utc};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Dice, Hospital};
use crate::advances::deposit;
use crate::clinic::{ASHA, cash, invoice, with};

const INVOICES: &str = "/api/billing/invoices/";
const PAYMENTS: &str = "/api/billing/payments/";
const ADVANCES: &str = "/api/billing/advances/";

/// What was answered with 201: it has to be in the books.
#[derive(Default)]
pub struct Promised {
    pub invoices: Mutex<Vec<i64>>,
    /// At the desk, or with an advance.
    pub payments: Mutex<Vec<i64>>,
    /// By the provider: it has the money, and the hospital hears of it from the worker only.
    pub online: Mutex<Vec<i64>>,
    pub refunds: Mutex<Vec<i64>>,
    pub advances: Mutex<Vec<i64>>,
    pub refund_vouchers: Mutex<Vec<i64>>,
    /// Told by their invoices.
    pub credit_notes: Mutex<Vec<i64>>,
    /// What bills looked like: SHA-256.
    pub seen: Mutex<BTreeMap<i64, [u8; 32]>>,
    pub refused: AtomicU64,
    pub unavailable: AtomicU64,
}

pub struct Client<'a> {
    pub hospital: &'a Hospital,
    pub promised: &'a Promised,
    pub dice: Dice,
    /// Invoices that are issued to be paid; those that are cancelled at once come on top.
    pub most: usize,
}

impl Client<'_> {
    pub async fn work(mut self, until: Instant) {
        while Instant::now() < until {
            let few = self.promised.invoices.lock().unwrap().len() < self.most;
            match self.dice.below(17) {
                0 if few => {
                    self.issue().await;
                }
                0..=5 => self.pay().await,
                6..=9 => self.refund().await,
                10 => self.take_advance().await,
                11 | 12 => self.use_advance().await,
                13 => self.give_advance_back().await,
                14 => self.cancel().await,
                15 => self.pay_online().await,
                _ => self.look().await,
            }
        }
    }

    /// Half of the bills are due tomorrow.
    async fn issue(&mut self) -> Option<i64> {
        let due = (self.dice.below(2) == 0).then(|| day_in_india(Utc::now()) + Days::new(1));
        let made = self.insist(INVOICES, &with(&invoice(ASHA), json!({"due_date": due}))).await?;
        self.promised.invoices.lock().unwrap().push(id_of(&made));
        Some(id_of(&made))
    }

    async fn pay(&mut self) {
        let Some(bill) = any(&mut self.dice, &self.promised.invoices) else { return };
        let amount = format!("{}.{:02}", self.dice.below(120), self.dice.below(99) + 1);
        let paid = self.insist(PAYMENTS, &cash(bill, &amount)).await;
        keep(&self.promised.payments, paid);
    }

    async fn refund(&mut self) {
        let promised = self.promised;
        let of = if self.dice.below(4) == 0 { &promised.online } else { &promised.payments };
        let Some(payment) = any(&mut self.dice, of) else { return };
        let body = json!({"amount": format!("{}.50", self.dice.below(60)), "reason": "By chance"});
        let refund = self.insist(&format!("{PAYMENTS}{payment}/refund/"), &body).await;
        keep(&promised.refunds, refund);
    }

    async fn take_advance(&mut self) {
        let amount = format!("{}.25", self.dice.below(400));
        let taken = self.insist(ADVANCES, &deposit(ASHA, &amount)).await;
        keep(&self.promised.advances, taken);
    }

    async fn use_advance(&mut self) {
        let promised = self.promised;
        let (advance, bill) = (any(&mut self.dice, &promised.advances), any(&mut self.dice, &promised.invoices));
        let Some((advance, bill)) = advance.zip(bill) else { return };
        let body = json!({"invoice": bill, "amount": format!("{}.75", self.dice.below(90))});
        let paid = self.insist(&format!("{ADVANCES}{advance}/use/"), &body).await;
        keep(&promised.payments, paid);
    }

    async fn give_advance_back(&mut self) {
        let Some(advance) = any(&mut self.dice, &self.promised.advances) else { return };
        let body = json!({"amount": format!("{}.50", self.dice.below(60)), "reason": "By chance"});
        let given = self.insist(&format!("{ADVANCES}{advance}/refund/"), &body).await;
        keep(&self.promised.refund_vouchers, given);
    }

    /// Only one on which nothing is paid can be cancelled, such as one that was just issued.
    async fn cancel(&mut self) {
        let Some(bill) = self.issue().await else { return };
        let undone = self.insist(&format!("{INVOICES}{bill}/cancel/"), &json!({"reason": "billed twice"})).await;
        let Some(undone) = undone else { return };
        assert_eq!(undone["status"], "CANCELLED", "{undone}");
        self.promised.credit_notes.lock().unwrap().push(id_of(&undone));
    }

    /// Opens an order and pays it at once; no webhook ever says so.
    async fn pay_online(&mut self) {
        let Some(bill) = any(&mut self.dice, &self.promised.invoices) else { return };
        let amount = format!("{}.{:02}", self.dice.below(120) + 1, self.dice.below(100));
        let body = json!({"invoice": bill, "amount": amount, "method": "ONLINE"});
        let Some(opened) = self.insist(PAYMENTS, &body).await else { return };
        self.hospital.provider.pay(opened["order"]["order_id"].as_str().unwrap());
        self.promised.online.lock().unwrap().push(id_of(&opened));
    }

    /// A bill looks as it did when somebody looked before, wherever it is kept by now.
    async fn look(&mut self) {
        let Some(bill) = any(&mut self.dice, &self.promised.invoices) else { return };
        let asked = self.call(Method::GET, &format!("{INVOICES}{bill}/pdf/")).send().await;
        let Some((status, bytes)) = whole(asked).await else { return self.is_unavailable() };
        match status {
            200 => {
                let seen = digest(&bytes);
                let before = self.promised.seen.lock().unwrap().insert(bill, seen);
                assert!(before.is_none_or(|before| before == seen), "invoice {bill} looks otherwise than before");
            }
            408 | 503 => self.is_unavailable(),
            other => panic!("the PDF of invoice {bill}: {other} {}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// Sends until the answer is neither 503 nor lost, with the same key: what was done is told, what was not is done.
    async fn insist(&self, path: &str, body: &Value) -> Option<Value> {
        let key = Uuid::new_v4().to_string();
        for _ in 0..200 {
            let call = self.call(Method::POST, path).header("Idempotency-Key", &key);
            let sent = call.header("Content-Type", "application/json").body(body.to_string()).send().await;
            let answer = whole(sent).await;
            match answer.as_ref().map(|(status, bytes)| (*status, &**bytes)) {
                Some((200 | 201, bytes)) => return Some(serde_json::from_slice(bytes).unwrap()),
                Some((409, _)) => {
                    self.promised.refused.fetch_add(1, Ordering::Relaxed);
                    return None;
                }
                Some((408 | 503, _)) | None => {
                    self.is_unavailable();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Some((status, bytes)) => panic!("{path}: {status} {}", String::from_utf8_lossy(bytes)),
            }
        }
        panic!("{path}: never answered");
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let Hospital { clinic, http, .. } = self.hospital;
        http.request(method, format!("{}{path}", clinic.server.url)).bearer_auth(clinic.admin())
    }

    fn is_unavailable(&self) {
        self.promised.unavailable.fetch_add(1, Ordering::Relaxed);
    }
}

/// Status and body; none of an answer that was lost.
async fn whole(answer: reqwest::Result<Response>) -> Option<(u16, Bytes)> {
    let answer = answer.ok()?;
    Some((answer.status().as_u16(), answer.bytes().await.ok()?))
}

fn id_of(answer: &Value) -> i64 {
    answer["id"].as_i64().unwrap()
}

fn keep(ids: &Mutex<Vec<i64>>, answer: Option<Value>) {
    ids.lock().unwrap().extend(answer.map(|answer| id_of(&answer)));
}

fn any(dice: &mut Dice, ids: &Mutex<Vec<i64>>) -> Option<i64> {
    let ids = ids.lock().unwrap();
    (!ids.is_empty()).then(|| ids[dice.below(ids.len())])
}
