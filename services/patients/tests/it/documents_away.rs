//! The store away or slow: uploads say so, everything else goes on, nothing is lost.

use std::net::TcpListener;
use std::time::Duration;

use object_store::{Store, StoreConfig};
use patients::documents::Documents;
use patients::documents::inspection::Inspector;
use patients::documents::receive::Limits;
use serde_json::json;

use crate::documents::{FORM, Ward, form, path, pdf};
use crate::hospital::{Hospital, id};

fn store_at(endpoint: String) -> Store {
    let config = StoreConfig {
        endpoint: Some(endpoint),
        attempt: Duration::from_millis(300),
        deadline: Duration::from_secs(2),
        ..StoreConfig::of("ehs-documents")
    };
    Store::with_key(&config, "test", "test")
}

async fn uploads_wait_and_all_else_goes_on(store: Store) {
    let hospital = Hospital::open_storing(Documents::new(store, Limits::default())).await;
    let patient = hospital.register_named("Lakshmi", "Raman").await;
    for size in [100, 11 * 1024 * 1024] {
        let call = hospital.server.call(reqwest::Method::POST, &path(patient)).token(&hospital.admin());
        let answer = call.body(FORM, form(&vec![b'x'; size])).send().await.expect(503);
        assert_eq!(answer.header("retry-after"), "1");
    }
    let admin = hospital.admin();
    hospital.server.get(&format!("/api/patients/{patient}/"), &admin).await.expect(200);
    hospital.server.get(&format!("/api/patients/{patient}/medical-history/"), &admin).await.expect(200);
    assert_eq!(hospital.server.get(&path(patient), &admin).await.expect(200).body["count"], 0);
    hospital.server.get("/readyz/", "").await.expect(200);
    assert_eq!(hospital.count("documents").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there() {
    uploads_wait_and_all_else_goes_on(store_at("http://127.0.0.1:9".to_owned())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_answers() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    uploads_wait_and_all_else_goes_on(store_at(format!("http://{}", silent.local_addr().unwrap()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_waits_for_the_store_however_long() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let document = id(&ward.upload(patient, &form(&pdf("ECG"))).await.expect(201).body);
    let pool = ward.hospital.db.pool().await;
    let nowhere = Inspector { store: store_at("http://127.0.0.1:9".to_owned()), ..ward.inspector() };
    for deferrals in 1..=7 {
        assert!(nowhere.next(&pool).await.unwrap());
        let waits = format!("document_work WHERE attempts = 0 AND deferrals = {deferrals} AND due_at > now()");
        assert_eq!(ward.hospital.count(&waits).await, 1, "it is put off, and no attempt is lost");
        assert!(!nowhere.next(&pool).await.unwrap(), "until its time has come");
        ward.hospital.db.sql("UPDATE document_work SET due_at = now()").await;
    }
    assert_eq!(ward.read(patient, document).await["status"], "PROCESSING");
    ward.inspect().await;
    assert_eq!(ward.read(patient, document).await["status"], "READY");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_needs_no_store_to_be_made() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let document = ward.upload_and_inspect(patient, &pdf("ECG")).await;
    let key = ward.bucket.keys().await.into_iter().find(|key| key.starts_with("documents/")).unwrap();
    ward.bucket.remove(&key).await;
    let own = format!("{}{document}/", path(patient));
    let known = ward.hospital.server.get(&own, &ward.hospital.admin()).await.expect(200);
    assert_eq!(known.body["status"], json!("READY"));
}
