//! What must never be a 500, and never be stored.

use serde_json::{Value, json};

use crate::hospital::{Hospital, lakshmi};

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_body_gets_the_contracts_error_and_stores_nothing() {
    let hospital = Hospital::open().await;
    let token = hospital.receptionist();
    let post = |content_type: &'static str, body: Vec<u8>| {
        hospital.server.call(reqwest::Method::POST, "/api/patients/").token(&token).body(content_type, body).send()
    };
    for (status, content_type, body) in [
        (400, "application/json", b"".to_vec()),
        (400, "application/json", b"{".to_vec()),
        (400, "application/json", b"[]".to_vec()),
        (400, "application/json", b"null".to_vec()),
        (400, "application/json", b"\"x\"".to_vec()),
        (400, "application/json", b"{\"first_name\": \"\xff\xfe\"}".to_vec()),
        (400, "application/json", b"{\"first_name\": \"Ra\\u0000vi\"}".to_vec()),
        (400, "application/json", b"{\"first_name\": \"\\ud800\"}".to_vec()),
        (413, "application/json", format!("{{\"first_name\": \"{}\"}}", "a".repeat(10 * 1024 * 1024)).into_bytes()),
        (415, "text/plain", b"{}".to_vec()),
        (415, "application/x-www-form-urlencoded", b"first_name=Ravi".to_vec()),
    ] {
        let answer = post(content_type, body.clone()).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status.as_u16(), status, "{shown}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{shown}");
        for member in ["type", "title", "status", "detail", "instance", "trace_id"] {
            assert!(answer.body.get(member).is_some(), "{member}: {}", answer.text);
        }
    }
    assert_eq!(hospital.count("patients").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_refuses_what_is_no_value_of_it() {
    let hospital = Hospital::open().await;
    let token = hospital.receptionist();
    let bad = [
        json!("<script>alert(1)</script>"),
        json!("x'; DROP TABLE patients; --"),
        json!("a\u{0}b"),
        json!({"a": 1}),
        json!([1]),
        json!(1.5),
        json!("2341 2341 2346"),
        json!("x".repeat(5000)),
        json!(true),
        json!(-1),
        json!(9_223_372_036_854_775_808_u64),
        json!(234_123_412_346_i64),
    ];
    let fields: Vec<String> = lakshmi()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .chain(["date_of_birth_estimated".to_owned(), "is_active".to_owned()])
        .collect();
    let mut pointers: Vec<(String, String)> = fields.iter().map(|field| (format!("/{field}"), field.clone())).collect();
    for part in ["line1", "line2", "city", "district", "state", "pin_code", "country"] {
        pointers.push((format!("/address/{part}"), format!("address.{part}")));
    }
    for part in ["name", "relationship", "phone"] {
        pointers.push((format!("/emergency_contact/{part}"), format!("emergency_contact.{part}")));
    }
    for (pointer, field) in pointers {
        for value in &bad {
            let of_type = matches!(
                (field.as_str(), value),
                ("date_of_birth_estimated", Value::Bool(_)) | ("is_active", Value::Bool(_))
            );
            if of_type {
                continue;
            }
            let mut patient = lakshmi();
            patient["is_active"] = json!(true);
            patient["date_of_birth_estimated"] = json!(false);
            *patient.pointer_mut(&pointer).unwrap() = value.clone();
            let answer = hospital.server.post("/api/patients/", &token, &patient).await;
            let place = answer.faulty_fields().iter().any(|found| found.starts_with(field.as_str()));
            assert!(answer.status.as_u16() == 400 && place, "{field} = {value}: {}", answer.text);
            assert!(
                !answer.text.contains("script") && !answer.text.contains("2341"),
                "the value is not repeated: {}",
                answer.text
            );
        }
    }
    for field in ["user", "primary_doctor"] {
        let patient = json!({"first_name": "Ravi", field: 234_123_412_346_i64});
        let answer = hospital.server.post("/api/patients/", &token, &patient).await.expect(400);
        assert_eq!(answer.body["errors"][0]["code"], "aadhaar", "{field}");
    }
    for date in ["2023-02-29", "0001-01-01", "9999-12-31", "1874-12-31", "not a date", "1980-04-12T00:00:00Z"] {
        let answer = hospital
            .server
            .post("/api/patients/", &token, &json!({"first_name": "Ravi", "date_of_birth": date}))
            .await
            .expect(400);
        assert_eq!(answer.faulty_fields(), ["date_of_birth"], "{date}");
    }
    assert_eq!(hospital.count("patients").await, 0);
    assert_eq!(hospital.count("outbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tomorrow_in_the_hospital_is_in_the_future() {
    let hospital = Hospital::open().await;
    let today = chrono::Utc::now().with_timezone(&chrono_tz::Asia::Kolkata).date_naive();
    let born = |date: chrono::NaiveDate| json!({"first_name": "Baby of Lakshmi", "date_of_birth": date.to_string()});
    hospital.register(&born(today)).await;
    let tomorrow = born(today.succ_opt().unwrap());
    hospital.server.post("/api/patients/", &hospital.receptionist(), &tomorrow).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none() {
    let hospital = Hospital::open().await;
    for id in [
        "-1",
        "0",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999",
        "abc",
        "1.5",
        "%00",
        "1'--",
    ] {
        for path in [format!("/api/patients/{id}/"), format!("/api/patients/{id}/fhir/")] {
            let answer = hospital.server.get(&path, &hospital.admin()).await;
            assert_eq!(answer.status.as_u16(), 404, "{path}: {}", answer.text);
        }
    }
    let answer = hospital
        .server
        .call(reqwest::Method::PATCH, "/api/patients/")
        .token(&hospital.admin())
        .send()
        .await
        .expect(405);
    assert_eq!(answer.header("allow"), "GET, POST");
}
