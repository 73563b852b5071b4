//! Documents as PDF: made once, kept, and the same bytes ever after.

use auth::Role;
use billing::pdf::kept::{PaperKind, asked_for};
use billing::worker::make_papers;
use diesel_async::SimpleAsyncConnection;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clinic::{ASHA, Clinic, RAVI, invoice, item, supplier, with};

fn path(id: i64) -> String {
    format!("/api/billing/invoices/{id}/pdf/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_the_same_bytes_ever_after() {
    let mut clinic = Clinic::new().await;
    clinic.db.sql("UPDATE patients SET name = 'लक्ष्मी நாராயணன்', state = 'Maharashtra' WHERE id = 7").await;
    let lines: Vec<_> =
        (0..60).map(|_| item("PHARMACY", "10", "12.35")).chain([item("ROOM", "9", "6000.00")]).collect();
    let id = clinic.bill(&json!({"patient": ASHA, "items": lines})).await.expect(201).body["id"].as_i64().unwrap();
    let first = clinic.server.get(&path(id), &clinic.receptionist()).await.expect(200);
    assert_eq!(first.header("content-type"), "application/pdf");
    assert!(first.header("content-disposition").starts_with("inline; filename=\"EHS-"));
    assert!(first.text.starts_with("%PDF-"));
    // another hospital's name, another address to pay to: what was made stays
    clinic.app.supplier = billing::supplier::Supplier { name: "Another Hospital".into(), ..supplier() };
    clinic.app.papers = billing::pdf::kept::Papers::new(None).unwrap();
    let later = crate::clinic::serve(&clinic.app).await;
    assert_eq!(later.get(&path(id), &clinic.token(Role::Patient)).await.expect(200).text, first.text);
    assert_eq!(clinic.db.number("SELECT count(*) FROM papers WHERE made_at IS NOT NULL").await, 1);
    let changed = clinic.db.connect().await.batch_execute("UPDATE papers SET content = 'x'").await.unwrap_err();
    assert!(changed.to_string().contains("a paper never changes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_ask_at_once_and_get_the_same() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let (url, token) = (path(id), clinic.accountant());
    let answers = futures_util::future::join_all((0..20).map(|_| clinic.server.get(&url, &token))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text == answers[0].text));
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_they_are_and_what_has_none() {
    let clinic = Clinic::new().await;
    let (draft, anothers) =
        (clinic.draft().await, clinic.bill(&invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap());
    assert_eq!(
        clinic.server.get(&path(draft), &clinic.admin()).await.expect(409).body["type"],
        "urn:ehs:problem:not-issued"
    );
    clinic.server.get(&path(draft), &clinic.token(Role::Patient)).await.expect(404);
    clinic.server.get(&path(anothers), &clinic.token(Role::Patient)).await.expect(404);
    clinic.server.get(&path(999_999), &clinic.admin()).await.expect(404);
    let note = clinic.cancel(anothers).await.expect(200).body["credit_note"]["id"].as_i64().unwrap();
    let path = format!("/api/billing/credit-notes/{note}/pdf/");
    let shown = clinic.server.get(&path, &clinic.receptionist()).await.expect(200);
    assert!(shown.header("content-disposition").contains("CN-") && shown.text.starts_with("%PDF-"));
    clinic.server.get(&path, &clinic.token(Role::Patient)).await.expect(404);
    clinic.server.get("/api/billing/credit-notes/999/pdf/", &clinic.admin()).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_makes_what_was_issued() {
    let clinic = Clinic::new().await;
    let cancelled = clinic.issued().await;
    clinic.cancel(cancelled).await.expect(200);
    clinic.bill(&with(&invoice(ASHA), json!({"draft": true}))).await.expect(201);
    let mut conn = clinic.db.connect().await;
    let asked = asked_for(&mut conn, 9).await.unwrap();
    assert_eq!(asked.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [PaperKind::Invoice, PaperKind::CreditNote]);
    let stop = CancellationToken::new();
    let worker = tokio::spawn(make_papers(clinic.app.db.clone(), clinic.app.papers.clone(), stop.clone()));
    testkit::eventually(|| async { clinic.db.number("SELECT count(*) FROM papers WHERE made_at IS NULL").await == 0 })
        .await;
    stop.cancel();
    worker.await.unwrap().unwrap();
}
