//! The end of a cashier's day.

use auth::Role;
use billing::numbering::day_in_india;
use chrono::{Days, Utc};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use crate::clinic::{Clinic, cash, user_of, with};
use crate::refunds::refund;

const PATH: &str = "/api/billing/day-close/";

fn today() -> String {
    day_in_india(Utc::now()).to_string()
}

/// The receptionist's day.
fn close(counted: &str) -> Value {
    json!({"cashier": user_of(Role::Receptionist), "date": today(), "counted": counted})
}

async fn post(clinic: &Clinic, body: &Value) -> Answer {
    clinic.server.post(PATH, &clinic.accountant(), body).await
}

#[tokio::test]
async fn a_day_is_counted_and_takes_nothing_more() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    clinic.pay("a", &cash(invoice, "130.00")).await.expect(201);
    clinic.pay("b", &with(&cash(invoice, "70.00"), json!({"method": "CARD"}))).await.expect(201);
    let unexplained = post(&clinic, &close("100.00")).await.expect(409);
    assert_eq!(
        json!([unexplained.body["type"], unexplained.body["expected"], unexplained.body["difference"]]),
        json!(["urn:ehs:problem:difference-needs-reason", "130.00", "-30.00"])
    );
    let notes =
        json!({"cashier": 3, "date": today(), "denominations": {"100": 1, "5": 2}, "reason": "A note was torn"});
    let closed = post(&clinic, &notes).await.expect(201);
    assert_eq!(
        json!([
            closed.body["expected"],
            closed.body["counted"],
            closed.body["difference"],
            closed.body["reason"],
            closed.body["closed_by"]
        ]),
        json!(["130.00", "110.00", "-20.00", "A note was torn", 2])
    );
    assert_eq!(closed.body["denominations"], json!({"100": 1, "5": 2}));
    post(&clinic, &notes).await.expect(409);

    let late = clinic.pay("c", &cash(invoice, "1.00")).await.expect(409);
    assert_eq!(late.body["type"], "urn:ehs:problem:day-closed");
    clinic.pay("d", &with(&cash(invoice, "1.00"), json!({"method": "CARD"}))).await.expect(409);
    let another = clinic.server.call(Method::POST, "/api/billing/payments/").token(&clinic.accountant());
    another.header("Idempotency-Key", "e").json(&cash(invoice, "1.00")).send().await.expect(201);

    let of = |account: &'static str| {
        let sql = format!("SELECT coalesce(sum(amount), 0) FROM postings WHERE account = '{account}'");
        let db = &clinic.db;
        async move { db.number(&sql).await }
    };
    assert_eq!((of("SAFE").await, of("CASH_DIFFERENCE").await, of("CASH").await), (11_000, 2_000, 100));
    let one = clinic.server.get(closed.header("location"), &clinic.accountant()).await.expect(200);
    assert_eq!(one.body, closed.body);
    let list =
        clinic.server.get(&format!("{PATH}?cashier=3&start_date={}", today()), &clinic.admin()).await.expect(200);
    assert_eq!(json!([list.body["count"], list.body["results"][0]]), json!([1, closed.body]));
    assert_eq!(clinic.server.get(&format!("{PATH}?cashier=4"), &clinic.admin()).await.expect(200).body["count"], 0);
    clinic.server.get("/api/billing/day-close/999999/", &clinic.admin()).await.expect(404);
}

#[tokio::test]
async fn refunds_leave_the_drawer_of_who_pays_them_out() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let payment = clinic.pay("a", &cash(invoice, "300.00")).await.expect(201).body["id"].as_i64().unwrap();
    refund(&clinic, "b", payment, "120.00").await.expect(201);
    post(&clinic, &close("300.00")).await.expect(201);
    let accountants = json!({"cashier": user_of(Role::Accountant), "date": today(), "counted": "0.00", "reason": "Taken from the safe"});
    let closed = post(&clinic, &accountants).await.expect(201);
    assert_eq!(json!([closed.body["expected"], closed.body["difference"]]), json!(["-120.00", "120.00"]));
    let late = refund(&clinic, "c", payment, "1.00").await.expect(409);
    assert_eq!(late.body["type"], "urn:ehs:problem:day-closed");
}

#[tokio::test]
async fn money_taken_while_the_day_is_closed_is_before_it_or_refused() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let keys: Vec<_> = (0..40).map(|n| format!("key {n}")).collect();
    let payment = cash(invoice, "1.00");
    let pays = join_all(keys.iter().map(|key| clinic.pay(key, &payment)));
    let closing = with(&close("0.00"), json!({"reason": "Closed while the queue stood"}));
    let (paid, closed) = tokio::join!(pays, post(&clinic, &closing));
    let closed = closed.expect(201);
    let taken = paid.iter().filter(|answer| answer.status == 201).count();
    assert!(paid.iter().all(|answer| answer.status == 201 || answer.status == 409));
    assert_eq!(closed.body["expected"], format!("{taken}.00"));
}

#[tokio::test]
async fn what_is_no_day_is_refused() {
    let clinic = Clinic::new().await;
    let tomorrow = (day_in_india(Utc::now()) + Days::new(1)).to_string();
    for (change, field) in [
        (json!({"date": tomorrow}), "date"),
        (json!({"date": "2026-02-30"}), "date"),
        (json!({"cashier": 0}), "cashier"),
        (json!({"counted": "1e3"}), "counted"),
        (json!({"counted": "NaN"}), "counted"),
        (json!({"counted": "1.005"}), "counted"),
        (json!({"counted": "-1.00"}), "counted"),
        (json!({"counted": null}), "counted"),
        (json!({"counted": "1.00", "denominations": {"1": 2}}), "counted"),
        (json!({"denominations": {"3": 1}}), "denominations"),
        (json!({"denominations": {"500": -1}}), "denominations"),
        (json!({"denominations": {"500": 1.5}}), "denominations.500"),
        (json!({"reason": ""}), "reason"),
        (json!({"expected": "1.00"}), "expected"),
    ] {
        let refused = post(&clinic, &with(&close("0.00"), change.clone())).await.expect(400);
        assert!(refused.faulty_fields().contains(&field), "{change}: {}", refused.text);
    }
    let several = json!({"cashier": 3, "date": tomorrow, "denominations": {"3": 1}});
    assert_eq!(post(&clinic, &several).await.expect(400).faulty_fields(), ["date", "denominations"]);
    clinic.server.get(&format!("{PATH}?start_date=2026-02-02&end_date=2026-02-01"), &clinic.admin()).await.expect(400);
    assert_eq!(clinic.db.number("SELECT count(*) FROM day_closes").await, 0);
}

#[tokio::test]
async fn the_same_key_closes_once() {
    let clinic = Clinic::new().await;
    let send = || {
        let call = clinic.server.call(Method::POST, PATH).token(&clinic.accountant());
        call.header("Idempotency-Key", "evening").json(&close("0.00")).send()
    };
    let first = send().await.expect(201);
    let again = send().await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
}
