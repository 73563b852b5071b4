//! Refunds: whole, part, never more than was paid.

use auth::Role;
use billing::money::Paise;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use crate::clinic::{Clinic, cash, serve, with};

pub async fn refund(clinic: &Clinic, key: &str, payment: i64, amount: &str) -> Answer {
    let call = clinic.server.call(Method::POST, &format!("/api/billing/payments/{payment}/refund/"));
    let body = json!({"amount": amount, "reason": "Charged twice"});
    call.token(&clinic.accountant()).header("Idempotency-Key", key).json(&body).send().await
}

async fn paid(clinic: &Clinic, invoice: i64, amount: &str) -> i64 {
    let answer = clinic.pay(&uuid::Uuid::new_v4().to_string(), &cash(invoice, amount)).await.expect(201);
    answer.body["id"].as_i64().unwrap()
}

async fn standing(clinic: &Clinic, invoice: i64) -> Value {
    let shown = clinic.read(invoice).await;
    json!([shown["status"], shown["amount_paid"], shown["balance"]])
}

async fn balance_of(clinic: &Clinic, account: &str) -> i64 {
    clinic.db.number(&format!("SELECT coalesce(sum(amount), 0) FROM postings WHERE account = '{account}'")).await
}

#[tokio::test]
async fn a_payment_is_paid_back_in_parts() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "500.00").await;
    let first = refund(&clinic, "a", payment, "200.00").await.expect(201);
    assert_eq!(first.header("location"), format!("/api/billing/payments/{payment}/refunds/"));
    assert_eq!(
        json!([first.body["amount"], first.body["method"], first.body["status"], first.body["refunded_by"]]),
        json!(["200.00", "CASH", "COMPLETED", 2])
    );
    assert_eq!(standing(&clinic, invoice).await, json!(["PARTIALLY_PAID", "300.00", "200.00"]));
    let again = refund(&clinic, "a", payment, "200.00").await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));

    let too_much = refund(&clinic, "b", payment, "300.01").await.expect(409);
    assert_eq!(
        json!([too_much.body["type"], too_much.body["refundable"]]),
        json!(["urn:ehs:problem:over-refund", "300.00"])
    );
    refund(&clinic, "c", payment, "300").await.expect(201);
    assert_eq!(standing(&clinic, invoice).await, json!(["REFUNDED", "0.00", "500.00"]));
    refund(&clinic, "d", payment, "0.01").await.expect(409);
    clinic.pay("e", &cash(invoice, "1.00")).await.expect(409);

    assert_eq!((balance_of(&clinic, "CASH").await, balance_of(&clinic, "RECEIVABLE").await), (0, 50_000));
    let shown = clinic.server.get(&format!("/api/billing/payments/{payment}/"), &clinic.accountant()).await.expect(200);
    assert_eq!(
        json!([shown.body["refunded"], shown.body["status"], shown.body["order"]]),
        json!(["500.00", "COMPLETED", null])
    );
    assert!(!shown.header("etag").is_empty());
    let path = format!("/api/billing/payments/{payment}/refunds/?page_size=1");
    let list = clinic.server.get(&path, &clinic.accountant()).await.expect(200).body;
    assert_eq!(json!([list["count"], list["results"][0]["amount"]]), json!([2, "200.00"]));
    let next = list["next"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap().to_owned();
    let second = clinic.server.get(&next, &clinic.accountant()).await.expect(200).body;
    assert_eq!(json!([second["results"][0]["amount"], second["next"]]), json!(["300.00", null]));
}

#[tokio::test]
async fn an_invoice_that_was_never_paid_in_whole_can_be_paid_again() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let wrong_card = paid(&clinic, invoice, "200.00").await;
    refund(&clinic, "a", wrong_card, "200.00").await.expect(201);
    assert_eq!(standing(&clinic, invoice).await, json!(["ISSUED", "0.00", "500.00"]));
    paid(&clinic, invoice, "500.00").await;
    assert_eq!(standing(&clinic, invoice).await, json!(["PAID", "500.00", "0.00"]));
}

#[tokio::test]
async fn what_was_paid_twice_in_part_was_never_paid_in_whole() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    for key in ["a", "b"] {
        let payment = paid(&clinic, invoice, "300.00").await;
        refund(&clinic, key, payment, "300.00").await.expect(201);
        assert_eq!(standing(&clinic, invoice).await, json!(["ISSUED", "0.00", "500.00"]));
    }
    let payment = paid(&clinic, invoice, "500.00").await;
    refund(&clinic, "c", payment, "500.00").await.expect(201);
    assert_eq!(standing(&clinic, invoice).await[0], "REFUNDED");
}

#[tokio::test]
async fn what_is_overdue_and_was_paid_in_whole_is_refunded_when_nothing_is_left() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "500.00").await;
    refund(&clinic, "a", payment, "200.00").await.expect(201);
    clinic.db.sql("UPDATE invoices SET status = 'OVERDUE'").await;
    refund(&clinic, "b", payment, "100.00").await.expect(201);
    assert_eq!(standing(&clinic, invoice).await, json!(["OVERDUE", "200.00", "300.00"]));
    refund(&clinic, "c", payment, "200.00").await.expect(201);
    assert_eq!(standing(&clinic, invoice).await[0], "REFUNDED");
}

#[tokio::test]
async fn refunds_at_once_never_exceed_the_payment() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "500.00").await;
    let keys: Vec<_> = (0..40).map(|n| format!("key {n}")).collect();
    let answers = join_all(keys.iter().map(|key| refund(&clinic, key, payment, "300.00"))).await;
    let granted = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((granted, refused), (1, 39));
    assert_eq!(clinic.db.number("SELECT sum(amount) FROM refunds").await, 30_000);

    let answers = join_all((0..40).map(|_| refund(&clinic, "the same", payment, "1.00"))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(clinic.db.number("SELECT sum(amount) FROM refunds").await, 30_100);
    assert_eq!(standing(&clinic, invoice).await, json!(["PARTIALLY_PAID", "199.00", "301.00"]));
}

#[tokio::test]
async fn payments_and_refunds_at_once_leave_books_that_agree() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "250.00").await;
    let keys: Vec<_> = (0..30).map(|n| format!("key {n}")).collect();
    let some = |(n, key): (usize, &String)| {
        let (clinic, key) = (&clinic, key.clone());
        async move {
            match n % 2 {
                0 => clinic.pay(&key, &cash(invoice, "25.00")).await.status,
                _ => refund(clinic, &key, payment, "25.00").await.status,
            }
        }
    };
    let statuses = join_all(keys.iter().enumerate().map(some)).await;
    assert!(statuses.iter().all(|status| *status == 201 || *status == 409), "{statuses:?}");
    let in_books = "SELECT -sum(p.amount) FROM postings p JOIN journal_entries e ON e.id = p.entry_id \
                    WHERE p.account = 'RECEIVABLE' AND e.kind IN ('PAYMENT', 'REFUND')";
    let taken = "SELECT (SELECT sum(amount) FROM payments) - (SELECT coalesce(sum(amount), 0) FROM refunds)";
    let said = clinic.db.number(&format!("SELECT amount_paid FROM invoices WHERE id = {invoice}")).await;
    assert_eq!((clinic.db.number(in_books).await, clinic.db.number(taken).await), (said, said));
}

#[tokio::test]
async fn each_role_has_its_limit_and_small_parts_get_nobody_further() {
    let mut clinic = Clinic::new().await;
    clinic.app.refund_limits.accountant = Paise::rupees(100);
    let server = serve(&clinic.app).await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "500.00").await;
    let ask = |role: Role, key: &'static str, amount: &'static str| {
        let call = server.call(Method::POST, &format!("/api/billing/payments/{payment}/refund/"));
        let body = json!({"amount": amount, "reason": "Unhappy"});
        call.token(&clinic.token(role)).header("Idempotency-Key", key).json(&body).send()
    };
    let refused = ask(Role::Accountant, "a", "100.01").await.expect(403);
    assert_eq!(json!([refused.body["type"], refused.body["limit"]]), json!(["urn:ehs:problem:refund-limit", "100.00"]));
    ask(Role::Accountant, "b", "60.00").await.expect(201);
    ask(Role::Accountant, "c", "40.01").await.expect(403);
    ask(Role::Accountant, "d", "40.00").await.expect(201);
    ask(Role::Admin, "e", "400.00").await.expect(201);
    for role in [Role::Receptionist, Role::Patient, Role::Doctor, Role::Nurse, Role::Auditor] {
        ask(role, "f", "1.00").await.expect(403);
    }
}

#[tokio::test]
async fn what_is_no_refund_is_refused() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "500.00").await;
    let path = format!("/api/billing/payments/{payment}/refund/");
    let send = |body: Value| {
        let call = clinic.server.call(Method::POST, &path).token(&clinic.accountant());
        call.header("Idempotency-Key", &uuid::Uuid::new_v4().to_string()).json(&body).send()
    };
    let good = json!({"amount": "1.00", "reason": "Charged twice"});
    let without_key = clinic.server.post(&path, &clinic.accountant(), &good).await.expect(400);
    assert_eq!(without_key.faulty_fields(), ["Idempotency-Key"]);
    for amount in ["0", "0.00", "-1.00", "1e3", "NaN", "1.005", "inf", "", "1000000000000.01"] {
        assert_eq!(
            send(with(&good, json!({"amount": amount}))).await.expect(400).faulty_fields(),
            ["amount"],
            "{amount}"
        );
    }
    for reason in [json!(""), json!("  "), json!(null), json!(7), json!("x".repeat(201)), json!("a\nb")] {
        assert_eq!(
            send(with(&good, json!({"reason": reason}))).await.expect(400).faulty_fields(),
            ["reason"],
            "{reason}"
        );
    }
    let many = send(json!({"amount": 1, "why": "x"})).await.expect(400);
    let mut fields = many.faulty_fields();
    fields.sort_unstable();
    assert_eq!(fields, ["amount", "reason", "why"]);
    refund(&clinic, "x", 999_999, "1.00").await.expect(404);
    refund(&clinic, "y", -1, "1.00").await.expect(404);
    refund(&clinic, "same", payment, "1.00").await.expect(201);
    refund(&clinic, "same", payment, "2.00").await.expect(409);
    assert_eq!(clinic.db.number("SELECT sum(amount) FROM refunds").await, 100);
}

#[tokio::test]
async fn what_was_paid_goes_back_before_an_invoice_is_cancelled_and_then_it_takes_no_payment() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "300.00").await;
    let cancel = format!("/api/billing/invoices/{invoice}/cancel/");
    let why = json!({"reason": "billed twice"});
    clinic.server.post(&cancel, &clinic.admin(), &why).await.expect(409);
    refund(&clinic, "a", payment, "300.00").await.expect(201);
    clinic.server.post(&cancel, &clinic.admin(), &why).await.expect(200);
    let refused = clinic.pay("p", &cash(invoice, "1.00")).await.expect(409);
    assert_eq!(refused.body["invoice_status"], "CANCELLED");
    assert_eq!(standing(&clinic, invoice).await, json!(["CANCELLED", "0.00", "0.00"]));
}

#[tokio::test]
async fn patients_see_their_own_payments_and_refunds_only() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "300.00").await;
    let ravis =
        clinic.bill(&crate::clinic::invoice(crate::clinic::RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    let anothers = paid(&clinic, ravis, "300.00").await;
    let patient = clinic.token(Role::Patient);
    for (id, status) in [(payment, 200), (anothers, 404), (999_999, 404)] {
        clinic.server.get(&format!("/api/billing/payments/{id}/"), &patient).await.expect(status);
        clinic.server.get(&format!("/api/billing/payments/{id}/refunds/"), &patient).await.expect(status);
    }
}

#[tokio::test]
async fn refunds_are_told() {
    let mut clinic = Clinic::new().await;
    let subscriptions = ::events::subscriptions::Subscriptions::parse("events:\n  PaymentRefunded: [reports]\n");
    clinic.app.outbox = ::events::Outbox::with(std::sync::Arc::new(subscriptions.unwrap()));
    clinic.server = serve(&clinic.app).await;
    let invoice = clinic.issued().await;
    let payment = paid(&clinic, invoice, "300.00").await;
    refund(&clinic, "a", payment, "300.01").await.expect(409);
    refund(&clinic, "b", payment, "300.00").await.expect(201);
    let told = format!(
        "SELECT count(*) FROM outbox WHERE event_type = 'PaymentRefunded' AND message_group = 'invoice-{invoice}'"
    );
    assert_eq!(clinic.db.number(&told).await, 1);
}
