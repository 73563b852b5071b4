use serde_json::json;

use crate::service::Service;

#[tokio::test]
async fn an_administrator_lists_and_reads_accounts() {
    let service = Service::start().await;
    let asha = service.patient("asha").await;
    let doctor = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    let gone = service.patient("gone").await;
    service.db.sql(&format!("UPDATE users SET is_active = false WHERE id = {gone}")).await;
    let admin = service.admin();
    for (query, found) in [
        ("", vec![asha, doctor, gone]),
        ("ordering=-id", vec![gone, doctor, asha]),
        ("role=DOCTOR", vec![doctor]),
        ("is_active=false", vec![gone]),
        ("search=RAO+asha@EXAMPLE", vec![asha]),
        ("role=AUDITOR", vec![]),
    ] {
        let answer = service.server.get(&format!("/api/users/?{query}"), &admin).await.expect(200);
        let ids: Vec<_> =
            answer.body["results"].as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, found, "{query}");
        assert!(!answer.text.contains("argon2"));
    }
    for (query, field) in [("role=ROOT", "role"), ("is_active=maybe", "is_active"), ("ordering=email", "ordering")] {
        assert_eq!(
            service.server.get(&format!("/api/users/?{query}"), &admin).await.expect(400).faulty_fields(),
            [field]
        );
    }
    let answer = service.server.get(&format!("/api/users/{doctor}/"), &admin).await.expect(200);
    assert_eq!((answer.header("etag"), &answer.body["username"]), ("\"1\"", &json!("dr.rao")));
    for nobody in ["0", "-1", "9223372036854775807", "9223372036854775808", "x"] {
        service.server.get(&format!("/api/users/{nobody}/"), &admin).await.expect(404);
    }
}

#[tokio::test]
async fn a_page_leads_to_the_next() {
    let service = Service::start().await;
    for name in ["a1", "a2", "a3"] {
        service.patient(name).await;
    }
    let page = service.server.get("/api/users?page_size=2&search=example", &service.admin()).await.expect(200).body;
    let next = page["next"].as_str().unwrap().replace(&service.server.url, "");
    assert!(!next.contains("example"), "a cursor shows no search text: {next}");
    let page = service.server.get(&next, &service.admin()).await.expect(200).body;
    assert_eq!(page["results"].as_array().unwrap().len(), 1);
    assert_eq!((&page["count"], &page["next"]), (&json!(3), &json!(null)));
}

#[tokio::test]
async fn of_a_few_among_many_the_others_are_not_looked_at() {
    let service = Service::start().await;
    service
        .db
        .sql(
            "INSERT INTO users (username, email, password_hash, role, first_name, last_name, department, specialization, registration_number) \
             SELECT 'd' || n, 'd' || n || '@example.in', '$argon2id$x', 'DOCTOR', 'Anil', 'L' || n, 'Heart', 'Cardiology', 'R' || n \
             FROM generate_series(1, 20) AS n; \
             INSERT INTO users (username, email, password_hash, role, is_active, first_name, last_name) \
             SELECT 'p' || n, 'p' || n || '@example.in', '$argon2id$x', (ARRAY['AUDITOR', 'NURSE', 'PATIENT'])[least(n, 3)], n <> 10, 'Asha', 'Rao' \
             FROM generate_series(1, 5000) AS n",
        )
        .await;
    service.db.sql("VACUUM ANALYZE users").await;
    service.db.plan_for_any_values().await;
    let before = service.db.looked_at("users").await;
    for (path, found) in [("doctors/", 20), ("?role=NURSE", 1), ("?is_active=false", 1)] {
        let page = service.server.get(&format!("/api/users/{path}"), &service.admin()).await.expect(200).body;
        assert_eq!(page["count"], found, "{path}");
    }
    let looked_at = service.db.looked_at("users").await - before;
    assert!(looked_at < 500, "{looked_at} rows");
}
