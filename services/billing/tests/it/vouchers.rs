//! Receipt and refund vouchers in the books, in the database, on paper, and in the GST return.

use auth::Role;
use billing::advances::paper;
use billing::numbering::day_in_india;
use billing::pdf::kept::{PaperKind, asked_for};
use billing::pdf::paper::Paper;
use billing::worker::make_papers;
use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::advances::{deposit, give_back, held, spend, take};
use crate::clinic::{ASHA, Clinic, RAVI, user_of, with};
use crate::refunds::refund;
use crate::verify::{findings, findings_after};

fn today() -> String {
    day_in_india(Utc::now()).to_string()
}

async fn refused(clinic: &Clinic, sql: &str, why: &str) {
    let mut conn = clinic.db.connect().await;
    let error = conn.batch_execute(sql).await.expect_err(sql).to_string();
    assert!(error.contains(why), "{sql}: {error}");
}

async fn close(clinic: &Clinic, role: Role, counted: &str) -> Value {
    let body = json!({"cashier": user_of(role), "date": today(), "counted": counted, "reason": "Counted twice"});
    clinic.server.post("/api/billing/day-close/", &clinic.admin(), &body).await.expect(201).body
}

#[tokio::test]
async fn cash_of_advances_belongs_to_the_drawer() {
    let clinic = Clinic::new().await;
    let bill = clinic.issued().await;
    let id = held(&clinic, "300.00").await;
    take(&clinic, &with(&deposit(ASHA, "50.00"), json!({"method": "UPI", "reference": "UTR 7"}))).await.expect(201);
    let used = spend(&clinic, "a", id, bill, "100.00").await.expect(201).body["id"].as_i64().unwrap();
    give_back(&clinic, "b", id, "120.00").await.expect(201);
    assert_eq!(close(&clinic, Role::Receptionist, "300.00").await["expected"], "300.00");
    assert_eq!(close(&clinic, Role::Accountant, "0.00").await["expected"], "-120.00");

    // a closed day takes no advance, which had its number already, and gives none back
    let late = take(&clinic, &deposit(ASHA, "1.00")).await.expect(409);
    assert_eq!(late.body["type"], "urn:ehs:problem:day-closed");
    assert_eq!(give_back(&clinic, "c", id, "1.00").await.expect(409).body["type"], "urn:ehs:problem:day-closed");
    // no drawer is touched by these
    spend(&clinic, "d", id, bill, "10.00").await.expect(201);
    refund(&clinic, "e", used, "5.00").await.expect(201);
    let call = clinic.server.call(Method::POST, "/api/billing/advances/").token(&clinic.admin());
    let next = call.header("Idempotency-Key", "f").json(&deposit(RAVI, "1.00")).send().await.expect(201).body;
    assert!(next["voucher_number"].as_str().unwrap().ends_with("/000003"), "{next}");
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn the_day_book_shows_them() {
    let clinic = Clinic::new().await;
    let (id, bill) = (held(&clinic, "300.00").await, clinic.issued().await);
    spend(&clinic, "a", id, bill, "100.00").await.expect(201);
    give_back(&clinic, "b", id, "50.00").await.expect(201);
    let path = format!("/api/billing/reports/day-book/?date={}", today());
    let book = clinic.server.get(&path, &clinic.accountant()).await.expect(200).body;
    let rows: Vec<_> = book["results"].as_array().unwrap().iter().filter(|row| row["account"] == "ADVANCES").collect();
    let shown: Vec<_> =
        rows.iter().map(|row| json!([row["kind"], row["debit"], row["credit"], row["made_by"]])).collect();
    assert_eq!(
        shown,
        [
            json!(["ADVANCE", "0.00", "300.00", 3]),
            json!(["PAYMENT", "100.00", "0.00", null]),
            json!(["ADVANCE_REFUND", "50.00", "0.00", 2])
        ]
    );
    let held = book["accounts"].as_array().unwrap().iter().find(|row| row["account"] == "ADVANCES").unwrap();
    assert_eq!(held["balance"], "-150.00");
    let path = format!("/api/billing/reports/revenue/?group_by=method&start_date={0}&end_date={0}", today());
    let revenue = clinic.server.get(&path, &clinic.accountant()).await.expect(200).body;
    assert_eq!(json!([revenue["results"][0]["key"], revenue["total"]["collected"]]), json!(["ADVANCE", "100.00"]));
}

#[tokio::test]
async fn the_database_refuses_what_must_not_be() {
    let clinic = Clinic::new().await;
    let (id, bill) = (held(&clinic, "300.00").await, clinic.issued().await);
    spend(&clinic, "a", id, bill, "100.00").await.expect(201);
    give_back(&clinic, "b", id, "50.00").await.expect(201);
    for change in [
        "amount = 1",
        "patient_id = 8",
        "voucher_number = 'RV/1'",
        "dated = '2020-01-01'",
        "method = 'UPI'",
        "particulars = '{}'",
        "serial = 9",
        "refunded = 0",
    ] {
        refused(&clinic, &format!("UPDATE advances SET {change}"), "an advance never changes").await;
    }
    refused(&clinic, "DELETE FROM advances", "an advance never changes").await;
    refused(&clinic, "UPDATE refund_vouchers SET amount = 1", "a refund voucher never changes").await;
    refused(&clinic, "DELETE FROM refund_vouchers", "a refund voucher never changes").await;
    refused(&clinic, "UPDATE payments SET advance_id = NULL", "a payment never changes").await;
    for wrong in ["used = used + 1", "used = 0", "refunded = refunded + 1"] {
        refused(&clinic, &format!("UPDATE advances SET {wrong}"), "do not add up to what the advance says").await;
    }
    refused(&clinic, "UPDATE advances SET used = 25001", "advances_not_overspent").await;

    let pay = |amount: i64, advance: &str, invoice: i64| {
        format!(
            "INSERT INTO payments (invoice_id, amount, method, advance_id, received_by, received_at) \
             VALUES ({invoice}, {amount}, 'ADVANCE', {advance}, 3, now()); \
             UPDATE invoices SET amount_paid = amount_paid + {amount}, status = 'PARTIALLY_PAID' WHERE id = {invoice}"
        )
    };
    let whole = |parts: &[&str]| format!("BEGIN; {}; COMMIT", parts.join("; "));
    refused(&clinic, &whole(&[&pay(100, &id.to_string(), bill)]), "do not add up to what the advance says").await;
    refused(&clinic, &whole(&[&pay(100, "NULL", bill)]), "payments_by_advance").await;
    refused(&clinic, &pay(100, &id.to_string(), bill).replace("'ADVANCE'", "'UPI'"), "payments_by_advance").await;
    let ravis = clinic.bill(&crate::clinic::invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    let spent = format!("UPDATE advances SET used = used + 100 WHERE id = {id}");
    refused(&clinic, &whole(&[&pay(100, &id.to_string(), ravis), &spent]), "pays invoices of its own patient").await;

    let voucher = "INSERT INTO refund_vouchers (advance_id, patient_id, voucher_number, supplier_gstin, series, financial_year, serial, \
                   dated, amount, method, reason, particulars, refunded_by, refunded_at) \
                   SELECT advance_id, patient_id, 'RF/9', supplier_gstin, series, financial_year, serial + 1, dated, 100, method, 'x', '{}', 2, now() \
                   FROM refund_vouchers";
    refused(&clinic, voucher, "do not add up to what the advance says").await;
    refused(&clinic, &voucher.replace("100, method", "100, 'UPI'"), "of the patient and method of its advance").await;
    refused(&clinic, &voucher.replace("serial + 1", "serial"), "refund_vouchers_serial_once").await;
    let by_hand =
        "SELECT post_entry('ADVANCE', current_date, NULL, 999, NULL, ARRAY['UPI', 'ADVANCES'], ARRAY[5, -5]::bigint[])";
    refused(&clinic, by_hand, "do not add up to what the advance says").await;
    for method in ["INSURANCE", "ONLINE", "ADVANCE"] {
        let advance = format!(
            "INSERT INTO advances (patient_id, voucher_number, supplier_gstin, series, financial_year, serial, dated, kind, description, \
             tax_rule, tax_text, amount, method, particulars, received_by, received_at) \
             SELECT patient_id, 'RV/9', supplier_gstin, series, financial_year, 9, dated, kind, description, tax_rule, tax_text, amount, \
             '{method}', particulars, received_by, received_at FROM advances"
        );
        refused(&clinic, &advance, "advances_method_check").await;
    }
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn verify_finds_what_was_done_to_them() {
    let clinic = Clinic::new().await;
    let (id, bill) = (held(&clinic, "300.00").await, clinic.issued().await);
    held(&clinic, "10.00").await;
    spend(&clinic, "a", id, bill, "100.00").await.expect(201);
    give_back(&clinic, "b", id, "50.00").await.expect(201);
    for (damage, found) in [
        (
            "UPDATE postings SET amount = amount + 1 WHERE account = 'ADVANCES' AND amount = -30000",
            "an advance is in the books",
        ),
        ("UPDATE advances SET dated = '2020-01-01'", "an advance is in the books"),
        (
            "UPDATE postings SET amount = amount + 1 WHERE account = 'CASH' AND amount < 0",
            "a refund voucher is in the books",
        ),
        ("UPDATE advances SET used = used + 1", "what an advance says was used and given back"),
        ("UPDATE refund_vouchers SET amount = amount + 1", "what an advance says was used and given back"),
        ("UPDATE advances SET used = used + 1", "what is held for patients"),
        ("DELETE FROM refund_vouchers", "an entry is of something that is there"),
        (
            "UPDATE journal_entries SET source_id = 99 WHERE kind = 'ADVANCE' AND source_id <> 1",
            "an entry is of something that is there",
        ),
        ("UPDATE advances SET serial = 7 WHERE serial = 2", "numbers run from 1"),
        ("UPDATE refund_vouchers SET serial = 7", "numbers run from 1"),
    ] {
        let all = findings_after(&clinic, damage).await;
        assert!(all.iter().any(|finding| finding.starts_with(found)), "{damage}: {all:?}");
    }
}

/// What a voucher says, all of it.
fn words(paper: &Paper) -> String {
    let facts = paper.facts.iter().map(|(label, value)| format!("{label}: {value}"));
    let sums = paper.sums.iter().map(|(label, value)| format!("{label}: {value}"));
    let parts = [paper.title.to_owned(), paper.party.to_owned()].into_iter().chain(paper.supplier.clone());
    let parts = parts.chain(paper.recipient.clone()).chain(facts).chain(paper.lines.concat()).chain(sums);
    parts.chain([paper.words.clone()]).chain(paper.reasons.clone()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn vouchers_have_the_particulars_of_rules_50_and_51() {
    let clinic = Clinic::new().await;
    let sent = json!({"method": "CHEQUE", "reference": "000123", "description": "Deposit at admission"});
    let taken = take(&clinic, &with(&deposit(ASHA, "25000.50"), sent)).await.expect(201).body;
    let id = taken["id"].as_i64().unwrap();
    let back = give_back(&clinic, "a", id, "1200.00").await.expect(201).body;
    let mut conn = clinic.db.connect().await;
    let date = day_in_india(Utc::now()).format("%d-%m-%Y").to_string();
    let (receipt, refund) = (taken["voucher_number"].as_str().unwrap(), back["voucher_number"].as_str().unwrap());
    let said = words(&paper::receipt_voucher(&mut conn, id).await.unwrap());
    for particular in [
        "RECEIPT VOUCHER",
        "RECEIVED FROM",
        "Asha Hospital",
        "12 FC Road, Pune 411004",
        "GSTIN 27AAPFU0939F1ZV   State Maharashtra (27)",
        receipt,
        &date,
        "Asha Rao",
        "1 MG Road, Pune, Maharashtra",
        "Deposit at admission",
        "25,000.50",
        "Exempt",
        "CGST: 0.00",
        "SGST: 0.00",
        "Total: ₹ 25,000.50",
        "Place of supply: Maharashtra (27)",
        "Reverse charge: No",
        "Received by: Cheque",
        "Reference: 000123",
        "Rupees Twenty-Five Thousand and Fifty Paise Only",
        "Notification 12/2017-CT(R)",
    ] {
        assert!(said.contains(particular), "{particular} is missing in\n{said}");
    }
    let said = words(&paper::refund_voucher(&mut conn, back["id"].as_i64().unwrap()).await.unwrap());
    for particular in [
        "REFUND VOUCHER",
        "REFUNDED TO",
        refund,
        &format!("Against receipt: {receipt}"),
        &format!("Dated: {date}"),
        "Asha Rao",
        "Paid back by: Cheque",
        "Reason: Went home early",
        "Total: ₹ 1,200.00",
        "Reverse charge: No",
        "Deposit at admission",
    ] {
        assert!(said.contains(particular), "{particular} is missing in\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_is_the_same_bytes_ever_after() {
    let mut clinic = Clinic::new().await;
    let id = held(&clinic, "300.00").await;
    let voucher = give_back(&clinic, "b", id, "50.00").await.expect(201).body["id"].as_i64().unwrap();
    let paths = [format!("/api/billing/advances/{id}/pdf/"), format!("/api/billing/refund-vouchers/{voucher}/pdf/")];
    assert_eq!(asked_for(&mut clinic.db.connect().await, 9).await.unwrap().len(), 2);
    let stop = CancellationToken::new();
    let worker = tokio::spawn(make_papers(clinic.app.db.clone(), clinic.app.papers.clone(), stop.clone()));
    testkit::eventually(|| async { clinic.db.number("SELECT count(*) FROM papers WHERE made_at IS NULL").await == 0 })
        .await;
    stop.cancel();
    worker.await.unwrap().unwrap();
    clinic.db.sql("UPDATE patients SET name = 'Somebody Else'").await;
    clinic.server = crate::clinic::serve(&clinic.app).await;
    for (path, begins) in paths.iter().zip(["RV-", "RF-"]) {
        let first = clinic.server.get(path, &clinic.receptionist()).await.expect(200);
        assert_eq!(first.header("content-type"), "application/pdf");
        assert!(first.header("content-disposition").starts_with(&format!("inline; filename=\"{begins}")));
        assert!(first.text.starts_with("%PDF-"));
        assert_eq!(clinic.server.get(path, &clinic.token(Role::Patient)).await.expect(200).text, first.text);
    }
    // to be looked at
    if let Ok(folder) = std::env::var("EHS_TEST_PAPERS") {
        for (kind, source) in [(PaperKind::ReceiptVoucher, id), (PaperKind::RefundVoucher, voucher)] {
            let bytes = clinic.app.papers.bytes(&clinic.app.db, kind, source).await.unwrap();
            std::fs::write(format!("{folder}/{}.pdf", kind.as_str()), bytes).unwrap();
        }
    }
    let shown = clinic.server.get(&format!("/api/billing/advances/{id}/"), &clinic.admin()).await.expect(200).body;
    assert_eq!(shown["patient_name"], "Asha Rao", "as it was then");
}

#[tokio::test]
async fn the_gst_return_lists_their_series() {
    let clinic = Clinic::new().await;
    let (id, bill) = (held(&clinic, "300.00").await, clinic.issued().await);
    let last = take(&clinic, &deposit(RAVI, "5.00")).await.expect(201).body;
    let back = give_back(&clinic, "b", id, "50.00").await.expect(201).body;
    clinic.cancel(bill).await.expect(200);
    let path = format!("/api/billing/reports/gst/?month={}", &today()[..7]);
    let gst = clinic.server.get(&path, &clinic.accountant()).await.expect(200).body;
    let shown: Vec<_> = gst["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["document"], row["series"], row["total"], row["cancelled"], row["net"]]))
        .collect();
    assert_eq!(
        shown,
        [
            json!(["INVOICE", "EHS", 1, 0, 1]),
            json!(["CREDIT_NOTE", "CN", 1, 0, 1]),
            json!(["RECEIPT_VOUCHER", "RV", 2, 0, 2]),
            json!(["REFUND_VOUCHER", "RF", 1, 0, 1])
        ]
    );
    assert_eq!(
        json!([gst["documents"][2]["to"], gst["documents"][3]["from"]]),
        json!([last["voucher_number"], back["voucher_number"]])
    );
    assert_eq!(gst["total"]["taxable_value"], "0.00", "an advance is no supply");
}

#[tokio::test]
async fn they_are_audited_and_uses_are_told() {
    let mut clinic = Clinic::new().await;
    let subscriptions = ::events::subscriptions::Subscriptions::parse(
        "events:\n  PaymentReceived: [reports]\n  PaymentRefunded: [reports]\n",
    );
    clinic.app.outbox = ::events::Outbox::with(std::sync::Arc::new(subscriptions.unwrap()));
    clinic.server = crate::clinic::serve(&clinic.app).await;
    let (id, bill) = (held(&clinic, "300.00").await, clinic.issued().await);
    let payment = spend(&clinic, "a", id, bill, "100.00").await.expect(201).body["id"].as_i64().unwrap();
    spend(&clinic, "b", id, bill, "9999.00").await.expect(409);
    refund(&clinic, "c", payment, "100.00").await.expect(201);
    give_back(&clinic, "d", id, "300.00").await.expect(201);
    let told = |event: &str| {
        format!("SELECT count(*) FROM outbox WHERE event_type = '{event}' AND message_group = 'invoice-{bill}'")
    };
    assert_eq!(clinic.db.number(&told("PaymentReceived")).await, 1);
    assert_eq!(clinic.db.number(&told("PaymentRefunded")).await, 1);
    for action in ["AdvanceTake", "AdvanceUse", "AdvanceRefund"] {
        let sql = format!(
            "SELECT count(*) FROM audit_log WHERE action = '{action}' AND patients @> '{{7}}' AND outcome = 'SUCCESS'"
        );
        assert_eq!(clinic.db.number(&sql).await, 1, "{action}");
    }
}

#[tokio::test]
async fn the_step_goes_back_while_there_is_no_advance() {
    let clinic = Clinic::new().await;
    let bill = clinic.issued().await;
    clinic.pay("a", &crate::clinic::cash(bill, "100.00")).await.expect(201);
    let step = |name: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        format!("BEGIN; {}; COMMIT", std::fs::read_to_string(format!("{path}/2026-11-27-{name}.sql")).unwrap())
    };
    let mut conn = AsyncPgConnection::establish(&clinic.db.owner_url).await.unwrap();
    for name in ["120100_registered_recipients/down", "120000_advances/down"] {
        conn.batch_execute(&step(name)).await.expect(name);
    }
    for name in ["120000_advances/up", "120100_registered_recipients/up"] {
        conn.batch_execute(&step(name)).await.expect(name);
    }
    let id = held(&clinic, "300.00").await;
    spend(&clinic, "b", id, bill, "100.00").await.expect(201);
    assert_eq!(findings(&clinic).await, [""; 0]);
    let kept = conn.batch_execute(&step("120000_advances/down")).await.unwrap_err();
    assert!(kept.to_string().contains("there are advances"), "{kept}");
}
