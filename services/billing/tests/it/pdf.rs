//! Documents as PDF: made once, kept, and the same bytes ever after.

use auth::Role;
use billing::pdf::kept::{FOLDER, MEDIA, PaperKind, Papers, asked_for};
use billing::pdf::moved;
use billing::worker::make_papers;
use diesel_async::SimpleAsyncConnection;
use object_store::Key;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clinic::{ASHA, Clinic, RAVI, invoice, item, serve, store_away, supplier, with};

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
    clinic.app.papers = Papers::new(None, clinic.app.store.clone()).unwrap();
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

const IN_THE_STORE: &str =
    "SELECT count(*) FROM papers WHERE content IS NULL AND object IS NOT NULL AND size > 0 AND sha256 IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn papers_come_to_the_store_and_stay_the_same_bytes() {
    let clinic = Clinic::new().await;
    let (id, cancelled) = (clinic.issued().await, clinic.issued().await);
    let note = clinic.cancel(cancelled).await.expect(200).body["credit_note"]["id"].as_i64().unwrap();
    let paths = [path(id), path(cancelled), format!("/api/billing/credit-notes/{note}/pdf/")];
    let mut before = Vec::new();
    for path in &paths {
        before.push(clinic.server.get(path, &clinic.accountant()).await.expect(200).text);
    }
    assert!(clinic.bucket.keys().await.is_empty());
    // two workers at once
    let (pool, store) = (&clinic.app.db, &clinic.app.store);
    let (some, others) = tokio::join!(moved::round(pool, store), moved::round(pool, store));
    assert_eq!(some.unwrap() + others.unwrap(), 3);
    assert_eq!(clinic.db.number(IN_THE_STORE).await, 3);
    let keys = clinic.bucket.keys().await;
    assert!(keys.len() == 3 && keys.iter().all(|key| key.starts_with("papers/")), "{keys:?}");
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(clinic.server.get(path, &clinic.accountant()).await.expect(200).text, before);
    }
    assert_eq!(moved::round(pool, store).await.unwrap(), 0, "nothing is left to be moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_bills_are_issued_and_shown() {
    let mut clinic = Clinic::new().await;
    let there = clinic.app.store.clone();
    clinic.app.store = store_away();
    clinic.app.papers = Papers::new(None, store_away()).unwrap();
    clinic.server = serve(&clinic.app).await;
    let id = clinic.issued().await;
    let shown = clinic.server.get(&path(id), &clinic.accountant()).await.expect(200).text;
    moved::round(&clinic.app.db, &store_away()).await.expect_err("the store is away");
    assert_eq!(clinic.server.get(&path(id), &clinic.accountant()).await.expect(200).text, shown);
    assert_eq!(
        moved::round(&clinic.app.db, &there).await.unwrap(),
        0,
        "it is left to whoever took it, for some minutes"
    );
    clinic.db.sql("UPDATE papers SET due_at = now()").await;
    assert_eq!(moved::round(&clinic.app.db, &there).await.unwrap(), 1);
    assert_eq!(clinic.bucket.keys().await.len(), 1, "under the name that it had before");
    // now it is in a store that is away
    let away = clinic.server.get(&path(id), &clinic.accountant()).await.expect(503);
    assert!(!away.header("retry-after").is_empty());
    clinic.issued().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_kept_is_not_shown() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.server.get(&path(id), &clinic.accountant()).await.expect(200);
    moved::round(&clinic.app.db, &clinic.app.store).await.unwrap();
    let object = clinic.bucket.keys().await.remove(0);
    let key = Key::new(FOLDER, object.split_once('/').unwrap().1.parse().unwrap());
    for other in ["%PDF-1.7 another bill", &"x".repeat(1_000_000)] {
        clinic.app.store.put_bytes(key, MEDIA, other.to_owned().into()).await.unwrap();
        clinic.server.get(&path(id), &clinic.accountant()).await.expect(500);
    }
    clinic.bucket.remove(&object).await;
    clinic.server.get(&path(id), &clinic.accountant()).await.expect(500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_kept_is_shown_and_moved() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let as_it_was = format!(
        "ALTER TABLE papers DISABLE TRIGGER USER; UPDATE papers SET content = 'as it was', made_at = now() WHERE source_id = {id}; \
         ALTER TABLE papers ENABLE TRIGGER USER"
    );
    clinic.db.sql(&as_it_was).await;
    assert_eq!(clinic.db.number("SELECT count(*) FROM papers WHERE sha256 IS NULL").await, 1);
    assert_eq!(clinic.server.get(&path(id), &clinic.accountant()).await.expect(200).text, "as it was");
    assert_eq!(moved::round(&clinic.app.db, &clinic.app.store).await.unwrap(), 1);
    assert_eq!(clinic.db.number(IN_THE_STORE).await, 1);
    assert_eq!(clinic.server.get(&path(id), &clinic.accountant()).await.expect(200).text, "as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_lets_nobody_say_otherwise() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let mut conn = clinic.db.connect().await;
    let mut refused = async |change: &str| {
        let changed = conn.batch_execute(&format!("UPDATE papers SET {change}")).await;
        changed.expect_err(change).to_string()
    };
    let made = "content = 'x', made_at = now(), sha256 = sha256('y'), size = 1";
    assert!(refused(made).await.contains("a paper is measured here"));
    clinic.server.get(&path(id), &clinic.accountant()).await.expect(200);
    for change in [
        "content = NULL",
        "content = 'x', object = gen_random_uuid()",
        "content = NULL, object = gen_random_uuid()",
        "sha256 = sha256('x')",
        "size = size + 1",
        "made_at = now() + interval '1 hour'",
        "source_id = source_id + 1",
    ] {
        assert!(refused(change).await.contains("a paper never changes"), "{change}");
    }
    moved::round(&clinic.app.db, &clinic.app.store).await.unwrap();
    for change in ["object = gen_random_uuid()", "object = NULL", "content = 'x'", "sha256 = NULL", "size = NULL"] {
        assert!(refused(change).await.contains("a paper never changes"), "{change}");
    }
    assert!(conn.batch_execute("DELETE FROM papers").await.unwrap_err().to_string().contains("a paper never changes"));
}
