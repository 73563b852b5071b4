use auth::Role;
use reqwest::Method;
use serde_json::json;

use crate::service::{PASSWORD, Service, revocations};

#[tokio::test]
async fn another_role_ends_the_sessions_and_is_in_the_next_sign_in() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let path = format!("/api/users/{id}/");
    let refresh = service.login("asha", PASSWORD).await.expect(200).body["refresh"].as_str().unwrap().to_owned();
    let answer = service.server.patch(&path, &service.admin(), &json!({"role": "ACCOUNTANT"})).await.expect(200);
    assert_eq!((answer.header("etag"), &answer.body["role"]), ("\"2\"", &json!("ACCOUNTANT")));
    service.refresh(&refresh).await.expect(401);
    let ended = "SELECT count(*) FROM sessions WHERE revoked_why = 'ROLE_CHANGED'";
    assert_eq!(service.db.number(ended).await, 1);
    let told = "SELECT count(*) FROM outbox WHERE event_type = 'UserUpdated'";
    let rows = service.db.number(told).await;
    assert!(rows > 0);
    service.login("asha", PASSWORD).await.expect(200);
    // nothing changed: no version, no event, nobody signed out
    service.server.patch(&path, &service.admin(), &json!({"role": "ACCOUNTANT"})).await.expect(200);
    assert_eq!(service.db.number(told).await, rows);
    assert_eq!(service.db.number(ended).await, 1);
}

#[tokio::test]
async fn a_deactivated_account_is_signed_out_and_signs_in_no_more() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let path = format!("/api/users/{id}/");
    let signed_in = service.login("asha", PASSWORD).await.expect(200).body;
    let access = signed_in["access"].as_str().unwrap();
    let listed = service.server.get("/api/users/me/sessions/", access).await.expect(200).body;
    let session = listed["results"][0]["id"].as_str().unwrap().parse().unwrap();
    service.server.patch(&path, &service.admin(), &json!({"is_active": false})).await.expect(200);
    assert!(revocations().is_revoked(session).await.unwrap());
    service.refresh(signed_in["refresh"].as_str().unwrap()).await.expect(401);
    service.login("asha", PASSWORD).await.expect(401);
    service.server.patch(&path, &service.admin(), &json!({"is_active": true})).await.expect(200);
    service.login("asha", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn what_belongs_to_a_role_comes_and_goes_with_it() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let path = format!("/api/users/{id}/");
    let doctor = json!({"specialization": "Cardiology", "registration_number": "KMC-1", "department": "Heart"});
    let admin = service.admin();
    let patch = async |body| service.server.patch(&path, &admin, &body).await;
    assert_eq!(patch(json!({"role": "DOCTOR"})).await.expect(400).faulty_fields(), ["doctor"]);
    assert_eq!(patch(json!({"doctor": doctor})).await.expect(400).faulty_fields(), ["doctor"]);
    assert_eq!(patch(json!({"department": "ICU"})).await.expect(400).faulty_fields(), ["department"]);
    let answer = patch(json!({"role": "DOCTOR", "doctor": doctor})).await.expect(200);
    assert_eq!(answer.body["doctor"], doctor);
    let answer = patch(json!({"doctor": {"department": "Surgery"}})).await.expect(200);
    assert_eq!(
        (&answer.body["doctor"]["department"], &answer.body["department"]),
        (&json!("Surgery"), &json!("Surgery"))
    );
    let answer = patch(json!({"role": "NURSE", "department": "ICU"})).await.expect(200);
    assert_eq!((&answer.body["doctor"], &answer.body["department"]), (&json!(null), &json!("ICU")));
    let answer = patch(json!({"role": "AUDITOR"})).await.expect(200);
    assert_eq!(answer.body["department"], json!(null));
}

#[tokio::test]
async fn bad_input_stale_versions_and_oneself_are_refused() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let path = format!("/api/users/{id}/");
    let admin = service.admin();
    for (body, fields) in [
        (json!({"role": "ROOT", "is_active": "no"}), vec!["is_active", "role"]),
        (json!({"role": null}), vec!["role"]),
        (json!({"username": "root", "password": "x"}), vec!["password", "username"]),
    ] {
        let answer = service.server.patch(&path, &admin, &body).await.expect(400);
        let mut found = answer.faulty_fields();
        found.sort_unstable();
        assert_eq!(found, fields, "{body}");
    }
    for body in [json!([]), json!("x"), json!(null)] {
        service.server.patch(&path, &admin, &body).await.expect(400);
    }
    let change = |tag: &str| {
        let call = service.server.call(Method::PATCH, &path).token(&admin).header("if-match", tag);
        call.json(&json!({"role": "AUDITOR"})).send()
    };
    change("\"7\"").await.expect(412);
    change("\"1\"").await.expect(200);
    for nobody in ["0", "9223372036854775807", "9223372036854775808"] {
        service.server.patch(&format!("/api/users/{nobody}/"), &admin, &json!({"role": "AUDITOR"})).await.expect(404);
    }
    let myself = service.token(id, Role::Admin);
    service.server.patch(&path, &myself, &json!({"role": "ADMIN"})).await.expect(409);
    service.server.patch(&path, &myself, &json!({"is_active": false})).await.expect(409);
}
