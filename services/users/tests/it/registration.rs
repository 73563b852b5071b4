use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{PASSWORD, Service, doctor, patient, with};

const REGISTER: &str = "/api/users/register/";

#[tokio::test]
async fn anyone_becomes_a_patient() {
    let service = Service::start().await;
    let answer = service.register(&patient("asha.rao")).await.expect(201);
    let id = answer.body["id"].as_i64().unwrap();
    assert_eq!(answer.header("location"), format!("/api/users/{id}/"));
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.body["role"], "PATIENT");
    assert_eq!(answer.body["phone"], "+919876543210");
    assert_eq!(answer.body["doctor"], Value::Null);
    assert!(!answer.text.contains("password") && !answer.text.contains("argon2"), "{}", answer.text);
    let hashed = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(service.db.number(hashed).await, 1);
    // without the slash it is the same call
    service.server.post("/api/users/register", "", &patient("other")).await.expect(201);
}

#[tokio::test]
async fn one_name_is_enough() {
    let service = Service::start().await;
    let body = with(patient("lakshmi"), &json!({"first_name": "लक्ष्मी", "last_name": "", "phone": null}));
    let answer = service.register(&body).await.expect(201);
    assert_eq!((&answer.body["first_name"], &answer.body["last_name"]), (&json!("लक्ष्मी"), &json!("")));
}

#[tokio::test]
async fn only_an_administrator_registers_staff() {
    let service = Service::start().await;
    let body = doctor("dr.rao", "Anil", "Rao", "Cardiology");
    let answer = service.register(&body).await.expect(401);
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"ehs\"");
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        service.server.post(REGISTER, &service.token(7, role), &body).await.expect(403);
    }
    service.server.post(REGISTER, "not.a.token", &patient("asha")).await.expect(401);
    assert_eq!(service.users().await, 0);

    let answer = service.server.post(REGISTER, &service.admin(), &body).await.expect(201);
    assert_eq!(answer.body["role"], "DOCTOR");
    assert_eq!(
        answer.body["doctor"],
        json!({"specialization": "Cardiology", "registration_number": "KMC-12345", "department": "Cardiology"})
    );
    for role in ["ADMIN", "NURSE", "RECEPTIONIST", "ACCOUNTANT", "AUDITOR", "PATIENT"] {
        let body = with(patient(&role.to_lowercase()), &json!({"role": role}));
        assert_eq!(service.server.post(REGISTER, &service.admin(), &body).await.expect(201).body["role"], role);
    }
}

#[tokio::test]
async fn names_of_another_are_taken_in_any_case() {
    let service = Service::start().await;
    service.patient("asha").await;
    let answer = service.register(&with(patient("ASHA"), &json!({"email": "Asha@Example.IN"}))).await.expect(409);
    assert_eq!(answer.faulty_fields(), ["username", "email"]);
    let answer = service.register(&with(patient("asha2"), &json!({"email": "ASHA@EXAMPLE.IN"}))).await.expect(409);
    assert_eq!(answer.faulty_fields(), ["email"]);
    assert_eq!(service.users().await, 1);
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_name() {
    let service = Service::start().await;
    let all = (0..20).map(|i| with(patient("asha"), &json!({"email": format!("a{i}@example.in")})));
    let bodies: Vec<Value> = all.collect();
    let mut statuses: Vec<u16> = Vec::new();
    for answer in join(bodies.iter().map(|body| service.register(body))).await {
        statuses.push(answer.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    assert_eq!(service.users().await, 1);
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let service = Service::start().await;
    let body = json!({"username": "a b", "email": "x", "password": "s3cr3t", "first_name": "", "last_name": 7,
                      "phone": "123", "role": "DOCTOR", "colour": "red"});
    let answer = service.server.post(REGISTER, &service.admin(), &body).await.expect(400);
    let mut fields = answer.faulty_fields();
    fields.sort_unstable();
    assert_eq!(fields, ["colour", "doctor", "email", "first_name", "last_name", "password", "phone", "username"]);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(!answer.text.contains("s3cr3t"), "{}", answer.text);
}

#[tokio::test]
async fn bad_bodies_are_refused_and_nothing_is_stored() {
    let service = Service::start().await;
    let good = patient("asha").to_string();
    let json_bodies: Vec<(Vec<u8>, u16)> = vec![
        (Vec::new(), 400),
        (b"{".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"null".to_vec(), 400),
        (b"\"x\"".to_vec(), 400),
        (b"{}".to_vec(), 400),
        ("[".repeat(100_000).into_bytes(), 400),
        (good.replace("Asha", "As\u{0}ha").into_bytes(), 400),
        (good.replace("Asha", "As\\u0000ha").into_bytes(), 400),
        (good.replace("asha\"", "asha\\u0000\"").into_bytes(), 400),
        (good.replace("correct", "\\u0000correct").into_bytes(), 400),
        (good.replace("Asha", "\\ud800").into_bytes(), 400),
        (good.bytes().map(|b| if b == b'R' { 0xff } else { b }).collect(), 400),
        (format!("{good}{good}").into_bytes(), 400),
        (good.replace("Asha", &"A".repeat(10_000_000)).into_bytes(), 413),
        (good.replace("Asha", &"A".repeat(101)).into_bytes(), 400),
    ];
    for (body, status) in json_bodies {
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = service.server.call(Method::POST, REGISTER).body("application/json", body).send().await;
        assert_eq!(answer.status.as_u16(), status, "{start}: {:.300}", answer.text);
    }
    let call = || service.server.call(Method::POST, REGISTER);
    call().body("text/plain", good.clone()).send().await.expect(415);
    call().body("application/x-www-form-urlencoded", "username=asha").send().await.expect(415);
    call().send().await.expect(415);
    assert_eq!(service.users().await, 0);
    assert_eq!(service.db.number("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn wrong_types_are_faults_of_their_fields() {
    let service = Service::start().await;
    for field in ["username", "email", "password", "first_name", "last_name", "phone", "role", "doctor", "department"] {
        for wrong in [json!(7), json!(true), json!(["x"]), json!(1.5)] {
            let body = with(patient("asha"), &json!({field: wrong}));
            let answer = service.server.post(REGISTER, &service.admin(), &body).await.expect(400);
            assert!(answer.faulty_fields().contains(&field), "{field} {wrong}: {}", answer.text);
        }
    }
    assert_eq!(service.users().await, 0);
}

#[tokio::test]
async fn markup_is_refused_and_sql_is_text() {
    let service = Service::start().await;
    let html = "<script>alert(1)</script>";
    let sql = "Robert'); DROP TABLE users; --";
    for field in ["username", "email", "first_name", "last_name", "phone"] {
        let answer = service.register(&with(patient("asha"), &json!({field: html}))).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field]);
        assert!(!answer.text.contains("<script>"), "{}", answer.text);
    }
    for field in ["username", "email", "phone"] {
        service.register(&with(patient("asha"), &json!({field: sql}))).await.expect(400);
    }
    for field in ["specialization", "registration_number", "department"] {
        let mut body = doctor("dr.rao", "Anil", "Rao", "Cardiology");
        body["doctor"][field] = html.into();
        let answer = service.server.post(REGISTER, &service.admin(), &body).await.expect(400);
        assert_eq!(answer.faulty_fields(), [format!("doctor.{field}")]);
    }
    assert_eq!(service.users().await, 0);
    let answer =
        service.register(&with(patient("bobby"), &json!({"first_name": sql, "last_name": sql}))).await.expect(201);
    assert_eq!(answer.body["first_name"], sql);
    assert_eq!(service.users().await, 1);
}

#[tokio::test]
async fn a_request_sent_again_is_answered_again() {
    let service = Service::start().await;
    let send =
        |body: Value| service.server.call(Method::POST, REGISTER).header("idempotency-key", "k-1").json(&body).send();
    let first = send(patient("asha")).await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = send(patient("asha")).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.text, again.headers["location"].clone()), (first.text, first.headers["location"].clone()));
    send(with(patient("asha"), &json!({"first_name": "Usha"}))).await.expect(409);
    let answer = send(with(patient("asha"), &json!({"password": "another horse battery"}))).await.expect(409);
    assert_eq!(answer.body["type"], "urn:ehs:problem:idempotency-key-reused");
    assert_eq!(service.users().await, 1);
    assert_eq!(service.db.number("SELECT count(*) FROM idempotency_keys").await, 1);
    let kept = format!("SELECT count(*) FROM idempotency_keys WHERE convert_from(body, 'UTF8') LIKE '%{PASSWORD}%'");
    assert_eq!(service.db.number(&kept).await, 0);
}

#[tokio::test]
async fn a_request_sent_many_times_at_once_is_done_once() {
    let service = Service::start().await;
    let send =
        || service.server.call(Method::POST, REGISTER).header("idempotency-key", "k-2").json(&patient("asha")).send();
    let answers = join((0..10).map(|_| send())).await;
    let first = answers[0].text.clone();
    for answer in answers {
        assert_eq!(answer.clone().expect(201).text, first);
    }
    assert_eq!(service.users().await, 1);
}

/// All of them at once.
pub async fn join<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut running {
            if done.is_none()
                && let std::task::Poll::Ready(value) = one.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if running.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}
