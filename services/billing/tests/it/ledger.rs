//! The books, as the database keeps them.

use billing::ledger::{Account, Entry, EntryKind, post};
use billing::money::Paise;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use serde_json::json;

use crate::clinic::{ASHA, Clinic, cash, item, with};

async fn refused(clinic: &Clinic, sql: &str, why: &str) {
    let mut conn = clinic.db.connect().await;
    let error = conn.batch_execute(sql).await.expect_err(sql).to_string();
    assert!(error.contains(why), "{sql}: {error}");
}

async fn balance(clinic: &Clinic, account: &str) -> i64 {
    clinic.db.number(&format!("SELECT coalesce(sum(amount), 0) FROM postings WHERE account = '{account}'")).await
}

#[tokio::test]
async fn an_issue_is_posted_to_the_paisa() {
    let clinic = Clinic::new().await;
    let items =
        json!([item("CONSULTATION", "1", "500.00"), item("ROOM", "2", "6000.00"), item("PHARMACY", "10", "12.35")]);
    let bill = json!({"patient": ASHA, "delivery_state": "29", "items": items});
    let draft = clinic.bill(&with(&bill, json!({"draft": true}))).await.expect(201).body;
    assert_eq!(clinic.db.number("SELECT count(*) FROM journal_entries").await, 0, "a draft is in no book");
    let path = format!("/api/billing/invoices/{}/issue/", draft["id"]);
    clinic.server.post(&path, &clinic.accountant(), &json!({})).await.expect(200);
    for (account, amount) in [
        ("RECEIVABLE", 1_323_000),
        ("REVENUE", -1_262_350),
        ("OUTPUT_CGST", -30_000),
        ("OUTPUT_SGST", -30_000),
        ("OUTPUT_IGST", -618),
        ("ROUND_OFF", -32),
    ] {
        assert_eq!(balance(&clinic, account).await, amount, "{account}");
    }
}

#[tokio::test]
async fn every_method_has_its_account() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    for (method, account) in [
        ("CASH", "CASH"),
        ("CARD", "CARD"),
        ("UPI", "UPI"),
        ("NET_BANKING", "BANK"),
        ("CHEQUE", "CHEQUES"),
        ("INSURANCE", "INSURERS"),
    ] {
        clinic.pay(method, &with(&cash(invoice, "10.00"), json!({"method": method}))).await.expect(201);
        assert_eq!(balance(&clinic, account).await, 1_000, "{method}");
    }
    assert_eq!(balance(&clinic, "RECEIVABLE").await, 44_000);
    assert_eq!(clinic.db.number("SELECT sum(amount) FROM postings").await, 0);
}

#[tokio::test]
async fn a_credit_note_undoes_the_issue_and_is_posted_once() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    let path = format!("/api/billing/invoices/{invoice}/cancel/");
    for _ in 0..2 {
        clinic.server.post(&path, &clinic.admin(), &json!({"reason": "billed twice"})).await;
        assert_eq!((balance(&clinic, "RECEIVABLE").await, balance(&clinic, "REVENUE").await), (0, 0));
    }
    assert_eq!(clinic.db.number("SELECT count(*) FROM journal_entries WHERE kind = 'CREDIT_NOTE'").await, 1);
    let found = billing::verify::verify(&mut clinic.db.connect().await).await.unwrap();
    assert_eq!(found.findings, []);
}

#[tokio::test]
async fn an_entry_that_does_not_come_to_nothing_is_refused() {
    let clinic = Clinic::new().await;
    let day = "2026-11-27".parse().unwrap();
    let mut conn = clinic.db.connect().await;
    let lopsided = Entry {
        kind: EntryKind::Advance,
        source: 1,
        invoice: None,
        dated: day,
        made_by: Some(2),
        postings: vec![(Account::Cash, Paise::new(2)), (Account::Advances, Paise::new(-1))],
    };
    assert!(conn.transaction(async |conn| post(conn, &lopsided).await).await.is_err());
    assert_eq!(clinic.db.number("SELECT count(*) FROM journal_entries").await, 0);
}

#[tokio::test]
async fn the_books_are_only_added_to() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    clinic.pay("a", &cash(invoice, "100.00")).await.expect(201);
    for change in [
        "UPDATE postings SET amount = amount * 2",
        "DELETE FROM postings",
        "UPDATE journal_entries SET dated = '2020-01-01'",
        "DELETE FROM journal_entries",
        "UPDATE ledger_accounts SET kind = 'INCOME'",
        "INSERT INTO postings SELECT min(id), 'SAFE', 1 FROM journal_entries",
        "BEGIN; INSERT INTO postings SELECT min(id), 'SAFE', 1 FROM journal_entries; \
         INSERT INTO postings SELECT min(id), 'UPI', -1 FROM journal_entries; COMMIT",
    ] {
        refused(&clinic, change, "the books are only added to").await;
    }
    refused(
        &clinic,
        "SELECT post_entry('ADVANCE', current_date, NULL, 1, 1, ARRAY['CASH', 'ADVANCES'], ARRAY[3, -2]::bigint[])",
        "do not come to nothing",
    )
    .await;
    let by_hand = format!(
        "SELECT post_entry('PAYMENT', current_date, {invoice}, 999, NULL, ARRAY['CASH', 'RECEIVABLE'], ARRAY[5, -5]::bigint[])"
    );
    refused(&clinic, &by_hand, "do not add up").await;
    refused(&clinic, "TRUNCATE postings", "permission denied").await;
}

#[tokio::test]
async fn refunds_and_payments_agree_in_the_database() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    clinic.pay("a", &cash(invoice, "100.00")).await.expect(201);
    let refund = |amount: i64| {
        format!(
            "INSERT INTO refunds (payment_id, invoice_id, amount, method, reason, refunded_by, refunded_at) \
             SELECT id, invoice_id, {amount}, method, 'x', 2, now() FROM payments"
        )
    };
    refused(&clinic, &refund(100), "do not add up").await;
    refused(&clinic, "UPDATE payments SET refunded = 100", "do not add up").await;
    let too_much = format!("BEGIN; {}; UPDATE payments SET refunded = 10001; COMMIT", refund(10_001));
    refused(&clinic, &too_much, "payments_not_over_refunded").await;
    let another_method = format!(
        "BEGIN; {}; UPDATE payments SET refunded = 100; UPDATE invoices SET amount_paid = 9900 WHERE id = {invoice}; COMMIT",
        refund(100).replace("100, method", "100, 'UPI'")
    );
    refused(&clinic, &another_method, "do not add up").await;
    refused(&clinic, "UPDATE payments SET status = 'FAILED'", "a payment never changes").await;
    refused(&clinic, "UPDATE payments SET refunded = -1", "a payment never changes").await;
}

#[tokio::test]
async fn what_was_there_before_the_books_is_in_them() {
    let clinic = Clinic::new().await;
    let invoice = clinic.issued().await;
    clinic.draft().await;
    clinic.pay("a", &cash(invoice, "100.00")).await.expect(201);
    let in_books = "SELECT sum(amount * (ascii(account) + entry_id)) FROM (SELECT e.kind, p.account, p.amount, \
                    dense_rank() OVER (ORDER BY e.id) AS entry_id FROM postings p JOIN journal_entries e ON e.id = p.entry_id) AS all_of_it";
    let before = clinic.db.number(in_books).await;
    let step = |up: &str| {
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        std::fs::read_to_string(format!("{migrations}/2026-11-27-{up}")).unwrap()
    };
    let mut conn = {
        use diesel_async::AsyncPgConnection;
        AsyncPgConnection::establish(&clinic.db.owner_url).await.unwrap()
    };
    for down in ["080300_provider", "080200_day_closes", "080100_refunds", "080000_ledger"] {
        conn.batch_execute(&step(&format!("{down}/down.sql"))).await.expect(down);
    }
    for up in ["080000_ledger", "080100_refunds", "080200_day_closes", "080300_provider"] {
        conn.batch_execute(&format!("BEGIN; {}; COMMIT", step(&format!("{up}/up.sql")))).await.expect(up);
    }
    assert_eq!(clinic.db.number(in_books).await, before);
    clinic.pay("b", &cash(invoice, "400.00")).await.expect(201);
}

/// What the program of the version before does: it knows of no book and of no column that came with it.
#[tokio::test]
async fn the_program_of_before_runs_on_the_new_schema() {
    let clinic = Clinic::new().await;
    let draft = clinic.draft().await;
    let mut conn = clinic.db.connect().await;
    conn.batch_execute(&format!(
        "BEGIN; UPDATE invoices SET status = 'ISSUED', invoice_number = 'EHS/2627/000001', supplier_gstin = '27AAPFU0939F1ZV', \
         series = 'EHS', financial_year = 2026, serial = 1, particulars = '{{}}', issued_at = now(), issued_by = 2 WHERE id = {draft}; \
         COMMIT; \
         BEGIN; INSERT INTO payments (invoice_id, amount, method, reference, received_by, received_at) \
         VALUES ({draft}, 50000, 'UPI', NULL, 3, now()); \
         UPDATE invoices SET amount_paid = 50000, status = 'PAID' WHERE id = {draft}; COMMIT"
    ))
    .await
    .unwrap();
    assert_eq!((balance(&clinic, "UPI").await, balance(&clinic, "RECEIVABLE").await), (50_000, 0));
}
