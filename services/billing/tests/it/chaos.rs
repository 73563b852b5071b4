//! Many clients issue, pay, refund and cancel, take advances, use them and give them back at random while connections to PostgreSQL are
//! killed; then the books are proven.
//!
//! Short as a rule; `EHS_TEST_CHAOS_CLIENTS=500 EHS_TEST_CHAOS_SECONDS=60 EHS_TEST_CHAOS_INVOICES=200` is the full measure.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;
use uuid::Uuid;

use crate::advances::deposit;
use crate::clinic::{ASHA, Clinic, cash, invoice};
use crate::verify::findings;

fn scale(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What was answered with 201: it has to be in the books.
#[derive(Default)]
struct Promised {
    invoices: Mutex<Vec<i64>>,
    payments: Mutex<Vec<i64>>,
    refunds: Mutex<Vec<i64>>,
    advances: Mutex<Vec<i64>>,
    refund_vouchers: Mutex<Vec<i64>>,
    credit_notes: Mutex<Vec<i64>>,
    refused: AtomicU64,
    unavailable: AtomicU64,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// Sends until the answer is neither 503 nor lost, with the same key: what was done is told, what was not is done.
async fn insist(clinic: &Clinic, promised: &Promised, path: &str, body: &Value) -> Option<Answer> {
    let key = Uuid::new_v4().to_string();
    for _ in 0..200 {
        let call = clinic.server.call(Method::POST, path).token(&clinic.admin());
        let answer = call.header("Idempotency-Key", &key).json(body).send().await;
        match answer.status.as_u16() {
            200 | 201 => return Some(answer),
            409 => {
                promised.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            408 | 503 => {
                promised.unavailable.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            _ => panic!("{path}: {} {}", answer.status, answer.text),
        }
    }
    panic!("{path}: never answered");
}

fn id_of(answer: &Answer) -> i64 {
    answer.body["id"].as_i64().unwrap()
}

/// Credit notes are told by their invoice.
fn note_of(answer: &Answer) -> i64 {
    assert_eq!(answer.body["status"], "CANCELLED", "{}", answer.text);
    id_of(answer)
}

fn any(dice: &mut Dice, ids: &Mutex<Vec<i64>>) -> Option<i64> {
    let ids = ids.lock().unwrap();
    (!ids.is_empty()).then(|| ids[dice.below(ids.len())])
}

async fn client(clinic: &Clinic, promised: &Promised, seed: u64, most: usize, until: Instant) {
    let mut dice = Dice(seed * 7_919 + 1);
    while Instant::now() < until {
        let few = promised.invoices.lock().unwrap().len() < most;
        match dice.below(15) {
            10 => {
                let amount = format!("{}.25", dice.below(400));
                let taken = insist(clinic, promised, "/api/billing/advances/", &deposit(ASHA, &amount)).await;
                promised.advances.lock().unwrap().extend(taken.map(|taken| id_of(&taken)));
            }
            11 | 12 => {
                let (advance, bill) = (any(&mut dice, &promised.advances), any(&mut dice, &promised.invoices));
                let Some((advance, bill)) = advance.zip(bill) else { continue };
                let body = json!({"invoice": bill, "amount": format!("{}.75", dice.below(90))});
                let path = format!("/api/billing/advances/{advance}/use/");
                let paid = insist(clinic, promised, &path, &body).await;
                promised.payments.lock().unwrap().extend(paid.map(|paid| id_of(&paid)));
            }
            13 => {
                let Some(advance) = any(&mut dice, &promised.advances) else { continue };
                let body = json!({"amount": format!("{}.50", dice.below(60)), "reason": "By chance"});
                let path = format!("/api/billing/advances/{advance}/refund/");
                let given = insist(clinic, promised, &path, &body).await;
                promised.refund_vouchers.lock().unwrap().extend(given.map(|given| id_of(&given)));
            }
            14 => {
                // Only one on which nothing is paid can be cancelled, such as one that was just issued.
                let Some(made) = insist(clinic, promised, "/api/billing/invoices/", &invoice(ASHA)).await else {
                    continue;
                };
                promised.invoices.lock().unwrap().push(id_of(&made));
                let path = format!("/api/billing/invoices/{}/cancel/", id_of(&made));
                let undone = insist(clinic, promised, &path, &json!({"reason": "billed twice"})).await;
                promised.credit_notes.lock().unwrap().extend(undone.map(|undone| note_of(&undone)));
            }
            0 if few => {
                if let Some(made) = insist(clinic, promised, "/api/billing/invoices/", &invoice(ASHA)).await {
                    promised.invoices.lock().unwrap().push(id_of(&made));
                }
            }
            0..=5 => {
                let Some(bill) = any(&mut dice, &promised.invoices) else { continue };
                let amount = format!("{}.{:02}", dice.below(120), dice.below(99) + 1);
                if let Some(paid) = insist(clinic, promised, "/api/billing/payments/", &cash(bill, &amount)).await {
                    promised.payments.lock().unwrap().push(id_of(&paid));
                }
            }
            _ => {
                let Some(payment) = any(&mut dice, &promised.payments) else { continue };
                let body = json!({"amount": format!("{}.50", dice.below(60)), "reason": "By chance"});
                let path = format!("/api/billing/payments/{payment}/refund/");
                if let Some(refund) = insist(clinic, promised, &path, &body).await {
                    promised.refunds.lock().unwrap().push(id_of(&refund));
                }
            }
        }
    }
}

async fn kill(clinic: &Clinic, until: Instant) {
    let some = "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) AS victims";
    while Instant::now() < until {
        clinic.db.sql(some).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "says how much was done, where it is scaled up")]
async fn no_paisa_is_made_or_lost() {
    let (clients, seconds) = (scale("EHS_TEST_CHAOS_CLIENTS", 10), scale("EHS_TEST_CHAOS_SECONDS", 3));
    let most = usize::try_from(scale("EHS_TEST_CHAOS_INVOICES", 12)).unwrap();
    let clinic = Clinic::new().await;
    let promised = Promised::default();
    for _ in 0..3 {
        let issued = clinic.issued().await;
        promised.invoices.lock().unwrap().push(issued);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let working = join_all((0..clients).map(|seed| client(&clinic, &promised, seed + 1, most, until)));
    tokio::join!(working, kill(&clinic, until));

    assert_eq!(findings(&clinic).await, [""; 0]);
    for (table, ids) in [
        ("invoices", &promised.invoices),
        ("payments", &promised.payments),
        ("refunds", &promised.refunds),
        ("advances", &promised.advances),
        ("refund_vouchers", &promised.refund_vouchers),
    ] {
        let mut ids = ids.lock().unwrap().clone();
        let promised = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), promised, "{table}: one answer for each");
        let kept = clinic.db.number(&format!("SELECT count(*) FROM {table}")).await;
        let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let found = clinic.db.number(&format!("SELECT count(*) FROM {table} WHERE id = ANY('{{{list}}}')")).await;
        assert_eq!(
            (found, kept),
            (promised as i64, promised as i64),
            "{table}: every 201 is in the books, and nothing else"
        );
    }
    let undone = promised.credit_notes.lock().unwrap().clone();
    let list = undone.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let noted = format!("SELECT count(*) FROM credit_notes WHERE invoice_id = ANY('{{{list}}}')");
    let kept = clinic.db.number("SELECT count(*) FROM credit_notes").await;
    assert_eq!((clinic.db.number(&noted).await, kept), (undone.len() as i64, undone.len() as i64), "credit notes");
    assert!(!undone.is_empty(), "nothing was cancelled");
    let [refused, unavailable] = [&promised.refused, &promised.unavailable].map(|count| count.load(Ordering::Relaxed));
    assert!(unavailable > 0, "connections were killed and nobody noticed");
    let Promised { invoices, payments, refunds, advances, refund_vouchers, credit_notes, .. } = &promised;
    let counts =
        [invoices, payments, refunds, advances, refund_vouchers, credit_notes].map(|ids| ids.lock().unwrap().len());
    println!(
        "invoices, payments, refunds, advances, refund vouchers, credit notes: {counts:?}; refused {refused}, unavailable {unavailable}"
    );
}
