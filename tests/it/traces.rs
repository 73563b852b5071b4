//! One trace shows the way of a request, and of the event that it caused.

use std::time::Duration;

use journeys::Hospital;
use reqwest::Method;
use serde_json::{Value, json};

/// Spans of a trace, once they have come in: exporters send every few seconds.
async fn spans(hospital: &Hospital, trace: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut found = Vec::new();
    for _ in 0..120 {
        let text = tokio::fs::read_to_string(hospital.folder.join("traces.jsonl")).await.unwrap_or_default();
        found = text
            .lines()
            .filter(|line| line.contains(trace))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        if enough(&found) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    found
}

fn from(spans: &[Value], service: &str) -> bool {
    spans.iter().any(|span| span["service"] == service)
}

#[tokio::test]
async fn a_registration_is_followed_into_the_other_services_workers() {
    let hospital = Hospital::open();
    let desk = hospital.token("RECEPTIONIST").await;
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let body = json!({"first_name": "Kavya", "gender": "FEMALE", "date_of_birth": "2001-01-01", "phone": "9876501234"});
    let request = hospital.request(Method::POST, "/api/patients/").bearer_auth(&desk).json(&body);
    let request = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let answer = hospital.send(request).await.expect(201);
    assert!(answer.header("traceparent").contains(&trace));

    let everywhere = ["gateway", "patients", "patients-worker", "appointments-worker", "billing-worker"];
    let spans = spans(&hospital, &trace, |spans| everywhere.iter().all(|service| from(spans, service))).await;
    for service in everywhere {
        assert!(from(&spans, service), "no span of {service} in {spans:?}");
    }
    assert!(spans.iter().any(|span| span["name"] == "postgresql" && span["service"] == "patients"));
    let all = serde_json::to_string(&spans).unwrap();
    for private in ["Kavya", "9876501234", "2001-01-01", &desk] {
        assert!(!all.contains(private), "a span shows {private}");
    }
}

#[tokio::test]
async fn the_secret_in_the_address_of_a_feed_is_in_no_span() {
    let hospital = Hospital::open();
    let admin = hospital.token("ADMIN").await;
    let doctor = hospital.newcomer(&admin, "DOCTOR", "Feeds").await.id;
    let made = hospital.post(&admin, &format!("/api/appointments/doctor/{doctor}/feed/"), &json!({})).await.expect(201);
    let address = made.body["address"].as_str().unwrap();
    let path = &address[address.find("/api/").unwrap()..];
    let secret = path.split('/').nth(4).unwrap();
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let request = hospital.request(Method::GET, path).header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let answer = hospital.send(request).await.expect(200);
    assert!(answer.header("content-type").starts_with("text/calendar"));

    let both = ["gateway", "appointments"];
    let spans = spans(&hospital, &trace, |spans| both.iter().all(|service| from(spans, service))).await;
    let all = serde_json::to_string(&spans).unwrap();
    for service in both {
        assert!(from(&spans, service), "no span of {service} in {spans:?}");
    }
    assert!(all.contains("/api/appointments/feeds/{secret}/calendar.ics"), "the route is named");
    assert!(!all.contains(secret), "a span shows the secret");
}
