//! The catalogue, and the lines that it fills.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, with};

const SERVICES: &str = "/api/billing/services/";

pub fn x_ray(code: &str) -> Value {
    json!({"code": code, "description": "Chest X-ray", "sac_hsn": "999317", "kind": "IMAGING", "price": "450.00"})
}

/// Puts a service into the catalogue: its id.
pub async fn offered(clinic: &Clinic, service: &Value) -> i64 {
    clinic.server.post(SERVICES, &clinic.accountant(), service).await.expect(201).body["id"].as_i64().unwrap()
}

fn day(ahead: i64) -> String {
    (billing::numbering::day_in_india(chrono::Utc::now()) + chrono::Duration::days(ahead)).to_string()
}

#[tokio::test]
async fn a_service_is_made_read_and_changed() {
    let clinic = Clinic::new().await;
    let made = clinic.server.post(SERVICES, &clinic.accountant(), &x_ray("XRAY-CHEST")).await.expect(201);
    let id = made.body["id"].as_i64().unwrap();
    let path = format!("{SERVICES}{id}/");
    assert_eq!((made.header("location"), made.header("etag")), (path.as_str(), "\"1\""));
    assert_eq!((&made.body["effective_from"], &made.body["effective_to"]), (&json!(day(0)), &Value::Null));
    let read = clinic.server.get(&path, &clinic.receptionist()).await.expect(200);
    assert_eq!(read.body, made.body);

    let patch = |tag: &str, body: Value| {
        clinic.server.call(Method::PATCH, &path).token(&clinic.admin()).header("If-Match", tag).json(&body).send()
    };
    let changed = patch("\"1\"", json!({"price": "500", "effective_to": day(30)})).await.expect(200);
    assert_eq!((&changed.body["price"], changed.header("etag")), (&json!("500.00"), "\"2\""));
    patch("\"1\"", json!({"price": "1.00"})).await.expect(412);
    let kept = patch("\"2\"", json!({"effective_from": null, "effective_to": null})).await.expect(200);
    assert_eq!((&kept.body["effective_from"], &kept.body["effective_to"]), (&json!(day(0)), &Value::Null));
    clinic.server.get(&format!("{SERVICES}999/"), &clinic.admin()).await.expect(404);
    clinic.server.patch(&format!("{SERVICES}999/"), &clinic.admin(), &json!({})).await.expect(404);
    clinic.server.post(SERVICES, &clinic.receptionist(), &x_ray("X")).await.expect(403);
    clinic.server.get(SERVICES, &clinic.token(Role::Patient)).await.expect(403);
}

#[tokio::test]
async fn wrong_services_are_named_and_nothing_is_stored() {
    let clinic = Clinic::new().await;
    for (more, field) in [
        (json!({"code": "x-ray"}), "code"),
        (json!({"code": ""}), "code"),
        (json!({"description": " "}), "description"),
        (json!({"description": "<b>x</b>"}), "description"),
        (json!({"sac_hsn": "99931"}), "sac_hsn"),
        (json!({"sac_hsn": "3004"}), "sac_hsn"),
        (json!({"kind": "PHARMACY"}), "sac_hsn"),
        (json!({"kind": "XRAY"}), "kind"),
        (json!({"price": 450}), "price"),
        (json!({"price": "1e3"}), "price"),
        (json!({"price": "NaN"}), "price"),
        (json!({"price": "1.005"}), "price"),
        (json!({"price": "-1"}), "price"),
        (json!({"price": "1000000000000.01"}), "price"),
        (json!({"circumstance": "RECONSTRUCTIVE"}), "circumstance"),
        (json!({"effective_from": "2026-02-30"}), "effective_from"),
        (json!({"effective_from": "2026-02-02", "effective_to": "2026-02-01"}), "effective_to"),
        (json!({"tax": "5"}), "tax"),
    ] {
        let refused = clinic.server.post(SERVICES, &clinic.admin(), &with(&x_ray("X"), more.clone())).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{more}");
    }
    let nothing = clinic.server.post(SERVICES, &clinic.admin(), &json!({})).await.expect(400);
    assert_eq!(nothing.faulty_fields().len(), 5, "every fault at once");
    assert_eq!(clinic.db.number("SELECT count(*) FROM services").await, 0);
}

#[tokio::test]
async fn a_code_has_one_price_a_day() {
    let clinic = Clinic::new().await;
    let old = offered(&clinic, &with(&x_ray("XRAY"), json!({"effective_from": day(-10)}))).await;
    let new = with(&x_ray("XRAY"), json!({"price": "500.00", "effective_from": day(1)}));
    let refused = clinic.server.post(SERVICES, &clinic.admin(), &new).await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:service-overlaps");
    let path = format!("{SERVICES}{old}/");
    clinic.server.patch(&path, &clinic.admin(), &json!({"effective_to": day(0)})).await.expect(200);
    let new = offered(&clinic, &new).await;
    clinic.server.patch(&path, &clinic.admin(), &json!({"effective_to": day(1)})).await.expect(409);

    let list = async |query: String| {
        let body = clinic.server.get(&format!("{SERVICES}{query}"), &clinic.receptionist()).await.expect(200).body;
        body["results"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(list(String::new()).await, [old, new]);
    assert_eq!(list(format!("?code=XRAY&date={}", day(0))).await, [old]);
    assert_eq!(list(format!("?date={}", day(2))).await, [new]);
    assert_eq!(list("?search=chest&kind=IMAGING".into()).await, [old, new]);
    assert_eq!(list("?search=%25".into()).await, Vec::<i64>::new(), "a percent sign is a percent sign");
    assert_eq!(list("?kind=LAB".into()).await, Vec::<i64>::new());
    let first = clinic.server.get(&format!("{SERVICES}?page_size=1"), &clinic.admin()).await.expect(200).body;
    let next = first["next"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap();
    let second = clinic.server.get(next, &clinic.admin()).await.expect(200).body;
    assert_eq!(second["results"][0]["id"], new);
    let previous = second["previous"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap();
    assert_eq!(clinic.server.get(previous, &clinic.admin()).await.expect(200).body["results"], first["results"]);
}

#[tokio::test]
async fn the_catalogue_fills_a_line_and_what_was_drafted_stays() {
    let clinic = Clinic::new().await;
    let service = offered(&clinic, &x_ray("XRAY")).await;
    let draft = json!({"patient": ASHA, "draft": true, "items": [{"service": service, "quantity": 2}]});
    let made = clinic.server.post("/api/billing/invoices/", &clinic.receptionist(), &draft).await.expect(201).body;
    let line = &made["items"][0];
    assert_eq!(
        [&line["service"], &line["description"], &line["sac_hsn"], &line["kind"], &line["unit_price"], &line["total"]],
        [
            &json!(service),
            &json!("Chest X-ray"),
            &json!("999317"),
            &json!("IMAGING"),
            &json!("450.00"),
            &json!("900.00")
        ]
    );
    assert_eq!(line["tax_reason"]["rule"], "HEALTH_CARE");
    clinic
        .server
        .patch(&format!("{SERVICES}{service}/"), &clinic.admin(), &json!({"price": "600.00", "effective_to": day(0)}))
        .await
        .expect(200);
    let path = format!("/api/billing/invoices/{}/", made["id"]);
    let due = clinic.server.patch(&path, &clinic.receptionist(), &json!({"due_date": day(9)})).await.expect(200);
    assert_eq!(due.body["total"], "900.00", "the line stands as it was drafted");
    let issued = clinic.server.post(&format!("{path}issue/"), &clinic.accountant(), &json!({})).await.expect(200);
    assert_eq!((&issued.body["total"], &issued.body["items"][0]["service"]), (&json!("900.00"), &json!(service)));

    let cheaper = json!({"patient": ASHA, "items": [{"service": service, "quantity": 1, "unit_price": "1.00"}]});
    let refused = clinic.bill(&cheaper).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["items.0.unit_price"]);
    let unknown = json!({"patient": ASHA, "items": [{"service": 999, "quantity": 1}, {"quantity": 1}]});
    assert_eq!(clinic.bill(&unknown).await.expect(400).faulty_fields().len(), 4, "what a line without service lacks");
    let unknown = json!({"patient": ASHA, "items": [{"service": 999, "quantity": 1}]});
    assert_eq!(clinic.bill(&unknown).await.expect(400).faulty_fields(), ["items.0.service"]);
}
