//! A session ends everywhere at once, whatever ended it.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream;
use journeys::people::Person;
use journeys::{Answer, Hospital};
use reqwest::{Body, Method};
use serde_json::json;
use tokio::sync::oneshot;

/// As long as an ended session's token may still be let in (the contract's second).
const A_SECOND: Duration = Duration::from_secs(1);

/// Something to read in each of the four services.
const EVERYWHERE: [&str; 4] =
    ["/api/users/me/", "/api/patients/", "/api/appointments/", "/api/billing/invoices/?page_size=1"];

async fn newcomer(hospital: &Hospital, role: &str) -> (String, Person) {
    let admin = hospital.token("ADMIN").await;
    let person = hospital.newcomer(&admin, role, "Sessions").await;
    (admin, person)
}

async fn refresh(hospital: &Hospital, token: &str) -> Answer {
    hospital.send(hospital.request(Method::POST, "/api/users/refresh-token/").json(&json!({"refresh": token}))).await
}

async fn is_refused_everywhere(hospital: &Hospital, token: &str) {
    tokio::time::sleep(A_SECOND).await;
    for path in EVERYWHERE {
        let answer = hospital.get(token, path).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
        assert!(answer.header("www-authenticate").contains("invalid_token"), "{path}");
    }
    // open to strangers, but not to who says to be somebody they are no more
    let (body, ..) = journeys::people::newcomer("ACCOUNTANT", "");
    let answer = hospital.post(token, "/api/users/register/", &body).await;
    assert_eq!(answer.status, 401, "registers staff: {}", answer.body);
}

#[tokio::test]
async fn another_role_ends_what_the_old_one_could_do() {
    let hospital = Hospital::open();
    let (admin, person) = newcomer(&hospital, "ADMIN").await;
    for path in EVERYWHERE {
        hospital.get(&person.access, path).await.expect(200);
    }
    let account = format!("/api/users/{}/", person.id);
    hospital.patch(&admin, &account, &json!({"role": "RECEPTIONIST"})).await.expect(200);
    is_refused_everywhere(&hospital, &person.access).await;
    refresh(&hospital, &person.refresh).await.expect(401);

    let (access, _) = hospital.sign_in_as(&person.username, &person.password).await;
    assert_eq!(hospital.get(&access, "/api/users/me/").await.expect(200).body["role"], "RECEPTIONIST");
    hospital.get(&access, "/api/users/").await.expect(403);
    hospital.get(&access, "/api/patients/?page_size=1").await.expect(200);
}

#[tokio::test]
async fn a_deactivated_user_is_out() {
    let hospital = Hospital::open();
    let (admin, person) = newcomer(&hospital, "RECEPTIONIST").await;
    for path in EVERYWHERE {
        hospital.get(&person.access, path).await.expect(200);
    }
    let account = format!("/api/users/{}/", person.id);
    hospital.patch(&admin, &account, &json!({"is_active": false})).await.expect(200);
    is_refused_everywhere(&hospital, &person.access).await;
    refresh(&hospital, &person.refresh).await.expect(401);
    let body = json!({"username": person.username, "password": person.password});
    let refused = hospital.send(hospital.request(Method::POST, "/api/users/login/").json(&body)).await.expect(401);
    assert!(refused.body["access"].is_null());

    hospital.patch(&admin, &account, &json!({"is_active": true})).await.expect(200);
    hospital.get(&person.access, "/api/users/me/").await.expect(401);
    hospital.sign_in_as(&person.username, &person.password).await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let hospital = Hospital::open();
    let (_, person) = newcomer(&hospital, "ACCOUNTANT").await;
    let (elsewhere, its_refresh) = hospital.sign_in_as(&person.username, &person.password).await;
    hospital.get(&elsewhere, "/api/users/me/").await.expect(200);
    let new = format!("{}-again", person.password);
    let body = json!({"old_password": person.password, "new_password": new});
    hospital.post(&person.access, "/api/users/password/change/", &body).await.expect(204);
    is_refused_everywhere(&hospital, &elsewhere).await;
    refresh(&hospital, &its_refresh).await.expect(401);

    hospital.get(&person.access, "/api/billing/invoices/?page_size=1").await.expect(200);
    refresh(&hospital, &person.refresh).await.expect(200);
    let old = json!({"username": person.username, "password": person.password});
    hospital.send(hospital.request(Method::POST, "/api/users/login/").json(&old)).await.expect(401);
    hospital.sign_in_as(&person.username, &new).await;
}

#[tokio::test]
async fn a_session_that_is_signed_out_from_elsewhere_is_over() {
    let hospital = Hospital::open();
    let (_, person) = newcomer(&hospital, "RECEPTIONIST").await;
    let (elsewhere, its_refresh) = hospital.sign_in_as(&person.username, &person.password).await;
    let sessions = hospital.get(&person.access, "/api/users/me/sessions/").await.expect(200).body;
    let other = sessions["results"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/api/users/me/sessions/{}/", other["id"].as_str().unwrap());
    let request = hospital.request(Method::DELETE, &path).bearer_auth(&person.access);
    hospital.send(request).await.expect(204);
    is_refused_everywhere(&hospital, &elsewhere).await;
    refresh(&hospital, &its_refresh).await.expect(401);
    hospital.get(&person.access, "/api/users/me/").await.expect(200);
}

#[tokio::test]
async fn what_was_begun_before_signing_out_is_finished_and_nothing_after() {
    let hospital = Hospital::open();
    let (_, person) = newcomer(&hospital, "RECEPTIONIST").await;
    let body = json!({"first_name": "Hema", "last_name": "Signed-out"}).to_string();
    let (rest, begun) = (body[10..].to_owned(), body[..10].to_owned());
    let (finish, finished) = oneshot::channel::<()>();
    let first = stream::iter([Ok::<_, std::io::Error>(begun)]);
    let last = stream::once(async move {
        finished.await.unwrap();
        Ok(rest)
    });
    let chunks = futures_util::StreamExt::chain(first, last);
    let request = hospital.request(Method::POST, "/api/patients/").bearer_auth(&person.access);
    let request = request.header("content-type", "application/json").body(Body::wrap_stream(chunks));
    let under_way = tokio::spawn(async move { request.send().await.unwrap().status().as_u16() });
    tokio::time::sleep(Duration::from_millis(300)).await; // it is with the service now

    hospital.post(&person.access, "/api/users/logout/", &json!({})).await.expect(204);
    tokio::time::sleep(A_SECOND).await;
    hospital.get(&person.access, "/api/patients/").await.expect(401);
    finish.send(()).unwrap();
    assert_eq!(under_way.await.unwrap(), 201, "let in while it was signed in");
    is_refused_everywhere(&hospital, &person.access).await;
}

#[tokio::test]
async fn a_refresh_token_used_twice_at_the_same_instant_ends_the_session() {
    let hospital = Hospital::open();
    let (_, person) = newcomer(&hospital, "RECEPTIONIST").await;
    let answers = join_all((0..8).map(|_| refresh(&hospital, &person.refresh))).await;
    let (given, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(given.len(), 1, "{answers:?}");
    assert!(refused.iter().all(|answer| answer.status == 401), "{answers:?}");

    let successor = given[0].body["refresh"].as_str().unwrap();
    refresh(&hospital, successor).await.expect(401);
    is_refused_everywhere(&hospital, given[0].body["access"].as_str().unwrap()).await;
    is_refused_everywhere(&hospital, &person.access).await;
}

#[tokio::test]
async fn a_refresh_sent_again_with_its_key_is_the_same_refresh() {
    let hospital = Hospital::open();
    let (_, person) = newcomer(&hospital, "RECEPTIONIST").await;
    let key = uuid::Uuid::new_v4().to_string();
    let once = || {
        let request = hospital.request(Method::POST, "/api/users/refresh-token/").header("idempotency-key", &key);
        hospital.send(request.json(&json!({"refresh": person.refresh})))
    };
    let answers = join_all((0..4).map(|_| once())).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body["refresh"]), (200, &answers[0].body["refresh"]), "{}", answer.body);
    }
    hospital.get(answers[0].body["access"].as_str().unwrap(), "/api/users/me/").await.expect(200);
}
