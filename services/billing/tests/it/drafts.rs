//! Drafts: edited, issued, then final.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, RAVI, invoice, item, with};

#[tokio::test]
async fn a_draft_is_edited_and_issued_and_then_never_changes() {
    let clinic = Clinic::new().await;
    let desk = clinic.receptionist();
    let made = clinic
        .server
        .post("/api/billing/invoices/", &desk, &with(&invoice(ASHA), json!({"draft": true})))
        .await
        .expect(201);
    assert_eq!(
        (&made.body["status"], &made.body["invoice_number"], &made.body["invoice_date"]),
        (&json!("DRAFT"), &Value::Null, &Value::Null)
    );
    let path = format!("/api/billing/invoices/{}/", made.body["id"]);

    let put =
        json!({"patient": RAVI, "draft": true, "items": [item("LAB", "2", "150.00"), item("PHARMACY", "1", "100.00")]});
    let replaced = clinic.server.put(&path, &desk, &put).await.expect(200);
    assert_eq!((&replaced.body["patient_name"], &replaced.body["total"]), (&json!("Ravi"), &json!("405.00")));
    let patched = clinic.server.patch(&path, &desk, &json!({"items": [item("LAB", "1", "99.50")]})).await.expect(200);
    assert_eq!(
        (&patched.body["patient"], &patched.body["total"], &patched.body["round_off"]),
        (&json!(RAVI), &json!("100.00"), &json!("0.50"))
    );
    clinic.server.patch(&path, &desk, &json!({"draft": false})).await.expect(400);
    assert_eq!(
        clinic.server.patch(&path, &desk, &json!({"total": "1.00"})).await.expect(400).faulty_fields(),
        ["total"]
    );
    clinic.server.post(&format!("{path}issue/"), &desk, &json!({})).await.expect(403);

    let issue = || {
        clinic
            .server
            .call(Method::POST, &format!("{path}issue/"))
            .token(&clinic.accountant())
            .header("Idempotency-Key", "i")
            .send()
    };
    let issued = issue().await.expect(200);
    assert_eq!(issued.body["status"], "ISSUED");
    assert!(issued.body["invoice_number"].as_str().unwrap().ends_with("/000001"));
    let again = issue().await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &issued.body));
    clinic.server.post(&format!("{path}issue/"), &clinic.accountant(), &json!({})).await.expect(409);
    clinic.server.put(&path, &clinic.admin(), &put).await.expect(409);
    clinic.server.patch(&path, &clinic.admin(), &json!({"due_date": null})).await.expect(409);
    let shown = clinic.read(made.body["id"].as_i64().unwrap()).await;
    assert_eq!(shown, issued.body);
    clinic.db.sql("UPDATE patients SET name = 'Someone Else', version = 2").await;
    assert_eq!(clinic.read(made.body["id"].as_i64().unwrap()).await["patient_name"], "Ravi", "as on the day of issue");
}

#[tokio::test]
async fn two_writers_never_overwrite_each_other_silently() {
    let clinic = Clinic::new().await;
    let id = clinic.draft().await;
    let path = format!("/api/billing/invoices/{id}/");
    let read = clinic.server.get(&path, &clinic.admin()).await.expect(200);
    let change = |method: Method, tag: &str, body: Value| {
        clinic.server.call(method, &path).token(&clinic.admin()).header("If-Match", tag).json(&body).send()
    };
    let changed =
        change(Method::PATCH, read.header("etag"), json!({"due_date": null, "delivery_state": "27"})).await.expect(200);
    assert_ne!(changed.header("etag"), read.header("etag"));
    change(Method::PATCH, read.header("etag"), json!({"delivery_state": null})).await.expect(412);
    change(Method::PUT, read.header("etag"), invoice(ASHA)).await.expect(412);
    let issue = clinic.server.call(Method::POST, &format!("{path}issue/")).token(&clinic.admin());
    issue.header("If-Match", read.header("etag")).send().await.expect(412);
    let not_modified =
        clinic.server.call(Method::GET, &path).token(&clinic.admin()).header("If-None-Match", changed.header("etag"));
    not_modified.send().await.expect(304);
    change(Method::PUT, changed.header("etag"), invoice(ASHA)).await.expect(200);

    let writers = (0..20).map(|n| {
        let items = json!({"items": [item("LAB", "1", &format!("{n}.00"))]});
        clinic.server.call(Method::PATCH, &path).token(&clinic.token(Role::Receptionist)).json(&items).send()
    });
    let answers = futures_util::future::join_all(writers).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 409)) && won >= 1);
    let version = clinic.db.number(&format!("SELECT version FROM invoices WHERE id = {id}")).await;
    assert_eq!(version, 3 + i64::try_from(won).unwrap(), "every 200 is a version of its own");
}

#[tokio::test]
async fn a_draft_is_issued_at_the_rates_of_the_day_of_issue() {
    let clinic = Clinic::new().await;
    let made = clinic
        .bill(&json!({"patient": ASHA, "draft": true, "items": [item("PHARMACY", "1", "100.00")]}))
        .await
        .expect(201)
        .body;
    // as if it had been drafted before 22 September 2025
    clinic
        .db
        .sql(
            "BEGIN; UPDATE invoice_items SET gst_rate = 1200, cgst = 600, sgst = 600; \
             UPDATE invoices SET cgst = 600, sgst = 600, total = 11200, round_off = 0, dated = '2025-09-21'; COMMIT",
        )
        .await;
    assert_eq!(clinic.read(made["id"].as_i64().unwrap()).await["total"], "112.00");
    let issued = clinic
        .server
        .post(&format!("/api/billing/invoices/{}/issue/", made["id"]), &clinic.admin(), &json!({}))
        .await
        .expect(200);
    assert_eq!((&issued.body["items"][0]["gst_rate"], &issued.body["total"]), (&json!("5.00"), &json!("105.00")));
}

#[tokio::test]
async fn a_draft_is_issued_with_the_reasons_of_the_day_of_issue() {
    let clinic = Clinic::new().await;
    let draft = json!({"patient": ASHA, "draft": true, "delivery_address": "9 Hill Road", "discount": "10.00",
        "discount_reason": "regular", "items": [item("LAB", "1", "100.00"), item("PHARMACY", "3", "33.33")]});
    for (change, version) in [
        // nothing of it is another, and it is not written anew
        ("gst_rate_reason = gst_rate_reason", 2),
        // as if the law had called it nil-rated on the day of the draft, by another rule
        ("treatment = 'NIL', tax_rule = 'OLD', tax_text = 'As it was'", 3),
        ("tax_text = 'As it was'", 3),
    ] {
        let made = clinic.bill(&draft).await.expect(201).body;
        clinic
            .db
            .sql(&format!("UPDATE invoice_items SET {change} WHERE invoice_id = {} AND line = 1", made["id"]))
            .await;
        let path = format!("/api/billing/invoices/{}/issue/", made["id"]);
        let issued = clinic.server.post(&path, &clinic.admin(), &json!({})).await.expect(200);
        assert_eq!(issued.header("etag"), format!("\"{version}\""), "{change}");
        assert_eq!(issued.body["items"], made["items"], "{change}");
    }
}

#[tokio::test]
async fn fifty_issue_one_draft() {
    let clinic = Clinic::new().await;
    let path = format!("/api/billing/invoices/{}/issue/", clinic.draft().await);
    let token = clinic.accountant();
    let all = (0..50).map(|_| clinic.server.call(Method::POST, &path).token(&token).send());
    let statuses: Vec<_> =
        futures_util::future::join_all(all).await.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(
        (statuses.iter().filter(|s| **s == 200).count(), statuses.iter().filter(|s| **s == 409).count()),
        (1, 49),
        "{statuses:?}"
    );
    assert_eq!(clinic.db.number("SELECT last_serial FROM invoice_counters").await, 1);
}
