//! The medical history: entering, amending, taking out, reading.

use auth::Role;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{DOCTOR, Hospital, OTHER_DOCTOR, PATIENT, id, lakshmi};

pub const DIABETES: &str = "Type 2 diabetes mellitus";

pub fn diabetes() -> Value {
    json!({"kind": "CONDITION", "code": {"system": "SNOMED CT", "code": "44054006", "display": DIABETES},
        "effective_date": "2019-05", "severity": "MODERATE", "note": "diet first"})
}

fn eight() -> [(&'static str, Value); 8] {
    let in_words = |kind: &str, words: &str| json!({"kind": kind, "code": {"display": words}});
    let mut relative = in_words("FAMILY_HISTORY", "Breast cancer");
    relative["value"] = json!("Mother");
    [
        ("conditions", diabetes()),
        ("allergies", json!({"kind": "ALLERGY", "code": {"display": "Penicillin"}, "severity": "HIGH"})),
        (
            "medications",
            json!({"kind": "MEDICATION", "code": {"display": "Metformin"}, "value": "500", "unit": "mg", "status": "ACTIVE"}),
        ),
        (
            "observations",
            json!({"kind": "OBSERVATION", "code": {"system": "http://loinc.org", "code": "718-7", "display": "Haemoglobin"},
                "value": 9.6, "unit": "g/dL", "interpretation": "l", "reference_range": "12-15", "effective_date": "2026-11-20"}),
        ),
        ("procedures", in_words("PROCEDURE", "Appendicectomy")),
        ("immunizations", json!({"kind": "IMMUNIZATION", "code": {"system": "CVX", "code": "208"}})),
        ("family_history", relative),
        ("notes", json!({"kind": "NOTE", "note": "Speaks Tamil;\nBP <120/80"})),
    ]
}

fn path(patient: i64) -> String {
    format!("/api/patients/{patient}/medical-history/")
}

async fn lakshmi_of(hospital: &Hospital) -> i64 {
    id(&hospital.register(&lakshmi()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_stands_in_its_list() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let empty = hospital.server.get(&path(patient), &hospital.doctor()).await.expect(200);
    assert_eq!(empty.header("etag"), "\"0\"");
    let mut keys: Vec<_> = empty.body.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "allergies",
            "appointments",
            "conditions",
            "documents",
            "family_history",
            "immunizations",
            "medications",
            "more",
            "notes",
            "observations",
            "patient",
            "procedures"
        ]
    );
    for (list, entry) in eight() {
        let made = hospital.server.post(&path(patient), &hospital.doctor(), &entry).await.expect(201);
        let location = format!("{}{}/", path(patient), id(&made.body));
        assert_eq!((made.header("location"), made.header("etag")), (location.as_str(), "\"1\""));
        assert_eq!((&made.body["patient"], &made.body["kind"]), (&json!(patient), &entry["kind"]));
        assert_eq!(made.body["source"], json!({"via": "API", "user": DOCTOR, "message": null, "places": null}));
        let whole = hospital.server.get(&path(patient), &hospital.doctor()).await.expect(200).body;
        assert_eq!(whole[list], json!([made.body]), "{list}");
        let one = hospital.server.get(&location, &hospital.patient()).await.expect(200);
        assert_eq!((&one.body, one.header("etag")), (&made.body, "\"1\""));
    }
    let whole = hospital.server.get(&path(patient), &hospital.nurse()).await.expect(200).body;
    let condition = &whole["conditions"][0];
    assert_eq!(condition["code"], json!({"system": "http://snomed.info/sct", "code": "44054006", "display": DIABETES}));
    assert_eq!((&condition["status"], &condition["effective_date"]), (&json!("ACTIVE"), &json!("2019-05")));
    let haemoglobin = &whole["observations"][0];
    assert_eq!((&haemoglobin["value"], &haemoglobin["interpretation"]), (&json!("9.6"), &json!("L")));
    assert_eq!(whole["notes"][0]["code"], Value::Null);
    assert_eq!((&whole["documents"], &whole["more"]), (&json!([]), &json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_keeps_what_was() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let token = hospital.doctor();
    let first = hospital.server.post(&path(patient), &token, &diabetes()).await.expect(201).body;
    let entry = format!("{}{}/", path(patient), id(&first));
    let patch = json!({"severity": "SEVERE", "note": null, "code": {"display": "Diabetes"}, "kind": "CONDITION", "id": first["id"]});
    let second = hospital.server.patch(&entry, &hospital.nurse(), &patch).await.expect(200);
    assert_eq!(second.header("etag"), "\"2\"");
    assert_eq!((&second.body["note"], &second.body["severity"]), (&Value::Null, &json!("SEVERE")));
    assert_eq!(
        (&second.body["code"]["code"], &second.body["code"]["display"]),
        (&json!("44054006"), &json!("Diabetes"))
    );
    assert_eq!(second.body["source"]["user"], 4);
    // what changes nothing is no version
    assert_eq!(hospital.server.patch(&entry, &token, &second.body).await.expect(200).header("etag"), "\"2\"");

    let refused =
        hospital.server.patch(&entry, &token, &json!({"kind": "ALLERGY", "id": 7, "status": "x"})).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["id", "kind", "status"]);
    let stale = hospital.server.call(Method::PATCH, &entry).token(&token).header("if-match", "\"1\"");
    stale.json(&json!({"severity": "MILD"})).send().await.expect(412);

    let versions = hospital.server.get(&format!("{entry}versions/"), &hospital.patient()).await.expect(200).body;
    assert_eq!((&versions["count"], &versions["next"]), (&json!(2), &Value::Null));
    assert_eq!(versions["results"], json!([second.body, first]));
    let page = hospital.server.get(&format!("{entry}versions/?page_size=1"), &token).await.expect(200).body;
    let next = page["next"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
    let page = hospital.server.get(&next, &token).await.expect(200).body;
    assert_eq!((&page["results"], &page["next"]), (&json!([first]), &Value::Null));
    let back = page["previous"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
    assert_eq!(hospital.server.get(&back, &token).await.expect(200).body["results"], json!([second.body]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_amendments_at_once_one_is_told() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let token = hospital.doctor();
    let entry = id(&hospital.server.post(&path(patient), &token, &diabetes()).await.expect(201).body);
    let entry = format!("{}{entry}/", path(patient));
    let amend = |severity: &'static str| {
        let call = hospital.server.call(Method::PATCH, &entry).token(&token).header("if-match", "\"1\"");
        call.json(&json!({"severity": severity})).send()
    };
    let (one, other) = tokio::join!(amend("MILD"), amend("SEVERE"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(hospital.count("history_versions").await, 2);
    // without If-Match both are kept, one after the other
    let amend = |patch: Value| {
        let (hospital, entry, token) = (&hospital, &entry, &token);
        async move { hospital.server.patch(entry, token, &patch).await.expect(200) }
    };
    tokio::join!(amend(json!({"note": "insulin"})), amend(json!({"status": "REMISSION"})));
    let now = hospital.server.get(&entry, &token).await.expect(200);
    assert_eq!((&now.body["note"], &now.body["status"]), (&json!("insulin"), &json!("REMISSION")));
    assert_eq!(now.header("etag"), "\"4\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_in_error_is_kept_and_shown_on_request() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let token = hospital.doctor();
    let entry = id(&hospital.server.post(&path(patient), &token, &diabetes()).await.expect(201).body);
    let entry = format!("{}{entry}/", path(patient));
    let in_error = json!({"status": "ENTERED_IN_ERROR", "note": "another patient's"});
    let out = hospital.server.patch(&entry, &token, &in_error).await.expect(200);
    let conditions = |query: &'static str| {
        let (hospital, path, token) = (&hospital, format!("{}{query}", path(patient)), &token);
        async move { hospital.server.get(&path, token).await.expect(200).body["conditions"].clone() }
    };
    assert_eq!(conditions("").await, json!([]));
    assert_eq!(conditions("?include_entered_in_error=false").await, json!([]));
    assert_eq!(conditions("?include_entered_in_error=true").await, json!([out.body]));
    hospital.server.get(&entry, &token).await.expect(200);
    let again = hospital.server.patch(&entry, &token, &json!({"status": "ACTIVE"})).await.expect(409);
    assert_eq!(again.body["type"], "urn:ehs:problem:entered-in-error");
    hospital.server.patch(&entry, &token, &in_error).await.expect(200);
    let mut new = diabetes();
    new["status"] = json!("ENTERED_IN_ERROR");
    assert_eq!(hospital.server.post(&path(patient), &token, &new).await.expect(400).faulty_fields(), ["status"]);
    assert_eq!(hospital.count("history_versions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_to_those_who_care_and_to_the_patient() {
    let hospital = Hospital::open().await;
    let (own, other) = (lakshmi_of(&hospital).await, hospital.register_named("Ravi", "Raman").await);
    let entry = id(&hospital.server.post(&path(own), &hospital.admin(), &diabetes()).await.expect(201).body);
    let others = id(&hospital.server.post(&path(other), &hospital.admin(), &diabetes()).await.expect(201).body);
    let other_doctor = hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor);
    let reads = |token: String, status: u16| {
        let server = &hospital.server;
        async move {
            for end in [String::new(), format!("{entry}/"), format!("{entry}/versions/")] {
                server.get(&format!("{}{end}", path(own)), &token).await.expect(status);
            }
        }
    };
    for token in [hospital.admin(), hospital.doctor(), hospital.nurse(), hospital.patient()] {
        reads(token, 200).await;
    }
    for token in [other_doctor.clone(), hospital.tokens.mint(PATIENT + 1, Role::Patient)] {
        reads(token, 404).await;
    }
    for role in [Role::Receptionist, Role::Accountant, Role::Auditor] {
        reads(hospital.tokens.mint(4242, role), 403).await;
    }
    for (token, status) in [
        (hospital.patient(), 403),
        (hospital.receptionist(), 403),
        (other_doctor.clone(), 404),
        (hospital.nurse(), 201),
        (hospital.admin(), 201),
    ] {
        hospital.server.post(&path(own), &token, &diabetes()).await.expect(status);
        let (entry, note) = (format!("{}{entry}/", path(own)), json!({"note": status.to_string()}));
        let amended = hospital.server.patch(&entry, &token, &note).await;
        amended.expect(if status == 201 { 200 } else { status });
    }
    // another patient's entry is not reached through one's own
    for token in [hospital.doctor(), hospital.patient(), hospital.admin()] {
        hospital.server.get(&format!("{}{others}/", path(own)), &token).await.expect(404);
        hospital.server.get(&format!("{}{others}/versions/", path(own)), &token).await.expect(404);
    }
    hospital
        .server
        .patch(&format!("{}{others}/", path(own)), &hospital.doctor(), &json!({"note": "x"}))
        .await
        .expect(404);
    // care that ends takes the copy along
    let detach = json!({"primary_doctor": OTHER_DOCTOR});
    hospital.server.patch(&format!("/api/patients/{own}/"), &hospital.receptionist(), &detach).await.expect(200);
    reads(hospital.doctor(), 404).await;
    reads(other_doctor, 200).await;
    let glass = hospital.server.call(Method::GET, &path(own)).token(&hospital.doctor());
    glass.header("x-break-glass", "unconscious in casualty").send().await.expect(200);
    reads(hospital.doctor(), 200).await;
    let written = hospital.server.post(&path(own), &hospital.doctor(), &diabetes()).await;
    written.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_entry_gets_every_fault_and_stores_nothing() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let token = hospital.doctor();
    let bad = json!({"kind": "ALLERGY", "code": {"system": "SNOMED CT", "code": "44054007", "display": "<b>x</b>"}, "status": "FINAL",
        "effective_date": "2026-02-30", "value": "1", "unit": "mg", "severity": "BAD", "note": "Aadhaar 2341-2341-2346"});
    let answer = hospital.server.post(&path(patient), &token, &bad).await.expect(400);
    let mut fields = answer.faulty_fields();
    fields.sort_unstable();
    assert_eq!(fields, ["code.code", "code.display", "effective_date", "note", "severity", "status", "unit", "value"]);
    assert!(!answer.text.contains("2341") && !answer.text.contains("44054007"), "{}", answer.text);
    for (entry, fields) in [
        (json!({}), vec!["kind"]),
        (json!([]), vec![""]),
        (json!({"kind": "DISEASE"}), vec!["kind"]),
        (json!({"kind": 1, "colour": "red", "note": {}}), vec!["colour", "kind", "note"]),
        (json!({"kind": "NOTE", "note": "x", "id": 7}), vec!["id"]),
        (json!({"kind": "NOTE", "note": "a\u{0}b"}), vec!["note"]),
        (json!({"kind": "NOTE", "note": "x".repeat(4001)}), vec!["note"]),
        (json!({"kind": "NOTE", "note": "<script>alert(1)</script>"}), vec!["note"]),
        (json!({"kind": "CONDITION", "code": {"code": "E11.9"}}), vec!["code.system"]),
        (json!({"kind": "CONDITION", "code": {"system": "ICD-10"}}), vec!["code.code"]),
        (
            json!({"kind": "CONDITION", "code": {"system": "ICD-10", "code": "E11.9", "version": "x"}}),
            vec!["code.version"],
        ),
        (json!({"kind": "OBSERVATION", "code": {"display": "x"}, "unit": "mg"}), vec!["unit"]),
    ] {
        let answer = hospital.server.post(&path(patient), &token, &entry).await.expect(400);
        let mut faulty = answer.faulty_fields();
        faulty.sort_unstable();
        assert_eq!(faulty, fields, "{entry}");
    }
    for (status, media, body) in [
        (400, "application/json", "{".to_owned()),
        (415, "text/plain", "{}".to_owned()),
        (413, "application/json", format!("{{\"note\": \"{}\"}}", "x".repeat(300_000))),
    ] {
        hospital.server.call(Method::POST, &path(patient)).token(&token).body(media, body).send().await.expect(status);
    }
    for query in [
        "?colour=red",
        "?include_entered_in_error=1",
        "?kind=NOTE",
        "?before=1",
        "?kind=note&before=1",
        "?kind=NOTE&before=0",
    ] {
        hospital.server.get(&format!("{}{query}", path(patient)), &token).await.expect(400);
    }
    hospital.server.get(&format!("{}?kind=NOTE&before=4242", path(patient)), &token).await.expect(404);
    for nowhere in ["0", "-1", "9223372036854775808", "abc", "%00"] {
        hospital.server.get(&format!("{}{nowhere}/", path(patient)), &token).await.expect(404);
        hospital.server.get(&format!("/api/patients/{nowhere}/medical-history/"), &hospital.admin()).await.expect(404);
    }
    hospital.server.post(&path(4242), &hospital.admin(), &diabetes()).await.expect(404);
    assert_eq!(hospital.count("history_entries").await, 0);
    assert_eq!(hospital.count("history_heads").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_enters_once() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let send = |entry: Value| {
        let call = hospital.server.call(Method::POST, &path(patient)).token(&hospital.doctor());
        call.header("idempotency-key", "k-1").json(&entry).send()
    };
    let (one, other) = tokio::join!(send(diabetes()), send(diabetes()));
    assert_eq!(one.expect(201).body, other.expect(201).body);
    assert_eq!(send(diabetes()).await.expect(201).header("idempotent-replayed"), "true");
    send(json!({"kind": "NOTE", "note": "x"})).await.expect(409);
    assert_eq!(hospital.count("history_entries").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_go_on_elsewhere() {
    let hospital = Hospital::open().await;
    let patient = lakshmi_of(&hospital).await;
    let many = format!(
        "INSERT INTO history_entries (patient, kind, display, status, effective_date, sort_date, source, author) \
         SELECT {patient}, 'OBSERVATION', 'Weight ' || n, CASE WHEN n % 100 = 0 THEN 'ENTERED_IN_ERROR' ELSE 'FINAL' END, \
         CASE WHEN n % 2 = 0 THEN '2026-01-' || lpad((n % 28 + 1)::text, 2, '0') END, '2026-01-' || lpad((n % 28 + 1)::text, 2, '0'), \
         'API', 2 FROM generate_series(1, 1210) AS n"
    );
    hospital.db.sql(&many).await;
    for (query, all) in [("", 1198), ("?include_entered_in_error=true", 1210)] {
        let (mut next, mut seen, mut reads) = (format!("{}{query}", path(patient)), Vec::new(), 0);
        loop {
            let body = hospital.server.get(&next, &hospital.doctor()).await.expect(200).body;
            seen.extend(body["observations"].as_array().unwrap().iter().map(id));
            reads += 1;
            match body["more"]["observations"].as_str() {
                Some(more) => more.clone_into(&mut next),
                None => break,
            }
        }
        assert_eq!((seen.len(), reads), (all, 3), "{query}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "each once");
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    line: String,
}

/// Each query of a read is answered from an index that brings its rows in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_scans_nothing() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name) SELECT 'Ravi' FROM generate_series(1, 300); \
             INSERT INTO history_entries (patient, kind, display, status, sort_date, source, author) \
             SELECT CASE WHEN n % 4 = 0 THEN 7 ELSE n % 300 + 1 END, CASE WHEN n % 8 < 4 THEN 'OBSERVATION' ELSE 'CONDITION' END, 'x', 'FINAL', '2026', 'API', 2 \
             FROM generate_series(1, 20000) AS n; \
             INSERT INTO care_appointments (id, patient, doctor, starts_at, status, version) \
             SELECT n, CASE WHEN n % 2 = 0 THEN 7 ELSE n % 300 + 1 END, 2, now() - n * interval '1 hour', 'SCHEDULED', 1 FROM generate_series(1, 9000) AS n; \
             ANALYZE history_entries, history_heads, care_appointments, patients",
        )
        .await;
    let mut conn = hospital.db.connect().await;
    for (sql, index) in [
        (
            "SELECT * FROM history_entries WHERE patient = 7 AND kind = 'OBSERVATION' AND status <> 'ENTERED_IN_ERROR' \
             ORDER BY sort_date DESC, id DESC LIMIT 501",
            "history_entries_by_patient",
        ),
        (
            "SELECT * FROM history_entries WHERE patient = 7 AND kind = 'OBSERVATION' AND (sort_date, id) < ('2026', 9000) \
             ORDER BY sort_date DESC, id DESC LIMIT 501",
            "history_entries_by_patient",
        ),
        (
            "SELECT * FROM care_appointments WHERE patient = 7 ORDER BY starts_at DESC, id DESC LIMIT 501",
            "care_appointments_newest",
        ),
        (
            "SELECT (SELECT coalesce(max(head.version), 0) FROM history_heads AS head WHERE head.patient = patients.id) \
             FROM patients WHERE id = 7",
            "history_heads_pkey",
        ),
        (
            "SELECT content FROM history_versions WHERE entry = 7 ORDER BY version DESC LIMIT 21",
            "history_versions_pkey",
        ),
    ] {
        let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN {sql}")).load(&mut conn).await.unwrap();
        let plan = lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan") && !plan.contains("Sort"), "{sql}:\n{plan}");
    }
}
