//! Who else pays an invoice, and where the claim stands.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use billing::pdf::kept::PaperKind;

use crate::clinic::{ASHA, Clinic, RAVI, cash, invoice, with};
use crate::paper::{Text, codes_of_pdf, pdf};
use crate::upi::{amount_of, scanned};

pub fn insurer() -> Value {
    json!({"payer": "Suraksha General Insurance", "policy_number": "SGI/77/2026", "preauthorised_amount": "300.00"})
}

fn path(id: i64) -> String {
    format!("/api/billing/invoices/{id}/insurance/")
}

#[tokio::test]
async fn the_total_is_split_between_payer_and_patient() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.server.get(&path(id), &clinic.admin()).await.expect(404);
    let said = clinic.server.put(&path(id), &clinic.receptionist(), &insurer()).await.expect(200);
    let share = |body: &Value| {
        [&body["payer_amount"], &body["patient_amount"]].map(|amount| amount.as_str().unwrap().to_owned())
    };
    assert_eq!((share(&said.body), said.header("etag")), (["300.00".to_owned(), "200.00".to_owned()], "\"1\""));
    assert_eq!(said.body["claim_status"], "NOT_SUBMITTED");
    let shown = clinic.read(id).await;
    assert_eq!(
        (&shown["insurance"], &shown["total"]),
        (&said.body, &json!("500.00")),
        "the invoice itself is as it was"
    );
    assert_eq!(clinic.server.get(&path(id), &clinic.token(Role::Patient)).await.expect(200).body, said.body);
    let less =
        clinic.server.patch(&path(id), &clinic.receptionist(), &json!({"payer_amount": "250"})).await.expect(200);
    assert_eq!(share(&less.body), ["250.00", "250.00"]);
    let whole = with(&insurer(), json!({"preauthorised_amount": "9000.00"}));
    assert_eq!(
        share(&clinic.server.put(&path(id), &clinic.admin(), &whole).await.expect(200).body),
        ["500.00", "0.00"]
    );
    let list = clinic.server.get("/api/billing/invoices/", &clinic.admin()).await.expect(200).body;
    assert_eq!(list["results"][0]["insurance"]["policy_number"], "SGI/77/2026");
}

#[tokio::test]
async fn a_claim_goes_its_way_by_hand() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let token = clinic.accountant();
    clinic.server.put(&path(id), &token, &with(&insurer(), json!({"claim_status": "SETTLED"}))).await.expect(409);
    clinic.server.put(&path(id), &token, &insurer()).await.expect(200);
    for (status, answer) in [
        ("APPROVED", 409),
        ("SUBMITTED", 200),
        ("QUERIED", 200),
        ("SUBMITTED", 200),
        ("APPROVED", 200),
        ("SUBMITTED", 409),
        ("SETTLED", 200),
    ] {
        let body = json!({"claim_status": status, "claim_number": "C-1", "note": "asked for\nthe discharge summary"});
        clinic.server.patch(&path(id), &token, &body).await.expect(answer);
    }
    let kept = clinic.server.get(&path(id), &token).await.expect(200).body;
    assert_eq!((&kept["claim_status"], &kept["claim_number"]), (&json!("SETTLED"), &json!("C-1")));
}

#[tokio::test]
async fn wrong_insurance_is_refused() {
    let clinic = Clinic::new().await;
    let (id, cancelled) = (clinic.issued().await, clinic.issued().await);
    for (more, field) in [
        (json!({"payer": " "}), "payer"),
        (json!({"policy_number": "<b>1</b>"}), "policy_number"),
        (json!({"preauthorised_amount": "1e3"}), "preauthorised_amount"),
        (json!({"payer_amount": "1.005"}), "payer_amount"),
        (json!({"payer_amount": "300.01"}), "payer_amount"),
        (json!({"payer_amount": "500.01", "preauthorised_amount": "600.00"}), "payer_amount"),
        (json!({"claim_status": "LOST"}), "claim_status"),
        (json!({"insurer": "x"}), "insurer"),
    ] {
        let refused = clinic.server.put(&path(id), &clinic.admin(), &with(&insurer(), more.clone())).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{more}");
    }
    clinic.server.patch(&path(id), &clinic.admin(), &json!({"payer_amount": "1.00"})).await.expect(404);
    clinic.server.put(&path(999_999), &clinic.admin(), &insurer()).await.expect(404);
    clinic.server.put(&path(id), &clinic.token(Role::Patient), &insurer()).await.expect(403);
    clinic.cancel(cancelled).await.expect(200);
    clinic.server.put(&path(cancelled), &clinic.admin(), &insurer()).await.expect(409);
    assert_eq!(clinic.db.number("SELECT count(*) FROM insurance").await, 0);
    let anothers = clinic.bill(&invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    clinic.server.put(&path(anothers), &clinic.admin(), &insurer()).await.expect(200);
    clinic.server.get(&path(anothers), &clinic.token(Role::Patient)).await.expect(404);
}

#[tokio::test]
async fn two_writers_never_overwrite_each_other_silently() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let put = |tag: &str| {
        let call = clinic.server.call(Method::PUT, &path(id)).token(&clinic.admin());
        call.header("If-Match", tag).json(&insurer()).send()
    };
    put("\"0\"").await.expect(200);
    put("\"0\"").await.expect(412);
    put("\"1\"").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_names_the_payer_and_asks_the_patient_for_the_patients_part() {
    let clinic = Clinic::new().await;
    let draft = clinic.draft().await;
    clinic.server.put(&path(draft), &clinic.receptionist(), &insurer()).await.expect(200);
    let issue = format!("/api/billing/invoices/{draft}/issue/");
    clinic.server.post(&issue, &clinic.accountant(), &json!({})).await.expect(200);
    // what is said after issue is not on the document, which is as at issue whenever it is made
    let later = json!({"payer": "Another", "payer_amount": "0.00"});
    clinic.server.patch(&path(draft), &clinic.receptionist(), &later).await.expect(200);
    let text = Text::of(&clinic, PaperKind::Invoice, draft).await;
    text.expect(&[
        "Also paid by Suraksha General Insurance",
        "Policy no. SGI/77/2026",
        "Payer's part ₹ 300.00",
        "Patient's part ₹ 200.00",
        "Total ₹ 500.00",
        "Pay ₹ 200.00 by UPI",
    ]);
    let bytes = pdf(&clinic, PaperKind::Invoice, draft).await;
    // to be looked at
    if let Ok(folder) = std::env::var("EHS_TEST_PAPERS") {
        std::fs::write(format!("{folder}/INSURED.pdf"), &bytes).unwrap();
    }
    let [code] = <[String; 1]>::try_from(codes_of_pdf(bytes)).unwrap();
    assert_eq!(amount_of(&code), "200.00");
    let none = clinic.issued().await;
    assert!(!Text::of(&clinic, PaperKind::Invoice, none).await.says("Also paid by"));

    let all = clinic.bill(&with(&invoice(ASHA), json!({"draft": true}))).await.expect(201).body["id"].as_i64().unwrap();
    let whole = with(&insurer(), json!({"preauthorised_amount": "500.00"}));
    clinic.server.put(&path(all), &clinic.receptionist(), &whole).await.expect(200);
    clinic
        .server
        .post(&format!("/api/billing/invoices/{all}/issue/"), &clinic.accountant(), &json!({}))
        .await
        .expect(200);
    assert_eq!(codes_of_pdf(pdf(&clinic, PaperKind::Invoice, all).await), [""; 0], "nothing is asked of the patient");
}

#[tokio::test]
async fn the_code_asks_for_the_patients_part_of_the_balance() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.server.put(&path(id), &clinic.receptionist(), &insurer()).await.expect(200);
    let asked = async || amount_of(&scanned(&clinic, id).await);
    assert_eq!(asked().await, "200.00");
    clinic.pay("a", &cash(id, "50.00")).await.expect(201);
    assert_eq!(asked().await, "150.00");
    let by_insurer = |amount: &str| with(&cash(id, amount), json!({"method": "INSURANCE", "reference": "C-1"}));
    clinic.pay("b", &by_insurer("100.00")).await.expect(201);
    assert_eq!(asked().await, "150.00", "what the payer pays is off the payer's part");
    clinic.pay("c", &cash(id, "150.00")).await.expect(201);
    let image = format!("/api/billing/invoices/{id}/upi-qr.png");
    let refused = clinic.server.get(&image, &clinic.receptionist()).await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:nothing-to-pay", "the rest is the payer's");
    clinic.server.patch(&path(id), &clinic.receptionist(), &json!({"payer_amount": "100.00"})).await.expect(200);
    assert_eq!(asked().await, "200.00", "the payer pays less");
}
