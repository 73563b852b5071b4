//! Whatever is sent, to every operation that takes a body or an id: the contract's error, and never a 500.

use journeys::{Answer, Hospital};
use reqwest::Method;
use serde_json::json;

fn with_id(path: &str, id: &str) -> String {
    let mut concrete = String::new();
    for part in path.split_inclusive('/') {
        concrete.push_str(if part.starts_with('{') { id } else { part });
        if part.starts_with('{') && part.ends_with('/') {
            concrete.push('/');
        }
    }
    concrete
}

fn is_contracts_error(answer: &Answer) -> bool {
    let problem = &answer.body;
    if answer.header("content-type") == "application/fhir+json" {
        let told = problem["issue"].as_array().is_some_and(|issues| !issues.is_empty());
        return (400..500).contains(&answer.status) && problem["resourceType"] == "OperationOutcome" && told;
    }
    (400..500).contains(&answer.status)
        && answer.header("content-type") == "application/problem+json"
        && problem["status"] == answer.status
        && problem["trace_id"].is_string()
        && problem["instance"].is_string()
        && (answer.status != 400 || problem["errors"].as_array().is_some_and(|errors| !errors.is_empty()))
}

#[tokio::test]
async fn bodies_that_are_wrong_are_refused_by_every_operation() {
    let hospital = Hospital::open();
    let token = hospital.token("ADMIN").await;
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", b"".to_vec()),
        ("half", b"{\"a\": ".to_vec()),
        ("array", b"[]".to_vec()),
        ("number", b"17".to_vec()),
        ("unknown field", json!({"misspelt": 1}).to_string().into_bytes()),
        ("invalid UTF-8", b"{\"first_name\": \"\xff\xfe\"}".to_vec()),
        ("NUL", b"{\"first_name\": \"a\\u0000b\", \"reason\": \"a\\u0000b\"}".to_vec()),
        ("deep", "[".repeat(50_000).into_bytes()),
        ("10 MB", vec![b' '; 10 * 1024 * 1024]),
    ];
    for (method, path) in hospital.operations().await {
        // Signing out takes no body, and would end the session that this test goes on with.
        let signs_out = path.ends_with("/logout/");
        if signs_out || ![Method::POST, Method::PUT, Method::PATCH].contains(&method) {
            continue;
        }
        for (what, body) in &bodies {
            let request = hospital.request(method.clone(), &with_id(&path, "1"));
            let request = request.bearer_auth(&token).header("content-type", "application/json").body(body.clone());
            let answer = hospital.send(request.header("idempotency-key", uuid::Uuid::new_v4().to_string())).await;
            let takes_no_body = ["/issue/", "/accept/", "/decline/"].iter().any(|end| path.ends_with(end));
            assert!(
                takes_no_body || is_contracts_error(&answer),
                "{what} to {method} {path}: {} {}",
                answer.status,
                answer.body
            );
            assert!(answer.status < 500, "{what} to {method} {path}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn ids_that_cannot_be_are_not_found() {
    let hospital = Hospital::open();
    let token = hospital.token("ADMIN").await;
    for (method, path) in hospital.operations().await {
        if method != Method::GET || !path.contains('{') {
            continue;
        }
        for id in ["0", "-1", "9223372036854775807", "9223372036854775808", "1e3", "%00", "%ff", "'%20OR%201=1--"] {
            let answer = hospital.get(&token, &with_id(&path, id)).await;
            let known = [400, 404].contains(&answer.status);
            assert!(known && is_contracts_error(&answer), "{id} to {path}: {} {}", answer.status, answer.body);
        }
    }
}

#[tokio::test]
async fn parameters_that_are_wrong_are_named() {
    let hospital = Hospital::open();
    let token = hospital.token("ADMIN").await;
    let lists = ["/api/patients/", "/api/appointments/", "/api/billing/invoices/", "/api/users/doctors/"];
    for list in lists {
        for query in [
            "page=0",
            "page=x",
            "page=-1",
            "page_size=0",
            "page_size=101",
            "misspelt=1",
            "cursor=x",
            "page=1&page=1",
            "page=%00",
        ] {
            let answer = hospital.get(&token, &format!("{list}?{query}")).await;
            assert!(
                answer.status == 400 && is_contracts_error(&answer),
                "{list}?{query}: {} {}",
                answer.status,
                answer.body
            );
        }
    }
    for query in [
        "start_date=2026-02-30&end_date=2026-03-01",
        "start_date=0001-01-01&end_date=0001-01-02",
        "start_date=2026-03-02&end_date=2026-03-01",
        "start_date=2026-01-01&end_date=2028-01-01",
        "",
    ] {
        let answer = hospital.get(&token, &format!("/api/appointments/date-range/?{query}")).await;
        assert!(answer.status == 400 && is_contracts_error(&answer), "{query}: {} {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn sql_and_html_in_every_text_field_of_a_patient_store_nothing() {
    let hospital = Hospital::open();
    let token = hospital.token("RECEPTIONIST").await;
    let surname: String = uuid::Uuid::new_v4().to_string().chars().filter(char::is_ascii_alphabetic).collect();
    let surname = format!("Attacked{surname}");
    for attack in ["Robert'); DROP TABLE patients;--", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>"] {
        for field in [
            "first_name",
            "last_name",
            "email",
            "phone",
            "blood_group",
            "abha_number",
            "abha_address",
            "preferred_language",
            "gender",
            "date_of_birth",
        ] {
            let mut body = json!({"first_name": "Ravi", "last_name": surname, "gender": "MALE", "date_of_birth": "1980-01-01", "phone": "9876543210"});
            body[field] = attack.into();
            let answer = hospital.post(&token, "/api/patients/", &body).await;
            assert!(
                answer.status == 400 && is_contracts_error(&answer),
                "{attack} in {field}: {} {}",
                answer.status,
                answer.body
            );
        }
        for field in ["line1", "line2", "city", "district", "state", "pin_code", "country"] {
            let body = json!({"first_name": "Ravi", "last_name": surname, "gender": "MALE", "date_of_birth": "1980-01-01", "address": {field: attack}});
            let answer = hospital.post(&token, "/api/patients/", &body).await;
            assert!(
                answer.status == 400 && is_contracts_error(&answer),
                "{attack} in address.{field}: {} {}",
                answer.status,
                answer.body
            );
        }
    }
    let stored = hospital.get(&token, &format!("/api/patients/?search={surname}")).await.expect(200).body;
    assert_eq!(stored["count"], 0, "{stored}");
}
