use chassis::redis::{Redis, RedisConfig};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;
use uuid::Uuid;

use crate::service::{PASSWORD, Service, revocations};

const SESSIONS: &str = "/api/users/me/sessions/";

fn member(answer: &Answer, which: &str) -> String {
    answer.body[which].as_str().unwrap().to_owned()
}

async fn signed_in(service: &Service) -> (String, String) {
    let answer = service.login("asha", PASSWORD).await.expect(200);
    (member(&answer, "access"), member(&answer, "refresh"))
}

async fn current(service: &Service, access: &str) -> Uuid {
    let listed = service.server.get(SESSIONS, access).await.expect(200);
    let all = listed.body["results"].as_array().unwrap().clone();
    let current: Vec<&Value> = all.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1);
    current[0]["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_at_the_gateway() {
    let service = Service::start().await;
    service.patient("asha").await;
    let (access, refresh) = signed_in(&service).await;
    let (other, other_refresh) = signed_in(&service).await;
    let id = current(&service, &access).await;
    let elsewhere = current(&service, &other).await;
    assert!(!revocations().is_revoked(id).await.unwrap());

    let answer = service.server.call(Method::POST, "/api/users/logout/").token(&access).send().await.expect(204);
    assert_eq!(answer.text, "");
    assert!(revocations().is_revoked(id).await.unwrap());
    assert!(!revocations().is_revoked(elsewhere).await.unwrap());
    service.refresh(&refresh).await.expect(401);
    service.refresh(&other_refresh).await.expect(200);
    // twice is no fault: the gateway would not let it through anyhow
    service.server.post("/api/users/logout/", &access, &json!({"refresh": refresh})).await.expect(204);
    service.server.call(Method::POST, "/api/users/logout/").send().await.expect(401);
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_signs_one_out() {
    let service = Service::start().await;
    service.patient("asha").await;
    service.patient("other").await;
    let (access, _) = signed_in(&service).await;
    let login = json!({"username": "asha", "password": PASSWORD});
    let call = service.server.call(Method::POST, "/api/users/login/").json(&login);
    let phone = call.header("x-forwarded-for", "203.0.113.7").header("user-agent", "A phone").send().await.expect(200);
    service.login("other", PASSWORD).await.expect(200);

    let listed = service.server.get(SESSIONS, &access).await.expect(200).body;
    assert_eq!((&listed["count"], &listed["next"], &listed["previous"]), (&json!(2), &json!(null), &json!(null)));
    let of_phone = listed["results"].as_array().unwrap().iter().find(|s| s["current"] == false).unwrap().clone();
    assert_eq!((&of_phone["address"], &of_phone["user_agent"]), (&json!("203.0.113.7"), &json!("A phone")));
    let path = format!("{SESSIONS}{}/", of_phone["id"].as_str().unwrap());

    let others = member(&service.login("other", PASSWORD).await.expect(200), "access");
    service.server.delete(&path, &others).await.expect(404);
    service.server.delete(&path, &access).await.expect(204);
    service.server.delete(&path, &access).await.expect(404);
    service.refresh(&member(&phone, "refresh")).await.expect(401);
    assert!(revocations().is_revoked(of_phone["id"].as_str().unwrap().parse().unwrap()).await.unwrap());
    assert_eq!(service.server.get(SESSIONS, &access).await.expect(200).body["count"], 1);
    for nobody in ["0", "x", "00000000-0000-0000-0000-000000000000", "'%20OR%201=1"] {
        service.server.delete(&format!("{SESSIONS}{nobody}/"), &access).await.expect(404);
    }
}

#[tokio::test]
async fn a_session_that_nobody_can_use_any_more_is_not_listed() {
    let service = Service::start().await;
    service.patient("asha").await;
    signed_in(&service).await;
    service.db.sql("UPDATE sessions SET last_used_at = now() - interval '25 hours'").await;
    let (access, _) = signed_in(&service).await;
    assert_eq!(service.server.get(SESSIONS, &access).await.expect(200).body["count"], 1);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_access_token_too() {
    let service = Service::start().await;
    service.patient("asha").await;
    let (access, refresh) = signed_in(&service).await;
    let id = current(&service, &access).await;
    service.refresh(&refresh).await.expect(200);
    service.refresh(&refresh).await.expect(401);
    assert!(revocations().is_revoked(id).await.unwrap());
}

#[tokio::test]
async fn without_redis_one_signs_out_all_the_same_and_the_gateway_is_told_later() {
    let nowhere =
        RedisConfig { url: "redis://127.0.0.1:1".to_owned().into(), ..testkit::Endpoints::get().redis_config() };
    let service = Service::revoking(auth::Revocations::new(Redis::new(&nowhere).unwrap())).await;
    service.patient("asha").await;
    let (access, refresh) = signed_in(&service).await;
    let id = current(&service, &access).await;
    service.server.call(Method::POST, "/api/users/logout/").token(&access).send().await.expect(204);
    service.refresh(&refresh).await.expect(401);
    assert!(!revocations().is_revoked(id).await.unwrap());
    assert_eq!(users::worker::tell_again_once(&service.db.pool().await, &revocations()).await.unwrap(), 1);
    assert!(revocations().is_revoked(id).await.unwrap());
}
