use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::Service;

const DOCTORS: &str = "/api/users/doctors/";

fn names(page: &Value) -> Vec<String> {
    let results = page["results"].as_array().unwrap();
    results
        .iter()
        .map(|doctor| format!("{} {}", doctor["first_name"].as_str().unwrap(), doctor["last_name"].as_str().unwrap()))
        .collect()
}

/// Path and query of a link.
fn path(link: &Value) -> String {
    let link: reqwest::Url = link.as_str().unwrap().parse().unwrap();
    format!("{}?{}", link.path(), link.query().unwrap())
}

/// Doctors written straight away, without a hash each.
async fn many(service: &Service, count: u32) {
    service
        .db
        .sql(&format!(
            "INSERT INTO users (username, email, password_hash, role, first_name, last_name, department, specialization, registration_number)
             SELECT 'd' || i, 'd' || i || '@example.in', '$argon2id$x', 'DOCTOR', 'F' || i % 3, 'L' || i % 7, 'Heart', 'Cardiology', 'R' || i
             FROM generate_series(1, {count}) i"
        ))
        .await;
}

#[tokio::test]
async fn any_role_sees_doctors_and_only_what_all_may_see() {
    let service = Service::start().await;
    let id = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    service.patient("asha").await;
    for role in Role::ALL {
        let answer = service.server.get(DOCTORS, &service.token(7, role)).await.expect(200);
        let doctor = json!({"id": id, "first_name": "Anil", "last_name": "Rao", "specialization": "Cardiology",
                            "department": "Cardiology", "is_active": true});
        assert_eq!(answer.body, json!({"count": 1, "next": null, "previous": null, "results": [doctor]}));
    }
}

#[tokio::test]
async fn pages_go_there_and_back() {
    let service = Service::start().await;
    many(&service, 25).await;
    let token = service.token(7, Role::Patient);
    let mut order: Vec<String> = Vec::new();
    let mut page = service.server.get(&format!("{DOCTORS}?page_size=10"), &token).await.expect(200).body;
    assert_eq!((&page["count"], &page["previous"]), (&json!(25), &Value::Null));
    let mut first_pages = vec![page["results"].clone()];
    loop {
        order.extend(names(&page));
        if page["next"].is_null() {
            break;
        }
        page = service.server.get(&path(&page["next"]), &token).await.expect(200).body;
        first_pages.push(page["results"].clone());
    }
    assert_eq!(order.len(), 25);
    let mut sorted = order.clone();
    sorted.sort_by_key(|name| name.split_once(' ').map(|(first, last)| (last.to_owned(), first.to_owned())));
    assert_eq!(order, sorted);
    for expected in first_pages.iter().rev().skip(1) {
        page = service.server.get(&path(&page["previous"]), &token).await.expect(200).body;
        assert_eq!(&page["results"], expected);
    }
    assert_eq!(page["previous"], Value::Null);

    let third = service.server.get(&format!("{DOCTORS}?page=3&page_size=10"), &token).await.expect(200).body;
    assert_eq!(names(&third), order[20..]);
    let reversed =
        service.server.get(&format!("{DOCTORS}?ordering=-last_name&page_size=100"), &token).await.expect(200).body;
    assert_eq!(names(&reversed), order.iter().rev().cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_and_search() {
    let service = Service::start().await;
    service.doctor("d1", "Anil", "Rao", "Cardiology").await;
    service.doctor("d2", "Lakshmi", "", "Neurology").await;
    service.doctor("d3", "Percy", "O'100%", "Cardiology").await;
    let gone = service.doctor("d4", "Gone", "Away", "Cardiology").await;
    service.db.sql(&format!("UPDATE users SET is_active = false WHERE id = {gone}")).await;
    let token = service.token(7, Role::Nurse);
    for (query, found) in [
        ("", vec!["Lakshmi ", "Percy O'100%", "Anil Rao"]),
        ("search=rao+ANIL", vec!["Anil Rao"]),
        ("search=cardio", vec!["Percy O'100%", "Anil Rao"]),
        ("search=100%25", vec!["Percy O'100%"]),
        ("search=%25", vec!["Percy O'100%"]),
        ("search=_", vec![]),
        ("search=%27%3B+DROP+TABLE+users%3B--", vec![]),
        ("search=%3Cscript%3E", vec![]),
        ("specialization=neurology", vec!["Lakshmi "]),
        ("specialization=neuro", vec![]),
        ("department=CARDIOLOGY&search=anil", vec!["Anil Rao"]),
    ] {
        let answer = service.server.get(&format!("{DOCTORS}?{query}"), &token).await.expect(200);
        assert_eq!(names(&answer.body), found, "{query}");
        assert_eq!(answer.body["count"], json!(found.len()), "{query}");
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let service = Service::start().await;
    many(&service, 3).await;
    let token = service.token(7, Role::Doctor);
    for (query, field) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("ordering=password_hash", "ordering"),
        ("serach=rao", "serach"),
        ("cursor=rubbish", "cursor"),
        ("page=1&page=2", "page"),
        ("search=a%00b", "search"),
        ("search=1+2+3+4+5+6+7+8+9", "search"),
    ] {
        let answer = service.server.get(&format!("{DOCTORS}?{query}"), &token).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field], "{query}");
    }
    service.server.get(&format!("{DOCTORS}?search=%ff"), &token).await.expect(400);
    let page = service.server.get(&format!("{DOCTORS}?page_size=1"), &token).await.expect(200).body;
    let both = format!("{}&search=x", path(&page["next"]));
    assert_eq!(service.server.get(&both, &token).await.expect(400).faulty_fields(), ["cursor"]);
    // a cursor of another list does not fit
    let cursor = path(&page["next"]).replace("/doctors/", "/");
    service.server.get(&cursor, &service.admin()).await.expect(400);
}

#[tokio::test]
async fn one_doctor_by_id() {
    let service = Service::start().await;
    let id = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    let patient = service.patient("asha").await;
    let token = service.token(7, Role::Patient);
    let read = |id: String| {
        let token = token.clone();
        let server = &service.server;
        async move { server.get(&format!("{DOCTORS}{id}/"), &token).await }
    };
    let answer = read(id.to_string()).await.expect(200);
    assert_eq!((answer.header("etag"), &answer.body["specialization"]), ("\"1\"", &json!("Cardiology")));
    let call =
        service.server.call(Method::GET, &format!("{DOCTORS}{id}/")).token(&token).header("if-none-match", "\"1\"");
    call.send().await.expect(304);
    service.db.sql(&format!("UPDATE users SET is_active = false, version = version + 1 WHERE id = {id}")).await;
    let answer = read(id.to_string()).await.expect(200);
    assert_eq!((answer.header("etag"), &answer.body["is_active"]), ("\"2\"", &json!(false)));
    let nobody = [
        patient.to_string(),
        "0".into(),
        "-1".into(),
        i64::MAX.to_string(),
        "9223372036854775808".into(),
        "x".into(),
        "1'".into(),
    ];
    for id in nobody {
        read(id).await.expect(404);
    }
}
