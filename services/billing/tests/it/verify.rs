//! `billing verify` finds nothing in books that are right, and what was done to them where they are not.

use std::process::{Command, Output};

use billing::verify::{inspect, verify};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::json;

use crate::clinic::{ASHA, Clinic, cash, item, with};
use crate::refunds::refund;
use crate::reports::a_day_at_the_clinic;

pub async fn findings(clinic: &Clinic) -> Vec<String> {
    let mut conn = clinic.db.connect().await;
    let verdict = verify(&mut conn).await.unwrap();
    assert!(verdict.checks >= 15);
    verdict.findings.iter().map(ToString::to_string).collect()
}

/// What is found when the guards were off while this was done. It is undone afterwards.
pub async fn findings_after(clinic: &Clinic, damage: &str) -> Vec<String> {
    let mut conn = AsyncPgConnection::establish(&clinic.db.superuser_url).await.unwrap();
    let begin = "SET search_path = billing, extensions; BEGIN; SET LOCAL session_replication_role = replica";
    conn.batch_execute(begin).await.unwrap();
    conn.batch_execute(damage).await.expect(damage);
    let verdict = inspect(&mut conn).await.unwrap();
    conn.batch_execute("ROLLBACK").await.unwrap();
    verdict.findings.iter().map(ToString::to_string).collect()
}

async fn worked() -> Clinic {
    let clinic = Clinic::new().await;
    let bill =
        json!({"patient": ASHA, "items": [item("CONSULTATION", "1", "500.00"), item("PHARMACY", "10", "12.35")]});
    let id = clinic.bill(&bill).await.expect(201).body["id"].as_i64().unwrap();
    clinic.issued().await;
    let undone = clinic.bill(&bill).await.expect(201).body["id"].as_i64().unwrap();
    clinic.cancel(undone).await.expect(200);
    let paid = clinic.pay("a", &cash(id, "200.00")).await.expect(201);
    clinic.pay("b", &with(&cash(id, "100.00"), json!({"method": "UPI"}))).await.expect(201);
    refund(&clinic, "c", paid.body["id"].as_i64().unwrap(), "50.00").await.expect(201);
    clinic
}

#[tokio::test]
async fn right_books_are_right() {
    let clinic = worked().await;
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn what_was_done_to_them_is_found() {
    let clinic = worked().await;
    for (damage, found) in [
        ("UPDATE postings SET amount = amount + 1 WHERE account = 'UPI'", "the postings of an entry come to nothing"),
        ("UPDATE postings SET amount = amount + 1 WHERE account = 'UPI'", "a payment is in the books"),
        ("DELETE FROM postings WHERE account = 'REVENUE'", "an issued invoice is in the books"),
        (
            "UPDATE journal_entries SET source_id = 99999 WHERE kind = 'REFUND'",
            "an entry is of something that is there",
        ),
        ("UPDATE payments SET amount = amount + 100", "a payment takes from what its invoice owes"),
        ("UPDATE refunds SET amount = amount - 1", "a refund is in the books"),
        ("UPDATE refunds SET amount = amount - 1", "a payment's refunds come to"),
        (
            "UPDATE invoices SET amount_paid = amount_paid + 1 WHERE status = 'PARTIALLY_PAID'",
            "an invoice's payments less refunds",
        ),
        (
            "UPDATE invoices SET amount_paid = amount_paid + 1 WHERE status = 'PARTIALLY_PAID'",
            "an invoice owes in the books",
        ),
        (
            "ALTER TABLE invoices DROP CONSTRAINT invoices_status_of_payments; UPDATE invoices SET status = 'PAID' WHERE status = 'ISSUED'",
            "an invoice's status is that of its amounts",
        ),
        ("UPDATE invoices SET status = 'CANCELLED' WHERE status = 'ISSUED'", "a cancelled invoice has a credit note"),
        ("UPDATE credit_notes SET total = total - 100", "a cancelled invoice has a credit note"),
        (
            "DELETE FROM postings USING journal_entries j WHERE j.id = entry_id AND j.kind = 'CREDIT_NOTE'; DELETE FROM journal_entries WHERE kind = 'CREDIT_NOTE'",
            "a cancelled invoice has a credit note",
        ),
        ("UPDATE invoice_items SET gross = gross + 100", "an invoice's lines come to its amounts"),
        ("UPDATE invoice_items SET gross = gross + 100", "the GST report agrees with the books"),
        // it is taxed, and stands where nothing is
        ("UPDATE invoice_items SET gst_rate = 0", "the GST report agrees with the books: CGST by table of"),
        (
            "UPDATE invoice_items SET gross = gross + 100",
            "the GST report agrees with the books: taxable value by table of",
        ),
        ("UPDATE invoice_items SET gross = gross + 100", "the revenue report agrees with the books"),
        ("UPDATE invoices SET serial = 7 WHERE serial = 2", "numbers run from 1"),
        ("UPDATE invoice_counters SET last_serial = 9", "numbers run from 1"),
        (
            "DELETE FROM credit_notes",
            "numbers run from 1 with none missing and none twice, up to where the counter stands: series CN",
        ),
        (
            "INSERT INTO day_closes (cashier, day, expected, counted, closed_by) VALUES (3, '2020-01-01', 5, 5, 1)",
            "a closed day's cash",
        ),
        (
            "INSERT INTO refunds (payment_id, invoice_id, amount, method, status, reason, refunded_at) SELECT id, invoice_id, 1, 'ONLINE', 'PENDING', 'x', now() FROM payments LIMIT 1",
            "what is on its way back",
        ),
    ] {
        let all = findings_after(&clinic, damage).await;
        assert!(all.iter().any(|finding| finding.starts_with(found)), "{damage}: {all:?}");
    }
}

#[tokio::test]
async fn a_report_that_says_otherwise_than_the_books_is_found() {
    let clinic = a_day_at_the_clinic().await;
    assert_eq!(findings(&clinic).await, [""; 0]);
    let is_paid = "ALTER TABLE invoices DROP CONSTRAINT invoices_status_of_payments; UPDATE invoices SET status = 'PAID' WHERE status = 'PARTIALLY_PAID'";
    for (damage, found) in [
        (is_paid, "the outstanding report agrees with the books: RECEIVABLE by invoice says 0.00, found 8600.00"),
        (is_paid, "the outstanding report agrees with the books: RECEIVABLE by patient says 0.00, found 8600.00"),
        (
            "UPDATE journal_entries SET invoice_id = NULL WHERE kind = 'ISSUE'",
            "the revenue report agrees with the books: bills by month of",
        ),
        (
            "UPDATE invoice_items SET gross = gross + 100 WHERE kind = 'CONSULTATION'",
            "the doctors' shares agree with the books: doctor 40 of",
        ),
        (
            "UPDATE invoice_items SET discount = gross WHERE kind = 'PHARMACY'",
            "the doctors' shares agree with the books: doctor 40 of",
        ),
        ("DELETE FROM postings WHERE account = 'REVENUE'", "the doctors' shares agree with the books: doctor 40 of"),
        ("DELETE FROM postings", "the revenue report agrees with the books: revenue by service of"),
        (
            "UPDATE postings SET amount = amount + 1 WHERE account = 'UPI'",
            "the day book agrees with the books: debits and credits of",
        ),
        (
            "DELETE FROM journal_entries WHERE kind = 'PAYMENT'",
            "the day book agrees with the books: debits of all days says",
        ),
        (
            "DELETE FROM journal_entries WHERE kind = 'PAYMENT'",
            "the day book agrees with the books: credits of all days says",
        ),
        (
            "DELETE FROM ledger_accounts WHERE code = 'CASH'",
            "the day book agrees with the books: debits of the accounts of",
        ),
        (
            "DELETE FROM ledger_accounts WHERE code = 'ROUND_OFF'",
            "the day book agrees with the books: credits of the accounts of",
        ),
        ("DELETE FROM ledger_accounts WHERE code = 'CASH'", "the day book agrees with the books: CASH on"),
    ] {
        let all = findings_after(&clinic, damage).await;
        assert!(all.iter().any(|finding| finding.starts_with(found)), "{damage}: {all:?}");
    }
}

#[tokio::test]
async fn of_each_check_a_hundred_findings_are_named() {
    let clinic = Clinic::new().await;
    let unbalanced = "INSERT INTO journal_entries (kind, dated, source_id) SELECT 'DAY_CLOSE', date '2020-01-01' + n, n FROM generate_series(1, 150) n; \
        INSERT INTO postings SELECT id, 'CASH', 1 FROM journal_entries";
    let all = findings_after(&clinic, unbalanced).await;
    for check in ["the postings of an entry come to nothing", "the day book agrees with the books"] {
        assert_eq!(all.iter().filter(|finding| finding.starts_with(check)).count(), 100, "{check}");
    }
}

#[tokio::test]
async fn the_command_says_what_does_not_agree_and_ends_with_1() {
    let clinic = worked().await;
    let run = || -> (Option<i32>, String) {
        let command = Command::new(env!("CARGO_BIN_EXE_billing"))
            .arg("verify")
            .env_clear()
            .env("DATABASE_URL", &clinic.db.app_url)
            .output();
        let Output { status, stdout, .. } = command.unwrap();
        (status.code(), String::from_utf8(stdout).unwrap())
    };
    let (code, said) = run();
    assert_eq!((code, said.ends_with(" checks, nothing found\n")), (Some(0), true), "{said}");
    clinic.db.sql("SET session_replication_role = replica; UPDATE refunds SET amount = amount - 1").await;
    let (code, said) = run();
    assert_eq!(code, Some(1));
    assert!(said.starts_with("a refund is in the books: refund 1 says 4999, found 5000"), "{said}");
}
