//! What the database itself refuses to the role that the service signs in as.

use diesel_async::SimpleAsyncConnection;

use crate::clinic::{Clinic, cash};

async fn refused(clinic: &Clinic, sql: &str, why: &str) {
    let mut conn = clinic.db.connect().await;
    let error = conn.batch_execute(sql).await.expect_err(sql).to_string();
    assert!(error.contains(why), "{sql}: {error}");
}

#[tokio::test]
async fn an_issued_invoice_never_changes() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let before = clinic.read(id).await;
    for change in [
        "total = 0, subtotal = 0",
        "due_date = '2030-01-01'",
        "patient_id = 8",
        "invoice_number = 'EHS/2627/999999'",
        "dated = '2020-01-01'",
        "particulars = '{}'",
        "status = 'DRAFT', invoice_number = NULL",
        "issued_at = now()",
        "serial = 2",
        "id = 77",
    ] {
        refused(&clinic, &format!("UPDATE invoices SET {change} WHERE id = {id}"), "an issued invoice never changes")
            .await;
    }
    refused(&clinic, &format!("DELETE FROM invoices WHERE id = {id}"), "an issued invoice never changes").await;
    for change in [
        "UPDATE invoice_items SET description = 'x'".to_owned(),
        "UPDATE invoice_items SET quantity = 2000".to_owned(),
        "DELETE FROM invoice_items".to_owned(),
        format!(
            "INSERT INTO invoice_items SELECT {id}, 2, kind, description, sac_hsn, quantity, unit_price, gst_rate, NULL, 0, 0, 0, 0, 0 FROM invoice_items"
        ),
    ] {
        refused(&clinic, &change, "an issued invoice never changes").await;
    }
    refused(&clinic, "TRUNCATE invoices CASCADE", "permission denied").await;
    refused(&clinic, "ALTER TABLE invoices DISABLE TRIGGER ALL", "must be owner").await;
    assert_eq!(clinic.read(id).await, before);
}

#[tokio::test]
async fn payments_and_what_was_paid_agree() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.pay("a", &cash(id, "100.00")).await.expect(201);
    let insert = |amount: i64| {
        format!(
            "INSERT INTO payments (invoice_id, amount, method, received_by, received_at) VALUES ({id}, {amount}, 'CASH', 3, now())"
        )
    };
    refused(&clinic, &insert(100), "do not add up").await;
    refused(&clinic, &format!("UPDATE invoices SET amount_paid = 20000 WHERE id = {id}"), "do not add up").await;
    let overpaid = format!(
        "BEGIN; {}; UPDATE invoices SET amount_paid = 50100, status = 'PAID' WHERE id = {id}; COMMIT",
        insert(40_100)
    );
    refused(&clinic, &overpaid, "invoices_").await;
    refused(&clinic, "UPDATE payments SET amount = 1", "a payment never changes").await;
    refused(&clinic, "DELETE FROM payments", "a payment never changes").await;
    refused(&clinic, &format!("UPDATE invoices SET status = 'PAID' WHERE id = {id}"), "invoices_status_of_payments")
        .await;
}

#[tokio::test]
async fn drafts_add_up_and_counters_only_count() {
    let clinic = Clinic::new().await;
    let (issued, draft) = (clinic.issued().await, clinic.draft().await);
    refused(
        &clinic,
        &format!("UPDATE invoices SET subtotal = 60000, total = 60000 WHERE id = {draft}"),
        "do not add up",
    )
    .await;
    refused(&clinic, &format!("DELETE FROM invoice_items WHERE invoice_id = {draft}"), "do not add up").await;
    let another = format!(
        "INSERT INTO invoice_items SELECT {draft}, 2, kind, description, sac_hsn, quantity, unit_price, gst_rate, NULL, 100, 0, 0, 0, 0 \
         FROM invoice_items WHERE invoice_id = {draft}"
    );
    refused(&clinic, &another, "do not add up").await;
    refused(&clinic, &format!("UPDATE invoice_items SET cgst = 1 WHERE invoice_id = {draft}"), "check constraint")
        .await;
    refused(
        &clinic,
        &format!("UPDATE invoice_items SET invoice_id = {issued}, line = 9 WHERE invoice_id = {draft}"),
        "never changes",
    )
    .await;
    for change in [
        "UPDATE invoice_counters SET last_serial = 9",
        "UPDATE invoice_counters SET series = 'X', last_serial = 2",
        "DELETE FROM invoice_counters",
    ] {
        refused(&clinic, change, "a counter moves on by one").await;
    }
}
