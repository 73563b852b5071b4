//! Advances: taken by receipt voucher, used on invoices, given back by refund voucher; never more than there is.

use auth::Role;
use billing::money::Paise;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, eventually};
use uuid::Uuid;

use crate::clinic::{ASHA, Clinic, RAVI, cash, invoice, serve, with};
use crate::refunds::refund;
use crate::verify::findings;

const PATH: &str = "/api/billing/advances/";

/// A deposit in cash.
pub fn deposit(patient: i64, amount: &str) -> Value {
    json!({"patient": patient, "amount": amount, "method": "CASH", "kind": "OTHER"})
}

async fn post(clinic: &Clinic, role: Role, key: &str, path: &str, body: &Value) -> Answer {
    let call = clinic.server.call(Method::POST, path).token(&clinic.token(role));
    call.header("Idempotency-Key", key).json(body).send().await
}

fn any_key() -> String {
    Uuid::new_v4().to_string()
}

/// An advance as the receptionist takes it.
pub async fn take(clinic: &Clinic, body: &Value) -> Answer {
    post(clinic, Role::Receptionist, &any_key(), PATH, body).await
}

/// An advance of Asha's in cash: its id.
pub async fn held(clinic: &Clinic, amount: &str) -> i64 {
    take(clinic, &deposit(ASHA, amount)).await.expect(201).body["id"].as_i64().unwrap()
}

/// Pays an invoice with an advance, as the receptionist.
pub async fn spend(clinic: &Clinic, key: &str, advance: i64, invoice: i64, amount: &str) -> Answer {
    let body = json!({"invoice": invoice, "amount": amount});
    post(clinic, Role::Receptionist, key, &format!("{PATH}{advance}/use/"), &body).await
}

/// Gives an advance back, as the accountant.
pub async fn give_back(clinic: &Clinic, key: &str, advance: i64, amount: &str) -> Answer {
    let body = json!({"amount": amount, "reason": "Went home early"});
    post(clinic, Role::Accountant, key, &format!("{PATH}{advance}/refund/"), &body).await
}

async fn read(clinic: &Clinic, advance: i64) -> Value {
    clinic.server.get(&format!("{PATH}{advance}/"), &clinic.receptionist()).await.expect(200).body
}

async fn standing(clinic: &Clinic, advance: i64) -> Value {
    let shown = read(clinic, advance).await;
    json!([shown["status"], shown["used"], shown["refunded"], shown["left"]])
}

async fn balance_of(clinic: &Clinic, account: &str) -> i64 {
    clinic.db.number(&format!("SELECT coalesce(sum(amount), 0) FROM postings WHERE account = '{account}'")).await
}

#[tokio::test]
async fn an_advance_is_taken_used_and_given_back() {
    let clinic = Clinic::new().await;
    let taken = post(&clinic, Role::Receptionist, "a", PATH, &deposit(ASHA, "1000.00")).await.expect(201);
    let id = taken.body["id"].as_i64().unwrap();
    assert_eq!(taken.header("location"), format!("{PATH}{id}/"));
    let shown = |body: &Value| {
        json!([
            body["patient"],
            body["patient_name"],
            body["amount"],
            body["left"],
            body["status"],
            body["method"],
            body["received_by"]
        ])
    };
    assert_eq!(shown(&taken.body), json!([7, "Asha Rao", "1000.00", "1000.00", "OPEN", "CASH", 3]));
    assert_eq!(taken.body["tax_reason"]["rule"], "HEALTH_CARE");
    let number = taken.body["voucher_number"].as_str().unwrap();
    assert!(number.starts_with("RV/") && number.ends_with("/000001") && number.len() <= 16, "{number}");
    let again = post(&clinic, Role::Receptionist, "a", PATH, &deposit(ASHA, "1000.00")).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &taken.body));
    post(&clinic, Role::Receptionist, "a", PATH, &deposit(ASHA, "1.00")).await.expect(409);
    assert_eq!((balance_of(&clinic, "CASH").await, balance_of(&clinic, "ADVANCES").await), (100_000, -100_000));

    let (first, second) = (clinic.issued().await, clinic.issued().await);
    let used = spend(&clinic, "u", id, first, "300.00").await.expect(201);
    assert_eq!(
        json!([
            used.body["invoice"],
            used.body["amount"],
            used.body["method"],
            used.body["advance"],
            used.body["status"],
            used.body["reference"]
        ]),
        json!([first, "300.00", "ADVANCE", id, "COMPLETED", number])
    );
    assert_eq!(used.header("location"), format!("/api/billing/payments/{}/", used.body["id"]));
    let again = spend(&clinic, "u", id, first, "300.00").await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &used.body));
    let bill = clinic.read(first).await;
    assert_eq!(json!([bill["status"], bill["amount_paid"]]), json!(["PARTIALLY_PAID", "300.00"]));
    assert_eq!(standing(&clinic, id).await, json!(["OPEN", "300.00", "0.00", "700.00"]));

    // several advances on one invoice, and money beside them
    let other = held(&clinic, "100.00").await;
    spend(&clinic, "v", other, first, "100.00").await.expect(201);
    clinic.pay("p", &cash(first, "100.00")).await.expect(201);
    assert_eq!(clinic.read(first).await["status"], "PAID");
    assert_eq!(standing(&clinic, other).await, json!(["SPENT", "100.00", "0.00", "0.00"]));
    spend(&clinic, "w", id, second, "500.00").await.expect(201);
    assert_eq!(clinic.read(second).await["status"], "PAID");

    let back = give_back(&clinic, "r", id, "200.00").await.expect(201);
    let voucher = back.header("location").to_owned();
    assert_eq!(voucher, format!("/api/billing/refund-vouchers/{}/", back.body["id"]));
    assert_eq!(
        json!([
            back.body["advance"],
            back.body["patient"],
            back.body["amount"],
            back.body["method"],
            back.body["refunded_by"]
        ]),
        json!([id, 7, "200.00", "CASH", 2])
    );
    assert!(back.body["voucher_number"].as_str().unwrap().starts_with("RF/"));
    assert_eq!(standing(&clinic, id).await, json!(["SPENT", "800.00", "200.00", "0.00"]));
    assert_eq!(clinic.server.get(&voucher, &clinic.accountant()).await.expect(200).body, back.body);
    let again = give_back(&clinic, "r", id, "200.00").await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &back.body));

    assert_eq!((balance_of(&clinic, "ADVANCES").await, balance_of(&clinic, "RECEIVABLE").await), (0, 0));
    assert_eq!(balance_of(&clinic, "CASH").await, 100_000);
    let path = format!("{PATH}{id}/uses/?page_size=1");
    let uses = clinic.server.get(&path, &clinic.accountant()).await.expect(200).body;
    assert_eq!(json!([uses["count"], uses["results"][0]["invoice"]]), json!([2, first]));
    let next = uses["next"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap().to_owned();
    assert_eq!(clinic.server.get(&next, &clinic.accountant()).await.expect(200).body["results"][0]["invoice"], second);
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn no_more_than_is_left_or_owed() {
    let clinic = Clinic::new().await;
    let (id, bill) = (held(&clinic, "400.00").await, clinic.issued().await);
    let refused = spend(&clinic, "a", id, bill, "400.01").await.expect(409);
    assert_eq!(json!([refused.body["type"], refused.body["left"]]), json!(["urn:ehs:problem:advance-spent", "400.00"]));
    let refused = give_back(&clinic, "b", id, "400.01").await.expect(409);
    assert_eq!(json!([refused.body["type"], refused.body["left"]]), json!(["urn:ehs:problem:advance-spent", "400.00"]));
    spend(&clinic, "c", id, bill, "399.99").await.expect(201);
    give_back(&clinic, "d", id, "0.02").await.expect(409);
    give_back(&clinic, "e", id, "0.01").await.expect(201);
    spend(&clinic, "f", id, bill, "0.01").await.expect(409);
    let large = held(&clinic, "9000.00").await;
    let refused = spend(&clinic, "g", large, bill, "100.02").await.expect(409);
    assert_eq!(
        json!([refused.body["type"], refused.body["balance"]]),
        json!(["urn:ehs:problem:overpayment", "100.01"])
    );
    assert_eq!(standing(&clinic, large).await, json!(["OPEN", "0.00", "0.00", "9000.00"]));
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn uses_at_once_never_exceed_the_advance() {
    let clinic = Clinic::new().await;
    let id = held(&clinic, "1000.00").await;
    let bills = join_all((0..8).map(|_| clinic.issued())).await;
    let keys: Vec<_> = (0..32).map(|n| format!("key {n}")).collect();
    let uses = keys.iter().enumerate().map(|(n, key)| spend(&clinic, key, id, bills[n % 8], "300.00"));
    let answers = join_all(uses).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 409));
    assert_eq!(standing(&clinic, id).await, json!(["OPEN", "900.00", "0.00", "100.00"]));

    let answers = join_all((0..16).map(|_| spend(&clinic, "the same", id, bills[0], "10.00"))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(clinic.db.number("SELECT sum(amount) FROM payments WHERE method = 'ADVANCE'").await, 91_000);
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn uses_and_refunds_at_once_leave_books_that_agree() {
    let clinic = Clinic::new().await;
    let id = held(&clinic, "1000.00").await;
    let bills = join_all((0..4).map(|_| clinic.issued())).await;
    // one of two that together are more
    let last = held(&clinic, "500.00").await;
    let (used, back) =
        tokio::join!(spend(&clinic, "x", last, bills[0], "300.00"), give_back(&clinic, "y", last, "300.00"));
    let mut statuses = [used.status.as_u16(), back.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);

    let keys: Vec<_> = (0..36).map(|n| format!("key {n}")).collect();
    let some = |(n, key): (usize, &String)| {
        let (clinic, key, bill) = (&clinic, key.clone(), bills[n % 4]);
        async move {
            match n % 3 {
                0 => spend(clinic, &key, id, bill, "90.00").await.status,
                1 => give_back(clinic, &key, id, "70.00").await.status,
                _ => {
                    let paid = spend(clinic, &key, id, bill, "50.00").await;
                    match paid.body["id"].as_i64() {
                        Some(payment) if paid.status == 201 => {
                            refund(clinic, &format!("{key} back"), payment, "50.00").await.status
                        }
                        _ => paid.status,
                    }
                }
            }
        }
    };
    let statuses = join_all(keys.iter().enumerate().map(some)).await;
    assert!(statuses.iter().all(|status| *status == 201 || *status == 409), "{statuses:?}");
    let done = |kind: usize| statuses.iter().skip(kind).step_by(3).filter(|status| **status == 201).count();
    let promised = i64::try_from(done(0) * 9_000 + done(1) * 7_000).unwrap();
    let gone = clinic.db.number(&format!("SELECT used + refunded FROM advances WHERE id = {id}")).await;
    assert_eq!(gone, promised, "what was answered with 201, and what came back is left again");
    assert!(gone <= 100_000 && gone > 0);
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn numbers_have_no_gap_in_a_series_of_their_own() {
    let clinic = Clinic::new().await;
    let bodies: Vec<_> = (0..20).map(|n| deposit(if n % 4 == 0 { 900 } else { ASHA }, "10.00")).collect();
    let answers = join_all(bodies.iter().map(|body| take(&clinic, body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 15);
    let vouchers = join_all(answers.iter().filter_map(|answer| answer.body["id"].as_i64()).map(|id| {
        let clinic = &clinic;
        async move { give_back(clinic, &any_key(), id, "10.00").await.status }
    }))
    .await;
    assert!(vouchers.iter().all(|status| *status == 201));
    clinic.issued().await;
    for (table, last) in [("advances", 15), ("refund_vouchers", 15), ("invoices", 1)] {
        let found = format!("SELECT max(serial) * 1000 + count(DISTINCT serial) FROM {table}");
        assert_eq!(clinic.db.number(&found).await, last * 1001, "{table}");
    }
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn what_an_invoice_gives_back_is_left_of_the_advance_again() {
    let mut clinic = Clinic::new().await;
    clinic.app.refund_limits.accountant = Paise::rupees(100);
    clinic.server = serve(&clinic.app).await;
    let (id, bill) = (held(&clinic, "400.00").await, clinic.issued().await);
    let payment = spend(&clinic, "a", id, bill, "400.00").await.expect(201).body["id"].as_i64().unwrap();
    let refused = clinic.cancel(bill).await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:still-paid");
    // no money leaves the hospital, so that the limit does not matter
    let back = refund(&clinic, "b", payment, "150.00").await.expect(201);
    assert_eq!(json!([back.body["method"], back.body["status"]]), json!(["ADVANCE", "COMPLETED"]));
    assert_eq!(standing(&clinic, id).await, json!(["OPEN", "250.00", "0.00", "150.00"]));
    refund(&clinic, "c", payment, "250.01").await.expect(409);
    refund(&clinic, "d", payment, "250.00").await.expect(201);
    clinic.cancel(bill).await.expect(200);
    assert_eq!(standing(&clinic, id).await, json!(["OPEN", "0.00", "0.00", "400.00"]));
    let refused = spend(&clinic, "e", id, bill, "1.00").await.expect(409);
    assert_eq!(refused.body["invoice_status"], "CANCELLED");
    let uses = clinic.server.get(&format!("{PATH}{id}/uses/"), &clinic.accountant()).await.expect(200).body;
    assert_eq!(json!([uses["count"], uses["results"][0]["refunded"]]), json!([1, "400.00"]));
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn each_role_has_its_limit_and_its_part() {
    let mut clinic = Clinic::new().await;
    clinic.app.refund_limits.accountant = Paise::rupees(100);
    clinic.server = serve(&clinic.app).await;
    let (id, bill) = (held(&clinic, "500.00").await, clinic.issued().await);
    let refused = give_back(&clinic, "a", id, "100.01").await.expect(403);
    assert_eq!(json!([refused.body["type"], refused.body["limit"]]), json!(["urn:ehs:problem:refund-limit", "100.00"]));
    give_back(&clinic, "b", id, "60.00").await.expect(201);
    give_back(&clinic, "c", id, "40.01").await.expect(403);
    let (back, using) = (format!("{PATH}{id}/refund/"), format!("{PATH}{id}/use/"));
    let (why, what) = (json!({"amount": "60.00", "reason": "Unhappy"}), json!({"invoice": bill, "amount": "1.00"}));
    post(&clinic, Role::Admin, "d", &back, &why).await.expect(201);
    post(&clinic, Role::Receptionist, "e", &back, &why).await.expect(403);
    for role in [Role::Patient, Role::Doctor, Role::Nurse, Role::Auditor] {
        post(&clinic, role, "f", &back, &why).await.expect(403);
        post(&clinic, role, "f", &using, &what).await.expect(403);
        post(&clinic, role, "f", PATH, &deposit(ASHA, "1.00")).await.expect(403);
        if role != Role::Patient {
            clinic.server.get(&format!("{PATH}{id}/"), &clinic.token(role)).await.expect(403);
        }
    }
    for role in [Role::Admin, Role::Accountant] {
        post(&clinic, role, "g", PATH, &deposit(ASHA, "1.00")).await.expect(201);
        post(&clinic, role, "h", &using, &what).await.expect(201);
    }
}

#[tokio::test]
async fn an_advance_that_would_be_taxed_is_refused() {
    let clinic = Clinic::new().await;
    for kind in ["ROOM", "COSMETIC"] {
        let refused = take(&clinic, &with(&deposit(ASHA, "10.00"), json!({"kind": kind}))).await.expect(400);
        assert_eq!(
            json!([refused.body["errors"][0]["field"], refused.body["errors"][0]["code"]]),
            json!(["kind", "taxable_advance"])
        );
    }
    let restoring = json!({"kind": "COSMETIC", "circumstance": "RECONSTRUCTIVE", "description": "For a graft"});
    let restoring = take(&clinic, &with(&deposit(ASHA, "10.00"), restoring)).await.expect(201).body;
    assert_eq!(restoring["description"], "For a graft");
    let goods = take(&clinic, &with(&deposit(ASHA, "10.00"), json!({"kind": "PHARMACY"}))).await.expect(201).body;
    assert_eq!(
        json!([goods["tax_reason"]["rule"], goods["description"]]),
        json!(["ADVANCE_FOR_GOODS", "Advance for medicines"])
    );
    let wrong =
        take(&clinic, &with(&deposit(ASHA, "10.00"), json!({"circumstance": "RECONSTRUCTIVE"}))).await.expect(400);
    assert_eq!(wrong.faulty_fields(), ["circumstance"]);
}

#[tokio::test]
async fn what_is_no_advance_is_refused() {
    let clinic = Clinic::new().await;
    let (id, bill) = (held(&clinic, "400.00").await, clinic.issued().await);
    let good = deposit(ASHA, "1.00");
    let without_key = clinic.server.post(PATH, &clinic.receptionist(), &good).await.expect(400);
    assert_eq!(without_key.faulty_fields(), ["Idempotency-Key"]);
    let amounts = ["0", "0.00", "-1.00", "1e3", "NaN", "1.005", "inf", "", "१", "1000000000000.01"];
    for amount in amounts {
        let refused = take(&clinic, &with(&good, json!({"amount": amount}))).await.expect(400);
        assert_eq!(refused.faulty_fields(), ["amount"], "{amount}");
        assert_eq!(
            spend(&clinic, &any_key(), id, bill, amount).await.expect(400).faulty_fields(),
            ["amount"],
            "{amount}"
        );
        assert_eq!(
            give_back(&clinic, &any_key(), id, amount).await.expect(400).faulty_fields(),
            ["amount"],
            "{amount}"
        );
    }
    take(&clinic, &with(&good, json!({"amount": 1.5}))).await.expect(400);
    for method in ["INSURANCE", "ONLINE", "ADVANCE", "cash", "BARTER"] {
        let refused = take(&clinic, &with(&good, json!({"method": method}))).await.expect(400);
        assert_eq!(refused.faulty_fields(), ["method"], "{method}");
    }
    let mut many = take(&clinic, &json!({"patient": 0, "amount": 1, "why": "x", "description": " "})).await.expect(400);
    let mut fields = many.faulty_fields();
    fields.sort_unstable();
    assert_eq!(fields, ["amount", "description", "kind", "method", "patient", "why"]);
    assert_eq!(take(&clinic, &deposit(900, "1.00")).await.expect(400).faulty_fields(), ["patient"]);
    take(&clinic, &deposit(666, "1.00")).await.expect(503);
    many = take(&clinic, &with(&good, json!({"reference": "<b>x</b>"}))).await.expect(400);
    assert_eq!(many.faulty_fields(), ["reference"]);

    // by the door of payments there is none
    let by_payment = clinic.pay(&any_key(), &with(&cash(bill, "1.00"), json!({"method": "ADVANCE"}))).await.expect(400);
    assert_eq!(
        json!([by_payment.body["errors"][0]["field"], by_payment.body["errors"][0]["code"]]),
        json!(["method", "not_here"])
    );

    for (path, status) in [(999_999, 404), (-1, 404)] {
        spend(&clinic, &any_key(), path, bill, "1.00").await.expect(status);
        give_back(&clinic, &any_key(), path, "1.00").await.expect(status);
        clinic.server.get(&format!("{PATH}{path}/"), &clinic.admin()).await.expect(status);
        clinic.server.get(&format!("{PATH}{path}/uses/"), &clinic.admin()).await.expect(status);
        clinic.server.get(&format!("{PATH}{path}/pdf/"), &clinic.admin()).await.expect(status);
        clinic.server.get(&format!("/api/billing/refund-vouchers/{path}/"), &clinic.admin()).await.expect(status);
        clinic.server.get(&format!("/api/billing/refund-vouchers/{path}/pdf/"), &clinic.admin()).await.expect(status);
    }
    for query in [
        "status=CLOSED",
        "patient=x",
        "start_date=2026-02-30",
        "colour=red",
        "page=0",
        "start_date=2026-02-02&end_date=2026-02-01",
    ] {
        clinic.server.get(&format!("{PATH}?{query}"), &clinic.admin()).await.expect(400);
    }
    clinic.server.get("/api/billing/refund-vouchers/?advance=-1", &clinic.admin()).await.expect(400);
    assert_eq!(clinic.db.number("SELECT count(*) FROM advances WHERE used + refunded = 0").await, 1);
    assert_eq!(clinic.db.number("SELECT count(*) FROM advances").await, 1);
}

#[tokio::test]
async fn it_pays_invoices_of_its_own_patient_that_take_payments() {
    let clinic = Clinic::new().await;
    let id = held(&clinic, "400.00").await;
    let ravis = clinic.bill(&invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    let refused = spend(&clinic, "a", id, ravis, "1.00").await.expect(400);
    assert_eq!(
        json!([refused.body["errors"][0]["field"], refused.body["errors"][0]["code"]]),
        json!(["invoice", "another_patient"])
    );
    let draft = clinic.draft().await;
    assert_eq!(spend(&clinic, "b", id, draft, "1.00").await.expect(409).body["invoice_status"], "DRAFT");
    let cancelled = clinic.issued().await;
    clinic.cancel(cancelled).await.expect(200);
    assert_eq!(spend(&clinic, "c", id, cancelled, "1.00").await.expect(409).body["invoice_status"], "CANCELLED");
    assert_eq!(spend(&clinic, "d", id, 999_999, "1.00").await.expect(400).faulty_fields(), ["invoice"]);
    assert_eq!(standing(&clinic, id).await, json!(["OPEN", "0.00", "0.00", "400.00"]));

    // two who were one
    clinic.db.sql("INSERT INTO merged_patients VALUES (8, 7)").await;
    spend(&clinic, "e", id, ravis, "100.00").await.expect(201);
    let ravis_deposit = take(&clinic, &deposit(RAVI, "5.00")).await.expect(201).body;
    assert_eq!(ravis_deposit["patient"], ASHA, "what is taken is the survivor's");
    clinic.db.sql("UPDATE merged_patients SET source = 7, target = 8").await;
    for patient in [ASHA, RAVI] {
        let path = format!("{PATH}?patient={patient}");
        assert_eq!(clinic.server.get(&path, &clinic.accountant()).await.expect(200).body["count"], 2, "{patient}");
    }
    give_back(&clinic, "f", id, "300.00").await.expect(201);
    let path = format!("/api/billing/refund-vouchers/?patient={RAVI}&advance={id}");
    assert_eq!(clinic.server.get(&path, &clinic.accountant()).await.expect(200).body["count"], 1);
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn lists_are_narrowed_and_walked() {
    let clinic = Clinic::new().await;
    for amount in ["1.00", "2.00", "3.00"] {
        held(&clinic, amount).await;
    }
    let spent = held(&clinic, "4.00").await;
    give_back(&clinic, "a", spent, "4.00").await.expect(201);
    take(&clinic, &deposit(RAVI, "9.00")).await.expect(201);
    let count = |query: &'static str| {
        let (server, token) = (&clinic.server, clinic.accountant());
        async move { server.get(&format!("{PATH}?{query}"), &token).await.expect(200).body["count"].clone() }
    };
    assert_eq!(count("").await, 5);
    assert_eq!(count("status=OPEN&patient=7").await, 3);
    assert_eq!(count("status=SPENT").await, 1);
    assert_eq!(count("start_date=2200-01-01").await, 0);
    assert_eq!(count("end_date=2020-01-01").await, 0);
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}?patient=7&page_size=3"));
    for _ in 0..2 {
        let page = clinic.server.get(&path, &clinic.receptionist()).await.expect(200).body;
        seen.extend(page["results"].as_array().unwrap().iter().map(|advance| advance["amount"].clone()));
        if let Some(next) = page["next"].as_str() {
            path = next.strip_prefix(&clinic.server.url).unwrap().to_owned();
        } else {
            let back = page["previous"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap();
            let first = clinic.server.get(back, &clinic.receptionist()).await.expect(200).body;
            assert_eq!(first["results"][0]["amount"], "4.00");
        }
    }
    assert_eq!(json!(seen), json!(["4.00", "3.00", "2.00", "1.00"]));
}

#[tokio::test]
async fn patients_see_their_own_only() {
    let clinic = Clinic::new().await;
    let (own, patient) = (held(&clinic, "5.00").await, clinic.token(Role::Patient));
    let anothers = take(&clinic, &deposit(RAVI, "5.00")).await.expect(201).body["id"].as_i64().unwrap();
    let own_voucher = give_back(&clinic, "a", own, "1.00").await.expect(201).body["id"].as_i64().unwrap();
    let anothers_voucher = give_back(&clinic, "b", anothers, "1.00").await.expect(201).body["id"].as_i64().unwrap();
    for (advance, voucher, status) in [(own, own_voucher, 200), (anothers, anothers_voucher, 404)] {
        for path in [
            format!("{PATH}{advance}/"),
            format!("{PATH}{advance}/uses/"),
            format!("{PATH}{advance}/pdf/"),
            format!("/api/billing/refund-vouchers/{voucher}/"),
            format!("/api/billing/refund-vouchers/{voucher}/pdf/"),
        ] {
            clinic.server.get(&path, &patient).await.expect(status);
        }
    }
    for path in [PATH, "/api/billing/refund-vouchers/"] {
        assert_eq!(clinic.server.get(path, &patient).await.expect(200).body["count"], 1);
    }
}

#[tokio::test]
async fn those_with_something_left_are_found_without_the_others() {
    let clinic = Clinic::new().await;
    let spent = "SET session_replication_role = replica; \
        INSERT INTO advances (patient_id, voucher_number, supplier_gstin, series, financial_year, serial, dated, kind, description, \
                              tax_rule, tax_text, amount, method, used, particulars, received_by, received_at) \
        SELECT 8, 'OLD/' || n, '27AAPFU0939F1ZV', 'OLD', 2020, n, date '2020-04-01' + n / 100, 'OTHER', 'A deposit', \
               'x', 'x', 100, 'CASH', 100, '{}', 3, now() \
        FROM generate_series(1, 30000) AS n";
    clinic.db.sql(spent).await;
    held(&clinic, "100.00").await;
    clinic.db.sql("VACUUM ANALYZE advances").await;
    let read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'advances'";
    let before = clinic.db.number(read).await;
    // Sessions tell now and then what they did.
    let used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'advances_open'";
    eventually(|| async {
        let open = clinic.server.get(&format!("{PATH}?status=OPEN"), &clinic.receptionist()).await.expect(200).body;
        assert_eq!((&open["count"], &open["results"][0]["left"]), (&json!(1), &json!("100.00")));
        clinic.db.number(used).await >= 2
    })
    .await;
    let looked_at = clinic.db.number(read).await - before;
    assert!(looked_at < 10_000, "{looked_at} rows for one of 30,000");
}
