//! Searching patients as FHIR clients do.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::fhir::{is_outcome, link};
use crate::hospital::{DOCTOR, Hospital, OTHER_DOCTOR, id, lakshmi};

const FORM: &str = "application/x-www-form-urlencoded";

/// The ids that a query finds, the newest first.
async fn found(hospital: &Hospital, query: &str) -> Vec<i64> {
    let answer = hospital.server.get(&format!("/fhir/Patient?{query}"), &hospital.receptionist()).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    ids(&answer.body)
}

fn ids(bundle: &Value) -> Vec<i64> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| entry["resource"]["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_parameter_finds_whom_it_should() {
    let hospital = Hospital::open().await;
    let lakshmi = id(&hospital.register(&lakshmi()).await);
    let jose = json!({"first_name": "José Maria", "last_name": "D'Souza-Pinto", "phone": "+44 20 7946 0958", "gender": "MALE",
        "date_of_birth": "1950-01-01", "date_of_birth_estimated": true});
    let jose = id(&hospital.register(&jose).await);
    let meena =
        id(&hospital.register(&json!({"first_name": "R. Meena", "email": "lak@example.in", "gender": "OTHER"})).await);
    let (all, nobody) = (vec![meena, jose, lakshmi], Vec::new());
    for (query, expected) in [
        ("", all.clone()),
        ("name=LAKSH", vec![lakshmi]),
        ("name=raman lak", vec![lakshmi]),
        ("name=aksh", nobody.clone()),
        ("name=lak@example.in", nobody.clone()),
        ("name:contains=aksh", vec![lakshmi]),
        ("name=jos%C3%A9", vec![jose]),
        ("name=jose", vec![jose]),
        ("name=mari", vec![jose]),
        ("name=r", vec![meena, lakshmi]),
        ("name=meena,jose", vec![meena, jose]),
        ("name=lak&name=ram", vec![lakshmi]),
        ("name=lak&name=jose", nobody.clone()),
        ("name=%E0%A4%B2", nobody.clone()),
        ("name=%25a", nobody.clone()),
        ("family=raman", vec![lakshmi]),
        ("family=lakshmi", nobody.clone()),
        ("family=dsouza", vec![jose]),
        ("family=d'souza", vec![jose]),
        ("family:exact=Raman", vec![lakshmi]),
        ("family:exact=raman", nobody.clone()),
        ("family:exact=Rama", nobody.clone()),
        ("given=lakshmi", vec![lakshmi]),
        ("given=raman", nobody.clone()),
        ("given:exact=Maria", vec![jose]),
        ("given:exact=maria", nobody.clone()),
        ("identifier=P00001", vec![lakshmi]),
        ("identifier=p00002,P00003", vec![meena, jose]),
        ("identifier=urn:ehs:patient-id|P00001", vec![lakshmi]),
        ("identifier=urn:other|P00001", nobody.clone()),
        ("identifier=|P00001", nobody.clone()),
        ("identifier=|91123456789012", nobody.clone()),
        ("identifier=|P00001,P00002", vec![jose]),
        ("gender=|male", vec![jose]),
        ("identifier=91-1234-5678-9012", vec![lakshmi]),
        ("identifier=https://healthid.ndhm.gov.in|91123456789012", vec![lakshmi]),
        ("identifier=https://healthid.ndhm.gov.in|Lakshmi.R@abdm", vec![lakshmi]),
        ("identifier=' OR 1=1", nobody.clone()),
        ("phone=98765 43210", vec![lakshmi]),
        ("phone=+919876543210", vec![lakshmi]),
        ("phone=%2B44%2020%207946%200958", vec![jose]),
        ("phone=442079460958", vec![jose]),
        ("phone=phone|09876543210", vec![lakshmi]),
        ("email=LAK@example.in", vec![meena]),
        ("email=lak", nobody.clone()),
        ("birthdate=1980-04-12", vec![lakshmi]),
        ("birthdate=1980", vec![lakshmi]),
        ("birthdate=1950", vec![jose]),
        ("birthdate=1950-01-01", nobody.clone()),
        ("birthdate=ne1980", vec![jose]),
        ("birthdate=gt1950-06-01", vec![jose, lakshmi]),
        ("birthdate=lt1980-04-12", vec![jose]),
        ("birthdate=ge1950&birthdate=le1980", vec![jose, lakshmi]),
        ("birthdate=gt1980-04-12", nobody.clone()),
        ("birthdate=le1949,ge1980", vec![lakshmi]),
        ("gender=female", vec![lakshmi]),
        ("gender=male,other", vec![meena, jose]),
        ("gender=http://hl7.org/fhir/administrative-gender|unknown", nobody.clone()),
        ("_lastUpdated=lt2020", nobody.clone()),
        ("_lastUpdated=ge2020", vec![lakshmi, jose, meena]),
        ("_format=json", all.clone()),
        ("name=lak&gender=female&birthdate=ge1970", vec![lakshmi]),
        ("name=lak&gender=male", nobody.clone()),
    ] {
        assert_eq!(found(&hospital, query).await, expected, "{query}");
    }
    assert_eq!(found(&hospital, &format!("_id={lakshmi},{meena},x,4242")).await, [meena, lakshmi]);
    assert_eq!(found(&hospital, "_id=x").await, nobody);
    let bundle = hospital.server.get("/fhir/Patient?name=lak", &hospital.receptionist()).await.expect(200).body;
    assert_eq!(fhir::check::breaches(&bundle).len(), 0);
    assert_eq!((&bundle["total"], &bundle["type"]), (&json!(1), &json!("searchset")));
    assert_eq!(bundle["entry"][0]["fullUrl"], format!("{}/fhir/Patient/{lakshmi}", hospital.server.url));
    let counted = hospital.server.get("/fhir/Patient?_count=0", &hospital.receptionist()).await.expect(200).body;
    assert_eq!((&counted["total"], counted.get("entry")), (&json!(3), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_by_form_is_the_same_search() {
    let hospital = Hospital::open().await;
    let patient = id(&hospital.register(&lakshmi()).await);
    let post = |body: &str| {
        hospital.server.call(Method::POST, "/fhir/Patient/_search").token(&hospital.receptionist()).body(FORM, body)
    };
    let answer = post("name=lakshmi&birthdate=1980-04-12").send().await.expect(200);
    assert_eq!(ids(&answer.body), [patient]);
    is_outcome(&post("nme=x").send().await, 400);
    is_outcome(&hospital.server.post("/fhir/Patient/_search/", &hospital.admin(), &json!({})).await, 415);
    let bytes =
        hospital.server.call(Method::POST, "/fhir/Patient/_search").token(&hospital.admin()).body(FORM, vec![0xff]);
    is_outcome(&bytes.send().await, 400);
    let large = format!("name={}", "x".repeat(300_000));
    is_outcome(&post(&large).send().await, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_on_and_their_links_show_nothing() {
    let hospital = Hospital::open().await;
    for number in 0..7 {
        hospital
            .register(&json!({"first_name": format!("Lakshmi{}", char::from(b'a' + number)), "last_name": "Raman"}))
            .await;
    }
    for (query, order) in [
        ("name=lakshmi&_count=3", vec![7, 6, 5, 4, 3, 2, 1]),
        ("_lastUpdated=ge2020&_count=2", vec![1, 2, 3, 4, 5, 6, 7]),
    ] {
        let mut all = Vec::new();
        let mut next = Some(format!("/fhir/Patient?{query}"));
        while let Some(path) = next {
            let bundle = hospital.server.get(&path, &hospital.receptionist()).await.expect(200).body;
            for relation in ["self", "next"] {
                let url = link(&bundle, relation).unwrap_or_default();
                assert!(!url.to_lowercase().contains("lakshmi"), "{url}");
            }
            let this = link(&bundle, "self").unwrap()[hospital.server.url.len()..].to_owned();
            let again = hospital.server.get(&this, &hospital.receptionist()).await.expect(200).body;
            assert_eq!(again["entry"], bundle["entry"]);
            assert_eq!(bundle["total"], 7);
            all.extend(ids(&bundle));
            next = link(&bundle, "next").map(|url| url[hospital.server.url.len()..].to_owned());
        }
        assert_eq!(all, order, "{query}");
    }
    is_outcome(&hospital.server.get("/fhir/Patient?_cursor=x", &hospital.receptionist()).await, 400);
    let list = hospital.server.get("/api/patients/?page_size=1", &hospital.receptionist()).await.expect(200).body;
    let cursor = list["next"].as_str().unwrap().rsplit_once('=').unwrap().1.to_owned();
    is_outcome(&hospital.server.get(&format!("/fhir/Patient?_cursor={cursor}"), &hospital.receptionist()).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_shows_whom_the_caller_may_see() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    let other = json!({"first_name": "Lakshmi", "last_name": "Menon", "primary_doctor": OTHER_DOCTOR});
    let other = id(&hospital.register(&other).await);
    for (token, expected) in [
        (hospital.admin(), vec![other, own]),
        (hospital.receptionist(), vec![other, own]),
        (hospital.doctor(), vec![own]),
        (hospital.nurse(), vec![own]),
        (hospital.patient(), vec![own]),
        (hospital.tokens.mint(4242, Role::Doctor), vec![]),
    ] {
        let bundle = hospital.server.get("/fhir/Patient?name=lakshmi", &token).await.expect(200).body;
        assert_eq!((ids(&bundle), bundle["total"].as_u64().unwrap()), (expected.clone(), expected.len() as u64));
    }
    for token in [hospital.accountant(), hospital.tokens.mint(7, Role::Auditor)] {
        is_outcome(&hospital.server.get("/fhir/Patient?name=lakshmi", &token).await, 403);
    }
    is_outcome(&hospital.server.get("/fhir/Patient?name=lakshmi", "").await, 401);
    let shown =
        format!("audit_log WHERE action = 'FhirPatientRead' AND actor = {DOCTOR} AND patients = ARRAY[{own}::bigint]");
    assert_eq!(hospital.count(&shown).await, 1);
    assert_eq!(hospital.count("audit_log WHERE object LIKE '%akshmi%'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_care_one_searches_for_somebody_with_a_reason() {
    let hospital = Hospital::open().await;
    let other =
        json!({"first_name": "Lakshmi", "last_name": "Menon", "phone": "9840012345", "primary_doctor": OTHER_DOCTOR});
    let other = id(&hospital.register(&other).await);
    let search = |query: &str| {
        let call = hospital.server.call(Method::GET, &format!("/fhir/Patient?{query}")).token(&hospital.doctor());
        call.header("x-break-glass", "unconscious in casualty").send()
    };
    for query in ["", "name=la", "gender=female", "birthdate=1980", "_lastUpdated=ge2020"] {
        is_outcome(&search(query).await, 400);
    }
    assert_eq!(hospital.count("break_glass_grants").await, 0);
    for query in ["name=lakshmi", "phone=9840012345", "identifier=P00001", "_id=1"] {
        assert_eq!(ids(&search(query).await.expect(200).body), [other], "{query}");
    }
    assert_eq!(hospital.count(&format!("break_glass_grants WHERE shown = ARRAY[{other}::bigint]")).await, 4);
    hospital.server.get(&format!("/fhir/Patient/{other}"), &hospital.doctor()).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_parameters_is_said_at_once() {
    let hospital = Hospital::open().await;
    let told =
        hospital.server.get("/fhir/Patient?nme=x&birthdate=soon&gender=m&phone=12&_count=x", &hospital.admin()).await;
    is_outcome(&told, 400);
    assert_eq!(told.body["issue"].as_array().unwrap().len(), 4, "{}", told.body);
    is_outcome(&hospital.server.get("/fhir/Patient?phone=12,abc", &hospital.admin()).await, 400);
    for query in [
        "name=%ff",
        "name=%00",
        "name=",
        "name:near=x",
        "_sort=name",
        "_format=xml",
        &format!("name={}", "x".repeat(500)),
        &"name=x&".repeat(50),
    ] {
        is_outcome(&hospital.server.get(&format!("/fhir/Patient?{query}"), &hospital.admin()).await, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_search_reads_the_whole_table() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, phone, email, abha_number, abha_address, date_of_birth, gender) \
             SELECT 'Name' || n, 'Family' || n % 1000, '+9198' || lpad(n::text, 8, '0'), 'n' || n || '@example.in', '91' || lpad(n::text, 12, '0'), \
             'name' || n || '@abdm', date '1930-01-01' + n % 30000, CASE WHEN n % 2 = 0 THEN 'MALE' ELSE 'FEMALE' END \
             FROM generate_series(1, 30000) AS n",
        )
        .await;
    hospital.db.sql("VACUUM ANALYZE patients").await;
    let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'patients' AND schemaname = 'patients'";
    let reads = "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE relname = 'patients' AND schemaname = 'patients'";
    let before = (hospital.db.number(scans).await, hospital.db.number(reads).await);
    let queries = [
        ("name=name29999", 1),
        ("family=family77&_count=5", 5),
        ("given:exact=Name123", 1),
        ("name:contains=ame2999", 11),
        ("identifier=P00777", 1),
        ("identifier=name77@abdm", 1),
        ("identifier=91-0000-0000-0077", 1),
        ("phone=9800000077", 1),
        ("email=n77@example.in", 1),
        ("birthdate=1980-04-12", 1),
        ("gender=other", 0),
        ("_id=77", 1),
        ("_lastUpdated=lt2020-01-01", 0),
    ];
    let ask = async |query: &str, rows: usize| {
        let bundle =
            hospital.server.get(&format!("/fhir/Patient?{query}"), &hospital.receptionist()).await.expect(200).body;
        assert_eq!(ids(&bundle).len(), rows, "{query}");
    };
    for (query, rows) in queries {
        ask(query, rows).await;
    }
    eventually(|| async { hospital.db.number(reads).await >= before.1 + queries.len() as i64 }).await;
    assert_eq!(hospital.db.number(scans).await, before.0, "an index served each of them");

    // Where most rows match, counting may walk the table, but stops at what is counted exactly: 10,001 matches, of which a
    // row in two is one here, and every row.
    let walked = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'patients' AND schemaname = 'patients'";
    for (query, most) in [("gender=female", 20_100), ("_lastUpdated=ge2020-01-01", 10_100)] {
        let rows = hospital.db.number(walked).await;
        ask(query, 20).await;
        // a session tells of a query's walk at once, and of its queries when it likes
        eventually(|| async { hospital.db.number(walked).await > rows }).await;
        let walked = hospital.db.number(walked).await - rows;
        assert!(walked <= most, "{query}: {walked} rows were walked");
    }
}

/// Of few people too: a walk through all of them by id seems cheap then, and is not.
#[tokio::test(flavor = "multi_thread")]
async fn for_one_number_nobody_else_is_looked_at() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, phone, email) SELECT 'Name', 'Family', '+9198' || lpad(n::text, 8, '0'), \
             'n' || n || '@example.in' FROM generate_series(1, 3000) AS n",
        )
        .await;
    hospital.db.sql("VACUUM ANALYZE patients").await;
    hospital.db.plan_for_any_values().await;
    let before = hospital.db.looked_at("patients").await;
    for query in ["phone=9800000077", "email=n77@example.in"] {
        assert_eq!(found(&hospital, query).await.len(), 1, "{query}");
    }
    let looked_at = hospital.db.looked_at("patients").await - before;
    assert!(looked_at < 100, "{looked_at} rows");
}
