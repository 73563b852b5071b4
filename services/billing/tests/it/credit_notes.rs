//! Cancelling: a credit note undoes the invoice, and nothing is deleted.

use std::sync::Arc;

use auth::Role;
use billing::pdf::kept::PaperKind;
use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, RAVI, cash, invoice, item, with};
use crate::numbering::issued_at;
use crate::paper::Text;
use crate::reports::{days, today};

const NOTES: &str = "/api/billing/credit-notes/";

#[tokio::test]
async fn an_invoice_is_undone_by_a_credit_note_at_its_own_rates() {
    let clinic = Clinic::new().await;
    let bill = json!({
        "patient": ASHA, "delivery_state": "29", "discount": "10.00", "discount_reason": "regular",
        "items": [item("CONSULTATION", "1", "500.00"), item("ROOM", "2", "6000.00"), item("PHARMACY", "10", "12.35")],
    });
    let made = clinic.bill(&bill).await.expect(201).body;
    let id = made["id"].as_i64().unwrap();
    let cancelled = clinic.cancel(id).await.expect(200);
    let shown = clinic.read(id).await;
    assert_eq!(shown, cancelled.body, "what was answered is what is kept");
    assert_eq!((&shown["status"], &shown["invoice_number"]), (&json!("CANCELLED"), &made["invoice_number"]));
    assert_eq!(shown["items"], made["items"], "the invoice still says what it said");
    let note = &shown["credit_note"];
    assert!(note["credit_note_number"].as_str().unwrap().starts_with("CN/"));
    assert!(note["credit_note_number"].as_str().unwrap().ends_with("/000001"));
    for amount in ["subtotal", "discount", "cgst", "sgst", "igst", "round_off", "total"] {
        assert_eq!(note[amount], made[amount], "{amount}");
    }
    assert_eq!(
        (&note["invoice"], &note["patient"], &note["reason"]),
        (&json!(id), &json!(ASHA), &json!("billed twice"))
    );

    let read = clinic.server.get(&format!("{NOTES}{}/", note["id"]), &clinic.receptionist()).await.expect(200);
    assert_eq!(&read.body, note);
    let list =
        clinic.server.get("/api/billing/invoices/?status=CANCELLED", &clinic.accountant()).await.expect(200).body;
    assert_eq!((&list["count"], &list["results"][0]["credit_note"]), (&json!(1), note));
    clinic.cancel(id).await.expect(409);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_billed_at_12_percent_is_taken_back_at_12_percent() {
    let clinic = Clinic::new().await;
    let bill =
        json!({"patient": ASHA, "items": [item("CONSULTATION", "1", "500.00"), item("PHARMACY", "10", "12.35")]});
    // the last second of 21 September 2025 in India, and the first of the day on which the slab of 12 % went
    let before = issued_at(&clinic, bill.clone(), "2025-09-21T18:29:59Z").await;
    let after = issued_at(&clinic, bill.clone(), "2025-09-21T18:30:00Z").await;
    let at = |percent: &str, half: &str| {
        json!([
            {"tax_treatment": "EXEMPT", "gst_rate": "0.00", "taxable_value": "500.00", "cgst": "0.00", "sgst": "0.00", "igst": "0.00"},
            {"tax_treatment": "TAXABLE", "gst_rate": percent, "taxable_value": "123.50", "cgst": half, "sgst": half, "igst": "0.00"},
        ])
    };
    let undone = clinic.cancel(before.id).await.expect(200).body;
    let note = &undone["credit_note"];
    assert_eq!(note["taxes"], at("12.00", "7.41"));
    assert_eq!(
        json!([note["cgst"], note["sgst"], note["round_off"], note["total"], note["invoice_date"], note["date"]]),
        json!(["7.41", "7.41", "-0.32", "638.00", "2025-09-21", today().to_string()])
    );
    assert_eq!(
        json!([undone["items"][1]["gst_rate"], undone["items"][1]["tax_reason"]["rule"]]),
        json!(["12.00", "MEDICINE_SOLD_12"])
    );
    let text = Text::of(&clinic, PaperKind::CreditNote, note["id"].as_i64().unwrap()).await;
    text.expect(&["12 % 123.50 7.41 7.41 14.82", "Medicines sold to outpatients are goods at 12 %"]);
    let booked = "SELECT sum(p.amount) FROM postings p JOIN journal_entries e ON e.id = p.entry_id";
    let of = async |id: i64| {
        clinic.db.number(&format!("{booked} WHERE e.invoice_id = {id} AND p.account = 'OUTPUT_CGST'")).await
    };
    assert_eq!((of(before.id).await, of(after.id).await), (0, -309));
    let path = format!("/api/billing/reports/gst/?{}", days());
    let returned = clinic.server.get(&path, &clinic.accountant()).await.expect(200).body;
    assert_eq!(
        returned["b2cs"],
        json!([{"supply_type": "INTRA", "place_of_supply": "27", "rate": "12.00", "taxable_value": "-123.50",
            "igst": "0.00", "cgst": "-7.41", "sgst": "-7.41"}])
    );

    assert_eq!(clinic.cancel(after.id).await.expect(200).body["credit_note"]["taxes"], at("5.00", "3.09"));
    let today = clinic.bill(&bill).await.expect(201).body;
    assert_eq!(json!([today["cgst"], today["total"]]), json!(["3.09", "630.00"]), "the same medicines today");
}

#[tokio::test]
async fn a_cancelled_invoice_takes_no_payment() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.cancel(id).await.expect(200);
    let refused = clinic.pay("k", &cash(id, "1.00")).await.expect(409);
    assert_eq!(refused.body["invoice_status"], "CANCELLED");
    assert_eq!(clinic.db.number("SELECT count(*) FROM payments").await, 0);
}

#[tokio::test]
async fn what_is_paid_goes_back_first_and_a_draft_has_nothing_to_take_back() {
    let clinic = Clinic::new().await;
    let (part, whole, draft) = (clinic.issued().await, clinic.issued().await, clinic.draft().await);
    clinic.pay("a", &cash(part, "100.00")).await.expect(201);
    clinic.pay("b", &cash(whole, "500.00")).await.expect(201);
    let refused = clinic.cancel(part).await.expect(409);
    assert_eq!(
        (&refused.body["type"], &refused.body["amount_paid"]),
        (&json!("urn:ehs:problem:still-paid"), &json!("100.00"))
    );
    clinic.cancel(whole).await.expect(409);
    assert_eq!(clinic.cancel(draft).await.expect(409).body["invoice_status"], "DRAFT");
    clinic.cancel(999_999).await.expect(404);
    for body in [json!({}), json!({"reason": " "}), json!({"reason": 1}), json!({"reason": "x", "amount": "1.00"})] {
        let path = format!("/api/billing/invoices/{part}/cancel/");
        clinic.server.post(&path, &clinic.admin(), &body).await.expect(400);
    }
    assert_eq!(clinic.db.number("SELECT count(*) FROM credit_notes").await, 0);
    assert_eq!(
        clinic.db.number("SELECT count(*) FROM invoice_counters WHERE series = 'CN'").await,
        0,
        "no number is lost"
    );
}

#[tokio::test]
async fn a_key_and_a_version_are_heeded() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let path = format!("/api/billing/invoices/{id}/cancel/");
    let call = |tag: &str, key: &str, reason: &str| {
        let call = clinic.server.call(Method::POST, &path).token(&clinic.admin()).header("If-Match", tag);
        call.header("Idempotency-Key", key).json(&json!({"reason": reason})).send()
    };
    call("\"9\"", "a", "wrong patient").await.expect(412);
    let first = call("*", "a", "wrong patient").await.expect(200);
    let again = call("*", "a", "wrong patient").await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    call("*", "a", "another reason").await.expect(409);
    assert_eq!(clinic.db.number("SELECT count(*) FROM credit_notes").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_and_paying_at_once_is_one_or_the_other() {
    let clinic = Arc::new(Clinic::new().await);
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(clinic.issued().await);
    }
    let races = ids.iter().map(|id| {
        let clinic = Arc::clone(&clinic);
        async move {
            let key = format!("k{id}");
            let payment = cash(*id, "500.00");
            let (paid, first, second) =
                tokio::join!(clinic.pay(&key, &payment), clinic.cancel(*id), clinic.cancel(*id));
            let done = [paid.status == 201, first.status == 200, second.status == 200];
            assert_eq!(done.into_iter().filter(|done| *done).count(), 1, "{done:?}");
        }
    });
    join_all(races).await;
    let cancelled = clinic.db.number("SELECT count(*) FROM credit_notes").await;
    let last = clinic.db.number("SELECT coalesce(max(last_serial), 0) FROM invoice_counters WHERE series = 'CN'").await;
    assert_eq!(last, cancelled, "without a gap");
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices WHERE status = 'CANCELLED'").await, cancelled);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices WHERE status = 'PAID'").await, 10 - cancelled);
}

#[tokio::test]
async fn notes_are_listed_and_a_patient_sees_their_own() {
    let clinic = Clinic::new().await;
    let mut notes = Vec::new();
    for patient in [ASHA, RAVI, ASHA] {
        let id = clinic.bill(&invoice(patient)).await.expect(201).body["id"].as_i64().unwrap();
        notes.push(clinic.cancel(id).await.expect(200).body["credit_note"]["id"].as_i64().unwrap());
    }
    let ids = |body: &Value| -> Vec<i64> {
        body["results"].as_array().unwrap().iter().map(|note| note["id"].as_i64().unwrap()).collect()
    };
    let get = async |query: &str, role: Role| {
        clinic.server.get(&format!("{NOTES}{query}"), &clinic.token(role)).await.expect(200).body
    };
    assert_eq!(ids(&get("", Role::Accountant).await), [notes[2], notes[1], notes[0]]);
    assert_eq!(ids(&get(&format!("?patient={RAVI}"), Role::Accountant).await), [notes[1]]);
    assert_eq!(ids(&get("?start_date=2199-01-01", Role::Accountant).await), Vec::<i64>::new());
    assert_eq!(ids(&get("", Role::Patient).await), [notes[2], notes[0]]);
    clinic.server.get(&format!("{NOTES}{}/", notes[1]), &clinic.token(Role::Patient)).await.expect(404);
    clinic.server.get(&format!("{NOTES}{}/", notes[0]), &clinic.token(Role::Patient)).await.expect(200);
    let first = get("?page_size=2", Role::Accountant).await;
    let next = first["next"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap();
    let second = clinic.server.get(next, &clinic.accountant()).await.expect(200).body;
    assert_eq!(ids(&second), [notes[0]]);
    let wrong = clinic.server.get(&format!("{NOTES}?end_date=x&status=PAID"), &clinic.admin()).await.expect(400);
    assert_eq!(wrong.faulty_fields().len(), 2);
}

#[tokio::test]
async fn the_database_lets_neither_be_without_the_other() {
    let clinic = Clinic::new().await;
    let (cancelled, issued) = (clinic.issued().await, clinic.issued().await);
    clinic.cancel(cancelled).await.expect(200);
    let refused = async |sql: String, why: &str| {
        let error = clinic.db.connect().await.batch_execute(&sql).await.expect_err(&sql).to_string();
        assert!(error.contains(why), "{sql}: {error}");
    };
    refused(format!("UPDATE invoices SET status = 'CANCELLED' WHERE id = {issued}"), "undo each other").await;
    refused(format!("UPDATE invoices SET status = 'ISSUED' WHERE id = {cancelled}"), "undo each other").await;
    let note = |invoice: i64, total: &str| {
        format!(
            "INSERT INTO credit_notes SELECT 99, {invoice}, patient_id, 'CN/2627/999999', supplier_gstin, series, financial_year, 999999, \
             dated, reason, subtotal, discount, cgst, sgst, igst, round_off, {total}, issued_by, issued_at FROM credit_notes LIMIT 1"
        )
    };
    refused(note(issued, "total"), "undo each other").await;
    let less = format!(
        "BEGIN; UPDATE invoices SET status = 'CANCELLED' WHERE id = {issued}; {}; COMMIT",
        note(issued, "total - 100")
    );
    refused(less, "undo each other").await;
    refused(note(cancelled, "total"), "credit_notes_invoice_id_key").await;
    refused("UPDATE credit_notes SET total = 0".into(), "a credit note never changes").await;
    refused("DELETE FROM credit_notes".into(), "a credit note never changes").await;
    let paid = format!(
        "BEGIN; INSERT INTO payments (invoice_id, amount, method, received_by, received_at) VALUES ({cancelled}, 100, 'CASH', 3, now()); \
         UPDATE invoices SET amount_paid = 100 WHERE id = {cancelled}; COMMIT"
    );
    refused(paid, "invoices_cancelled_unpaid").await;
}

#[tokio::test]
async fn cancelling_is_told_with_the_change() {
    let mut clinic = Clinic::new().await;
    let subscriptions = ::events::subscriptions::Subscriptions::parse("events:\n  InvoiceCancelled: [reports]\n");
    clinic.app.outbox = ::events::Outbox::with(Arc::new(subscriptions.unwrap()));
    let server = crate::clinic::serve(&clinic.app).await;
    let (cancelled, paid) = (clinic.issued().await, clinic.issued().await);
    clinic.pay("p", &cash(paid, "1.00")).await.expect(201);
    let reason = with(&json!({}), json!({"reason": "billed twice"}));
    for (id, status) in [(cancelled, 200), (cancelled, 409), (paid, 409)] {
        let path = format!("/api/billing/invoices/{id}/cancel/");
        server.post(&path, &clinic.accountant(), &reason).await.expect(status);
    }
    assert_eq!(clinic.db.number("SELECT count(*) FROM outbox").await, 1);
}
