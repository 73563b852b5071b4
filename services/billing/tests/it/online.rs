//! Payments by the provider: order, webhook, reconciliation, refund; and what goes wrong with each.

use std::time::Duration;

use auth::Role;
use billing::razorpay::reconcile::Reconciler;
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, eventually};

use crate::clinic::{ASHA, Clinic, RAVI, cash, invoice, serve, with};
use crate::provider::{
    Mood, Provider, WEBHOOK_SECRET, captured, deliver, deliver_signed, event, of_refund, signature, signature_of_before,
};
use crate::refunds::refund;

struct Shop {
    clinic: Clinic,
    provider: Provider,
}

impl Shop {
    async fn new() -> Self {
        let provider = Provider::start().await;
        let mut clinic = Clinic::new().await;
        clinic.app.provider = Some(provider.client());
        clinic.server = serve(&clinic.app).await;
        Self { clinic, provider }
    }

    async fn open(&self, key: &str, invoice: i64, amount: &str) -> Answer {
        self.open_as(&self.clinic.token(Role::Patient), key, invoice, amount).await
    }

    async fn open_as(&self, token: &str, key: &str, invoice: i64, amount: &str) -> Answer {
        let call = self.clinic.server.call(Method::POST, "/api/billing/payments/").token(token);
        call.header("Idempotency-Key", key).json(&online(invoice, amount)).send().await
    }

    async fn deliver(&self, id: &str, body: Vec<u8>) -> String {
        let answer = deliver_signed(&self.clinic.server, id, body).await.expect(200);
        answer.body["outcome"].as_str().unwrap().to_owned()
    }

    async fn payment(&self, id: &Value) -> Value {
        self.clinic
            .server
            .get(&format!("/api/billing/payments/{id}/"), &self.clinic.accountant())
            .await
            .expect(200)
            .body
    }

    async fn standing(&self, invoice: i64) -> Value {
        let shown = self.clinic.read(invoice).await;
        json!([shown["status"], shown["amount_paid"]])
    }

    async fn balance(&self, account: &str) -> i64 {
        let sql = format!("SELECT coalesce(sum(amount), 0) FROM postings WHERE account = '{account}'");
        self.clinic.db.number(&sql).await
    }

    /// The worker's round, at a time.
    async fn round(&self, after: TimeDelta) {
        let app = &self.clinic.app;
        let reconciler =
            Reconciler { db: app.db.clone(), outbox: app.outbox.clone(), provider: app.provider.clone().unwrap() };
        reconciler.once(|| Utc::now() + after).await.unwrap();
    }

    /// A payment of ₹500 by the provider: its id.
    async fn paid(&self) -> i64 {
        let invoice = self.clinic.issued().await;
        let opened = self.open(&format!("of {invoice}"), invoice, "500.00").await.expect(201);
        let event = format!("evt_of_{invoice}");
        assert_eq!(self.deliver(&event, captured(&self.provider.pay(&order_of(&opened)))).await, "completed");
        opened.body["id"].as_i64().unwrap()
    }

    /// How often the provider was asked for a refund, and how many it made.
    fn asked_and_made(&self) -> (usize, usize) {
        let asked = self.provider.state().refunds_asked;
        (asked, self.provider.sent())
    }
}

fn online(invoice: i64, amount: &str) -> Value {
    json!({"invoice": invoice, "amount": amount, "method": "ONLINE"})
}

fn order_of(answer: &Answer) -> String {
    answer.body["order"]["order_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_order_is_pending_until_its_webhook() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "500.00").await.expect(201);
    assert_eq!(
        json!([
            opened.body["status"],
            opened.body["order"]["provider"],
            opened.body["order"]["key_id"],
            opened.body["order"]["currency"]
        ]),
        json!(["PENDING", "razorpay", "rzp_test_1", "INR"])
    );
    assert_eq!(shop.standing(invoice).await, json!(["ISSUED", "0.00"]));
    let shown = shop.payment(&opened.body["id"]).await;
    assert_eq!(shown, opened.body);
    let again = shop.open("a", invoice, "500.00").await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &opened.body));
    assert_eq!(shop.provider.state().calls, 1, "the stored answer asks nobody");

    let paid = shop.provider.pay(&order_of(&opened));
    assert_eq!(shop.deliver("evt_1", captured(&paid)).await, "completed");
    assert_eq!(shop.standing(invoice).await, json!(["PAID", "500.00"]));
    let shown = shop.payment(&opened.body["id"]).await;
    assert_eq!(json!([shown["status"], shown["order"]]), json!(["COMPLETED", null]));
    assert_eq!((shop.balance("PROVIDER").await, shop.balance("RECEIVABLE").await), (50_000, 0));
    let audited = "SELECT count(*) FROM audit_log WHERE object = 'POST /api/billing/webhooks/razorpay/' AND patients = '{7}' AND actor IS NULL";
    assert_eq!(shop.clinic.db.number(audited).await, 1);
}

#[tokio::test]
async fn a_webhook_counts_once_however_it_comes() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "200.00").await.expect(201);
    let paid = shop.provider.pay(&order_of(&opened));
    let bodies = (0..10).map(|_| shop.deliver("evt_1", captured(&paid)));
    let outcomes = join_all(bodies).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "completed").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "known").count(), 9, "{outcomes:?}");
    assert_eq!(shop.deliver("another id", captured(&paid)).await, "known");
    let order_paid = event(
        "order.paid",
        json!({"payment": {"entity": paid}, "order": {"entity": {"id": "o"}}}),
        Utc::now().timestamp(),
    );
    assert_eq!(shop.deliver("evt_2", order_paid).await, "known");
    let late_failure = event(
        "payment.failed",
        json!({"payment": {"entity": with(&paid, json!({"status": "failed"}))}}),
        Utc::now().timestamp(),
    );
    assert_eq!(shop.deliver("evt_3", late_failure).await, "ignored");
    assert_eq!(shop.standing(invoice).await, json!(["PARTIALLY_PAID", "200.00"]));
    let without_id = {
        let body = captured(&paid);
        let call = shop.clinic.server.call(Method::POST, "/api/billing/webhooks/razorpay/");
        let call = call.header("X-Razorpay-Signature", &signature(WEBHOOK_SECRET, &body));
        call.body("application/json", body).send().await.expect(200)
    };
    assert_eq!(without_id.body["outcome"], "known");
}

#[tokio::test]
async fn what_the_provider_did_not_sign_or_said_long_ago_is_refused() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "500.00").await.expect(201);
    let paid = shop.provider.pay(&order_of(&opened));
    let body = captured(&paid);
    let server = &shop.clinic.server;
    let good = signature(WEBHOOK_SECRET, &body);
    for wrong in
        ["", "00", &good[1..], &"0".repeat(64), &signature("another secret", &body), &signature(WEBHOOK_SECRET, b"{}")]
    {
        let refused = deliver(server, "evt_1", wrong, body.clone()).await.expect(400);
        assert_eq!(refused.body["errors"][0]["code"], "wrong_signature", "{wrong}");
    }
    let mut longer = body.clone();
    longer.push(b' ');
    deliver(server, "evt_1", &good, longer).await.expect(400);
    let old =
        event("payment.captured", json!({"payment": {"entity": paid}}), (Utc::now() - TimeDelta::days(4)).timestamp());
    let refused = deliver(server, "evt_1", &signature(WEBHOOK_SECRET, &old), old).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "too_old");
    for nonsense in
        [&b"{}"[..], b"[]", b"", b"\xff", b"{\"event\": 7}", b"{\"event\": \"payment.captured\", \"payload\": {}}"]
    {
        deliver(server, "evt_1", &signature(WEBHOOK_SECRET, nonsense), nonsense.to_vec()).await.expect(400);
    }
    let large = vec![b' '; 300 * 1024];
    deliver(server, "evt_1", &signature(WEBHOOK_SECRET, &large), large).await.expect(413);
    assert_eq!(shop.standing(invoice).await, json!(["ISSUED", "0.00"]));
    assert_eq!(
        shop.clinic.db.number("SELECT count(*) FROM provider_events").await,
        0,
        "a refused one is not taken for seen"
    );

    let signed_before = deliver(server, "evt_1", &signature_of_before(&body), body).await.expect(200);
    assert_eq!(signed_before.body["outcome"], "completed", "the secret was changed between two deliveries");
}

#[tokio::test]
async fn to_forget_old_events_the_others_are_not_read() {
    let shop = Shop::new().await;
    let db = &shop.clinic.db;
    let some = "INSERT INTO provider_events SELECT 'evt_' || n, now() - interval '8 days' * (n <= 2500)::int FROM generate_series(1, 30000) AS n";
    db.sql(some).await;
    db.sql("VACUUM ANALYZE provider_events").await;
    let (outbox, provider) = (shop.clinic.app.outbox.clone(), shop.provider.client());
    let reconciler = Reconciler { db: chassis::db::pool(&db.config(), "worker").unwrap(), outbox, provider };
    for _ in 0..4 {
        reconciler.once(Utc::now).await.unwrap();
    }
    // Sessions tell what they did when they end.
    drop(reconciler);
    let of_table = |what: &str| format!("SELECT {what} FROM pg_stat_user_tables WHERE relname = 'provider_events'");
    eventually(|| async { db.number(&of_table("n_tup_del")).await == 2_500 }).await;
    let looked_at = db.number(&of_table("seq_tup_read + idx_tup_fetch")).await;
    assert!(looked_at < 10_000, "{looked_at} rows for 2,500");
}

#[tokio::test]
async fn an_order_of_somebody_elses_or_of_another_amount_changes_nothing() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "500.00").await.expect(201);
    let paid = shop.provider.pay(&order_of(&opened));
    for (n, (change, outcome)) in [
        (json!({"order_id": "order_of_another_shop"}), "foreign"),
        (json!({"order_id": null}), "ignored"),
        (json!({"status": "authorized"}), "ignored"),
        (json!({"amount": 100}), "mismatch"),
        (json!({"amount": 50_001}), "mismatch"),
        (json!({"amount": -50_000}), "mismatch"),
        (json!({"currency": "USD"}), "mismatch"),
        (json!({"id": "../../etc"}), "ignored"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = captured(&with(&paid, change.clone()));
        assert_eq!(shop.deliver(&format!("evt_{n}"), body).await, outcome, "{change}");
    }
    assert_eq!(shop.standing(invoice).await, json!(["ISSUED", "0.00"]));
    assert_eq!(shop.clinic.db.number("SELECT count(*) FROM journal_entries WHERE kind = 'PAYMENT'").await, 0);
    assert_eq!(shop.deliver("evt_good", captured(&paid)).await, "completed");
    let second = shop.provider.pay(&order_of(&opened));
    assert_eq!(shop.deliver("evt_second", captured(&second)).await, "mismatch", "an order is paid once");
}

#[tokio::test]
async fn money_that_comes_when_nothing_is_owed_goes_back() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let first = shop.open("a", invoice, "500.00").await.expect(201);
    let second = shop.open("b", invoice, "500.00").await.expect(201);
    let (one, other) = (shop.provider.pay(&order_of(&first)), shop.provider.pay(&order_of(&second)));
    let outcomes = tokio::join!(shop.deliver("evt_1", captured(&one)), shop.deliver("evt_2", captured(&other)));
    let mut outcomes = [outcomes.0, outcomes.1];
    outcomes.sort();
    assert_eq!(outcomes, ["completed", "returned"]);
    assert_eq!(shop.standing(invoice).await, json!(["PAID", "500.00"]));
    assert_eq!(
        (shop.balance("PROVIDER").await, shop.balance("UNAPPLIED").await, shop.balance("REFUNDS_PAYABLE").await),
        (100_000, 0, -50_000)
    );
    shop.round(TimeDelta::zero()).await;
    assert_eq!((shop.balance("PROVIDER").await, shop.balance("REFUNDS_PAYABLE").await), (50_000, 0));
    assert_eq!(shop.provider.last_refund()["amount"], 50_000);

    let cancelled = shop.clinic.issued().await;
    let opened = shop.open("c", cancelled, "500.00").await.expect(201);
    let path = format!("/api/billing/invoices/{cancelled}/cancel/");
    shop.clinic.server.post(&path, &shop.clinic.admin(), &json!({"reason": "billed twice"})).await.expect(200);
    let paid = shop.provider.pay(&order_of(&opened));
    assert_eq!(shop.deliver("evt_3", captured(&paid)).await, "returned");
    let shown = shop.payment(&opened.body["id"]).await;
    assert_eq!(json!([shown["status"], shown["refunded"]]), json!(["RETURNED", "500.00"]));
    let refused = refund(&shop.clinic, "r", shown["id"].as_i64().unwrap(), "1.00").await.expect(409);
    assert_eq!(refused.body["payment_status"], "RETURNED");
}

#[tokio::test]
async fn what_no_webhook_brings_is_asked_for() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "300.00").await.expect(201);
    let never_paid = shop.open("b", invoice, "200.00").await.expect(201);
    let paid = shop.provider.pay(&order_of(&opened));
    shop.round(TimeDelta::zero()).await;
    assert_eq!(shop.standing(invoice).await, json!(["ISSUED", "0.00"]), "the webhook has its time");
    shop.provider.is(Mood::Trouble);
    shop.round(TimeDelta::minutes(3)).await;
    assert_eq!(shop.standing(invoice).await, json!(["ISSUED", "0.00"]));
    shop.provider.is(Mood::Well);
    shop.round(TimeDelta::hours(2)).await;
    assert_eq!(shop.standing(invoice).await, json!(["PARTIALLY_PAID", "300.00"]));
    let audited = "SELECT count(*) FROM audit_log WHERE action LIKE 'provider reconciliation%' AND patients = '{7}'";
    assert_eq!(shop.clinic.db.number(audited).await, 1);
    assert_eq!(shop.deliver("evt_1", captured(&paid)).await, "known", "the webhook comes after all");

    assert_eq!(shop.payment(&never_paid.body["id"]).await["status"], "PENDING");
    shop.round(TimeDelta::hours(30)).await;
    assert_eq!(shop.payment(&never_paid.body["id"]).await["status"], "FAILED");
    let calls = shop.provider.state().calls;
    shop.round(TimeDelta::hours(60)).await;
    assert_eq!(shop.provider.state().calls, calls, "nobody asks for it any more");
    let very_late = shop.provider.pay(&order_of(&never_paid));
    assert_eq!(shop.deliver("evt_2", captured(&very_late)).await, "completed");
    assert_eq!(shop.standing(invoice).await, json!(["PAID", "500.00"]));
}

#[tokio::test]
async fn an_order_that_a_bank_has_promised_to_pay_is_not_given_up() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "500.00").await.expect(201);
    let promised = shop.provider.promise(&order_of(&opened));
    shop.round(TimeDelta::hours(30)).await;
    assert_eq!(shop.payment(&opened.body["id"]).await["status"], "PENDING");
    shop.provider.captures(promised["id"].as_str().unwrap());
    shop.round(TimeDelta::hours(60)).await;
    assert_eq!(shop.payment(&opened.body["id"]).await["status"], "COMPLETED", "with no webhook");
    assert_eq!(shop.standing(invoice).await, json!(["PAID", "500.00"]));
}

#[tokio::test]
async fn a_refund_is_sent_by_the_provider() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "500.00").await.expect(201);
    let paid = shop.provider.pay(&order_of(&opened));
    shop.deliver("evt_1", captured(&paid)).await;
    let id = opened.body["id"].as_i64().unwrap();
    let asked = refund(&shop.clinic, "r", id, "200.00").await.expect(201);
    assert_eq!(
        json!([asked.body["status"], asked.body["method"], asked.body["sent_at"]]),
        json!(["PENDING", "ONLINE", null])
    );
    assert_eq!(shop.standing(invoice).await, json!(["PARTIALLY_PAID", "300.00"]));
    assert_eq!((shop.balance("REFUNDS_PAYABLE").await, shop.balance("PROVIDER").await), (-20_000, 50_000));
    shop.provider.state().refunds_become = "pending";
    shop.round(TimeDelta::zero()).await;
    assert_eq!(shop.balance("REFUNDS_PAYABLE").await, -20_000);
    let sent = with(&shop.provider.last_refund(), json!({"status": "processed"}));
    assert_eq!(shop.deliver("evt_2", of_refund("refund.processed", &sent)).await, "refund_sent");
    assert_eq!(shop.deliver("evt_3", of_refund("refund.processed", &sent)).await, "known");
    assert_eq!(shop.deliver("evt_4", of_refund("refund.failed", &sent)).await, "known", "it was sent");
    assert_eq!((shop.balance("REFUNDS_PAYABLE").await, shop.balance("PROVIDER").await), (0, 30_000));
    let list =
        shop.clinic.server.get(&format!("/api/billing/payments/{id}/refunds/"), &shop.clinic.admin()).await.expect(200);
    assert_eq!(list.body["results"][0]["status"], "COMPLETED");
    for (n, foreign) in
        [json!({"receipt": "ehs-refund-999-0"}), json!({"payment_id": "pay_of_another"}), json!({"receipt": null})]
            .into_iter()
            .enumerate()
    {
        let outcome = shop.deliver(&format!("evt_f{n}"), of_refund("refund.processed", &with(&sent, foreign))).await;
        assert!(outcome == "foreign" || outcome == "ignored", "{outcome}");
    }
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_or_that_failed_is_sent_once() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    let opened = shop.open("a", invoice, "500.00").await.expect(201);
    shop.deliver("evt_1", captured(&shop.provider.pay(&order_of(&opened)))).await;
    refund(&shop.clinic, "r", opened.body["id"].as_i64().unwrap(), "500.00").await.expect(201);
    shop.provider.is(Mood::Forgetful);
    shop.round(TimeDelta::zero()).await;
    assert_eq!((shop.provider.sent(), shop.balance("REFUNDS_PAYABLE").await), (1, -50_000));
    shop.provider.is(Mood::Well);
    shop.round(TimeDelta::minutes(10)).await;
    assert_eq!((shop.provider.sent(), shop.balance("REFUNDS_PAYABLE").await), (1, 0));

    let another = shop.clinic.issued().await;
    let opened = shop.open("b", another, "500.00").await.expect(201);
    shop.deliver("evt_2", captured(&shop.provider.pay(&order_of(&opened)))).await;
    refund(&shop.clinic, "s", opened.body["id"].as_i64().unwrap(), "500.00").await.expect(201);
    shop.provider.state().refunds_become = "failed";
    shop.round(TimeDelta::zero()).await;
    let failed = shop.provider.last_refund();
    assert_eq!(shop.deliver("evt_3", of_refund("refund.failed", &failed)).await, "known", "the answer said so already");
    assert_eq!(shop.balance("REFUNDS_PAYABLE").await, -50_000);
    shop.provider.state().refunds_become = "processed";
    shop.round(TimeDelta::hours(2)).await;
    assert_eq!((shop.provider.sent(), shop.balance("REFUNDS_PAYABLE").await), (3, 0));
}

#[tokio::test]
async fn two_workers_send_a_refund_once_however_slow_the_provider_is() {
    let shop = Shop::new().await;
    let id = shop.paid().await;
    refund(&shop.clinic, "a", id, "100.00").await.expect(201);
    shop.provider.state().refund_takes = Duration::from_secs(2);
    tokio::join!(shop.round(TimeDelta::zero()), shop.round(TimeDelta::zero()));
    assert_eq!(shop.asked_and_made(), (1, 1), "what one has taken up is left to it");

    // one stands still for longer than it is left to it; the provider does not show yet what it was asked for
    refund(&shop.clinic, "b", id, "150.00").await.expect(201);
    shop.provider.state().refund_takes = Duration::from_secs(5);
    tokio::join!(shop.round(TimeDelta::zero()), async {
        eventually(|| async { shop.asked_and_made() == (2, 1) }).await;
        shop.round(TimeDelta::minutes(10)).await;
    });
    assert_eq!(shop.provider.sent(), 2, "the provider knows the second request for the first");
    assert_eq!((shop.provider.taken_and_sent_back(), shop.balance("REFUNDS_PAYABLE").await), ((50_000, 25_000), 0));
    assert_eq!(shop.balance("PROVIDER").await, 25_000);
}

#[tokio::test]
async fn a_worker_that_looked_too_long_does_not_send_what_another_has_taken_up() {
    let shop = Shop::new().await;
    let id = shop.paid().await;
    refund(&shop.clinic, "a", id, "100.00").await.expect(201);
    {
        let mut state = shop.provider.state();
        (state.look_takes, state.refunds_become) = (Duration::from_secs(3), "pending");
    }
    tokio::join!(shop.round(TimeDelta::zero()), async {
        eventually(|| async { shop.provider.state().looks == 1 }).await;
        shop.provider.state().look_takes = Duration::ZERO;
        shop.round(TimeDelta::minutes(10)).await;
        assert_eq!(shop.asked_and_made(), (1, 1));
    });
    assert_eq!(shop.asked_and_made(), (1, 1), "it looked before the other asked, and asks no more");
}

#[tokio::test]
async fn a_refund_is_found_among_many() {
    let shop = Shop::new().await;
    let id = shop.paid().await;
    refund(&shop.clinic, "lost", id, "7.00").await.expect(201);
    shop.provider.is(Mood::Forgetful);
    shop.round(TimeDelta::zero()).await;
    shop.provider.is(Mood::Well);
    for n in 0..12 {
        refund(&shop.clinic, &format!("more {n}"), id, "1.00").await.expect(201);
    }
    shop.round(TimeDelta::zero()).await;
    assert_eq!((shop.asked_and_made(), shop.balance("REFUNDS_PAYABLE").await), ((13, 13), -700));
    // it shows five at a time, and the one whose answer was lost is the last
    shop.provider.state().page_most = 5;
    let looks = shop.provider.state().looks;
    shop.round(TimeDelta::minutes(10)).await;
    assert_eq!((shop.asked_and_made(), shop.balance("REFUNDS_PAYABLE").await), ((13, 13), 0));
    assert_eq!(shop.provider.state().looks - looks, 3);
}

#[tokio::test]
async fn a_provider_that_was_asked_too_much_is_asked_again_later() {
    let shop = Shop::new().await;
    let (id, invoice) = (shop.paid().await, shop.clinic.issued().await);
    refund(&shop.clinic, "a", id, "100.00").await.expect(201);
    shop.provider.is(Mood::TooMany);
    let refused = shop.open("key", invoice, "10.00").await.expect(503);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    shop.round(TimeDelta::zero()).await;
    assert_eq!((shop.asked_and_made(), shop.balance("REFUNDS_PAYABLE").await), ((0, 0), -10_000));
    shop.provider.is(Mood::Well);
    shop.round(TimeDelta::zero()).await;
    assert_eq!(shop.asked_and_made(), (0, 0), "not at once");
    shop.round(TimeDelta::minutes(10)).await;
    assert_eq!((shop.asked_and_made(), shop.balance("REFUNDS_PAYABLE").await), ((1, 1), 0));
    shop.open("key", invoice, "10.00").await.expect(201);
}

#[tokio::test]
async fn a_provider_that_is_down_is_503_and_nothing_else_stops() {
    let shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    for (n, mood) in [Mood::Refuses, Mood::Garbage, Mood::Cheats].into_iter().enumerate() {
        shop.provider.is(mood);
        let refused = shop.open(&format!("odd {n}"), invoice, "10.00").await.expect(503);
        assert!(!refused.header("retry-after").is_empty(), "{mood:?}");
    }
    shop.provider.is(Mood::Trouble);
    for n in 0..5 {
        shop.open(&format!("key {n}"), invoice, "10.00").await.expect(503);
    }
    let calls = shop.provider.state().calls;
    shop.provider.is(Mood::Well);
    let left_alone = shop.open("key 0", invoice, "10.00").await.expect(503);
    assert!(left_alone.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(shop.provider.state().calls, calls, "it is left alone for a while");
    shop.clinic.pay("cash", &cash(invoice, "10.00")).await.expect(201);
    assert_eq!(shop.clinic.db.number("SELECT count(*) FROM payments WHERE method = 'ONLINE'").await, 0);
    assert_eq!(
        shop.clinic.db.number("SELECT count(*) FROM idempotency_keys").await,
        1,
        "refused ones leave their keys free"
    );
}

#[tokio::test]
async fn a_slow_provider_is_not_waited_for() {
    let mut shop = Shop::new().await;
    let invoice = shop.clinic.issued().await;
    shop.clinic.app.provider = Some(shop.provider.client_within(Duration::from_millis(300)));
    shop.clinic.server = serve(&shop.clinic.app).await;
    shop.provider.is(Mood::Slow);
    let keys: Vec<_> = (0..20).map(|n| format!("key {n}")).collect();
    let opened = join_all(keys.iter().map(|key| shop.open(key, invoice, "10.00")));
    let payment = cash(invoice, "10.00");
    let (answers, paid) = tokio::join!(opened, shop.clinic.pay("cash", &payment));
    paid.expect(201);
    assert!(answers.iter().all(|answer| answer.status == 503 && !answer.header("retry-after").is_empty()));
}

#[tokio::test]
async fn a_patient_pays_their_own_and_only_so() {
    let shop = Shop::new().await;
    let own = shop.clinic.issued().await;
    let anothers = shop.clinic.bill(&invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    let draft =
        shop.clinic.bill(&with(&invoice(ASHA), json!({"draft": true}))).await.expect(201).body["id"].as_i64().unwrap();
    for hidden in [anothers, draft, 999_999] {
        assert_eq!(shop.open("a", hidden, "10.00").await.expect(400).faulty_fields(), ["invoice"]);
    }
    let patient = shop.clinic.token(Role::Patient);
    let with_cash = shop.clinic.server.call(Method::POST, "/api/billing/payments/").token(&patient);
    with_cash.header("Idempotency-Key", "c").json(&cash(own, "10.00")).send().await.expect(403);
    let without_key =
        shop.clinic.server.post("/api/billing/payments/", &patient, &online(own, "10.00")).await.expect(400);
    assert_eq!(without_key.faulty_fields(), ["Idempotency-Key"]);
    assert_eq!(shop.open("d", own, "0.99").await.expect(400).faulty_fields(), ["amount"]);
    shop.open("e", own, "500.01").await.expect(409);
    assert_eq!(shop.provider.state().calls, 0);
    shop.open("f", own, "500.00").await.expect(201);
    shop.open_as(&shop.clinic.receptionist(), "g", own, "500.00").await.expect(201);
    for role in [Role::Doctor, Role::Nurse, Role::Auditor] {
        shop.open_as(&shop.clinic.token(role), "h", own, "10.00").await.expect(403);
    }
    for n in 2..10 {
        shop.open(&format!("more {n}"), own, "1.00").await.expect(201);
    }
    assert_eq!(
        shop.open("one too many", own, "1.00").await.expect(409).body["type"],
        "urn:ehs:problem:too-many-pending"
    );
}

#[tokio::test]
async fn without_a_provider_there_is_nothing_to_pay_by() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let refused = clinic.pay("a", &online(invoice, "10.00")).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "not_offered");
    let body = captured(&json!({}));
    let signature = signature(WEBHOOK_SECRET, &body);
    deliver(&clinic.server, "evt_1", &signature, body).await.expect(400);
}
