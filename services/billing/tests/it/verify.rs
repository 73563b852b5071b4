//! `billing verify` finds nothing in books that are right, and what was done to them where they are not.

use billing::verify::{inspect, verify};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::json;

use crate::clinic::{ASHA, Clinic, cash, item, with};
use crate::refunds::refund;

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
        ("UPDATE invoice_items SET gross = gross + 100", "the revenue report agrees with the books"),
        ("UPDATE invoices SET serial = 7 WHERE serial = 2", "numbers run from 1"),
        ("UPDATE invoice_counters SET last_serial = 9", "numbers run from 1"),
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
