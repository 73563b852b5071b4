//! Payments: part, whole, once.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::clinic::{Clinic, cash, with};

#[tokio::test]
async fn parts_add_up_to_the_whole() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let first =
        clinic.pay("a", &with(&cash(id, "200.00"), json!({"method": "UPI", "reference": "UTR 1"}))).await.expect(201);
    assert_eq!(first.header("location"), format!("/api/billing/payments/{}/", first.body["id"]));
    assert_eq!(
        (&first.body["invoice"], &first.body["amount"], &first.body["method"]),
        (&json!(id), &json!("200.00"), &json!("UPI"))
    );
    let shown = clinic.read(id).await;
    assert_eq!(
        (&shown["status"], &shown["amount_paid"], &shown["balance"]),
        (&json!("PARTIALLY_PAID"), &json!("200.00"), &json!("300.00"))
    );
    let refused = clinic.pay("b", &cash(id, "300.01")).await.expect(409);
    assert_eq!(
        (&refused.body["type"], &refused.body["balance"]),
        (&json!("urn:ehs:problem:overpayment"), &json!("300.00"))
    );
    clinic.pay("c", &cash(id, "300")).await.expect(201);
    assert_eq!(clinic.read(id).await["status"], "PAID");
    clinic.pay("d", &cash(id, "0.01")).await.expect(409);

    let list = clinic
        .server
        .get(&format!("/api/billing/invoices/{id}/payments/?page_size=1"), &clinic.accountant())
        .await
        .expect(200)
        .body;
    assert_eq!((&list["count"], &list["results"][0]["reference"]), (&json!(2), &json!("UTR 1")));
    let next = list["next"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap();
    let second = clinic.server.get(next, &clinic.accountant()).await.expect(200).body;
    assert_eq!((&second["results"][0]["amount"], &second["next"]), (&json!("300.00"), &json!(null)));
    let previous = second["previous"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap();
    assert_eq!(clinic.server.get(previous, &clinic.accountant()).await.expect(200).body["results"], list["results"]);
}

#[tokio::test]
async fn a_hundred_payments_of_the_whole_balance_at_once() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let payment = cash(id, "500.00");
    let keys: Vec<_> = (0..100).map(|n| format!("key {n}")).collect();
    let answers = join_all(keys.iter().map(|key| clinic.pay(key, &payment))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(
        (statuses.iter().filter(|s| **s == 201).count(), statuses.iter().filter(|s| **s == 409).count()),
        (1, 99),
        "{statuses:?}"
    );
    assert_eq!(clinic.db.number("SELECT sum(amount) FROM payments").await, 50_000);
    assert_eq!(clinic.read(id).await["status"], "PAID");
}

#[tokio::test]
async fn one_payment_sent_a_hundred_times_is_taken_once() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let payment = cash(id, "1.00");
    let answers = join_all((0..100).map(|_| clinic.pay("the same", &payment))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count(), 99);
    assert_eq!(clinic.db.number("SELECT count(*) FROM payments").await, 1);
    clinic.pay("the same", &cash(id, "2.00")).await.expect(409);
    clinic.pay("another", &payment).await.expect(201);
}

#[tokio::test]
async fn a_refused_payment_leaves_its_key_free() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.pay("k", &cash(id, "500.01")).await.expect(409);
    clinic.pay("k", &cash(id, "500.00")).await.expect(201);
}

#[tokio::test]
async fn what_is_no_payment_is_refused() {
    let clinic = Clinic::new().await;
    let (id, draft) = (clinic.issued().await, clinic.draft().await);
    let without_key = clinic.server.call(Method::POST, "/api/billing/payments/").token(&clinic.accountant());
    assert_eq!(without_key.json(&cash(id, "1.00")).send().await.expect(400).faulty_fields(), ["Idempotency-Key"]);
    let online = clinic.pay("o", &with(&cash(id, "1.00"), json!({"method": "ONLINE"}))).await.expect(400);
    assert_eq!(
        (&online.body["errors"][0]["field"], &online.body["errors"][0]["code"]),
        (&json!("method"), &json!("not_offered"))
    );
    for amount in [
        json!("0"),
        json!("0.00"),
        json!("-1.00"),
        json!("1e3"),
        json!("NaN"),
        json!("1.005"),
        json!("1000000000000.01"),
        json!(1),
        json!(1.5),
        json!(null),
    ] {
        let refused = clinic.pay("x", &with(&cash(id, "1.00"), json!({"amount": amount}))).await.expect(400);
        assert_eq!(refused.faulty_fields(), ["amount"], "{amount}");
    }
    assert_eq!(clinic.pay("y", &cash(999_999, "1.00")).await.expect(400).faulty_fields(), ["invoice"]);
    let on_a_draft = clinic.pay("z", &cash(draft, "1.00")).await.expect(409);
    assert_eq!(on_a_draft.body["invoice_status"], "DRAFT");
    let many = clinic
        .pay("m", &json!({"invoice": 0, "amount": "x", "method": "GOLD", "reference": "<b>x</b>", "tip": 1}))
        .await
        .expect(400);
    let mut fields = many.faulty_fields();
    fields.sort_unstable();
    assert_eq!(fields, ["amount", "invoice", "method", "reference", "tip"]);
    assert_eq!(clinic.db.number("SELECT count(*) FROM payments").await, 0);
}
