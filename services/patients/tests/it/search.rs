//! Listing and searching.

use serde_json::{Value, json};
use testkit::eventually;

use crate::hospital::{Hospital, lakshmi};

fn names(body: &Value) -> Vec<String> {
    let results = body["results"].as_array().expect("results");
    results
        .iter()
        .map(|p| {
            format!("{} {}", p["first_name"].as_str().unwrap(), p["last_name"].as_str().unwrap()).trim().to_owned()
        })
        .collect()
}

async fn search(hospital: &Hospital, text: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", text).finish();
    names(&hospital.server.get(&format!("/api/patients/?{query}"), &hospital.receptionist()).await.expect(200).body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_found_by_any_part_of_what_is_known() {
    let hospital = Hospital::open().await;
    hospital.register(&lakshmi()).await;
    hospital.register(&json!({"first_name": "José", "last_name": "D'Souza-Pinto", "phone": "+44 20 7946 0958"})).await;
    hospital.register(&json!({"first_name": "R. Meena"})).await;
    for text in [
        "lakshmi",
        "LAKSHMI",
        "aksh",
        "raman lakshmi",
        "Raman, Lakshmi",
        "la ra",
        "lakshmi.raman@example.in",
        "raman@example",
        "P00001",
        "p00001",
        "00001",
        "98765 43210",
        "+91-98765-43210",
        "+919876543210",
        "09876543210",
        "98765",
        "43210",
        "+91 98765",
        "Lákshmì",
        "lakshmi 98765",
        "ｌａｋｓｈｍｉ",
    ] {
        assert_eq!(search(&hospital, text).await, ["Lakshmi Raman"], "{text}");
    }
    for text in
        ["jose", "JOSÉ", "Jose\u{301}", "dsouza", "d'souza", "D’Souza", "pinto jose", "020 7946", "442079460958"]
    {
        let found = search(&hospital, text).await;
        // A national trunk 0 abroad cannot be told from a digit.
        assert!(found == ["José D'Souza-Pinto"] || text == "020 7946", "{text}: {found:?}");
    }
    for text in ["meena r", "R Meena", "R. Meena"] {
        assert_eq!(search(&hospital, text).await, ["R. Meena"], "{text}");
    }
    for text in [
        "lakshmi kumar",
        "%",
        "_",
        "%%%",
        "...",
        "' OR 1=1 --",
        "lak%mi",
        "\\",
        "<script>",
        "x'; DROP TABLE patients; --",
    ] {
        assert_eq!(search(&hospital, text).await, Vec::<String>::new(), "{text}");
    }
    assert_eq!(search(&hospital, "").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_match_comes_first() {
    let hospital = Hospital::open().await;
    for (first, last) in [("Saravi", "Nair"), ("Ravindra", "Nair"), ("Ravi", "Nair"), ("Nair", "Ravi")] {
        hospital.register_named(first, last).await;
    }
    assert_eq!(search(&hospital, "ravi").await, ["Nair Ravi", "Ravi Nair", "Ravindra Nair", "Saravi Nair"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_walk_everything_once_in_every_order_and_back() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, date_of_birth) SELECT 'Ravi ' || n % 7, CASE WHEN n % 3 = 0 THEN '' ELSE 'Kumar ' || n % 5 END, \
             CASE WHEN n % 4 > 0 THEN date '1950-01-01' + n % 6 END FROM generate_series(1, 53) AS n",
        )
        .await;
    let token = hospital.receptionist();
    for query in [
        "",
        "search=ravi",
        "ordering=id",
        "ordering=-last_name",
        "ordering=last_name",
        "ordering=date_of_birth",
        "ordering=-date_of_birth",
        "ordering=updated_at",
        "ordering=-created_at",
    ] {
        let mut next = Some(format!("/api/patients/?page_size=10&{query}"));
        let (mut seen, mut pages) = (Vec::new(), Vec::new());
        while let Some(path) = next {
            let page = hospital.server.get(&path, &token).await.expect(200).body;
            assert_eq!(page["count"], 53, "{query}");
            assert!(page.get("count_is_estimate").is_none());
            seen.extend(page["results"].as_array().unwrap().iter().map(|p| p["id"].as_i64().unwrap()));
            next = page["next"]
                .as_str()
                .map(|url| url.strip_prefix(&hospital.server.url).expect("our address").to_owned());
            pages.push(page);
        }
        assert_eq!(pages.len(), 6, "{query}");
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 53, "{query}");
        let back = pages[5]["previous"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
        let back = hospital.server.get(&back, &token).await.expect(200).body;
        assert_eq!(back["results"], pages[4]["results"], "{query}");
        let third =
            hospital.server.get(&format!("/api/patients/?page_size=10&page=3&{query}"), &token).await.expect(200).body;
        assert_eq!(third["results"], pages[2]["results"], "{query}");
        assert!(!pages[0]["next"].as_str().unwrap().contains("ravi"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_and_their_faults_are_told_at_once() {
    let hospital = Hospital::open().await;
    hospital.register(&lakshmi()).await;
    let ravi = hospital.register_named("Ravi", "").await;
    hospital.server.delete(&format!("/api/patients/{ravi}/"), &hospital.admin()).await.expect(204);
    let list = |query: &'static str| {
        let (hospital, token) = (&hospital, hospital.receptionist());
        async move { names(&hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(200).body) }
    };
    for query in [
        "gender=FEMALE",
        "is_active=true",
        "primary_doctor=2",
        "date_of_birth=1980-04-12",
        "gender=FEMALE&search=raman",
    ] {
        assert_eq!(list(query).await, ["Lakshmi Raman"], "{query}");
    }
    assert_eq!(list("is_active=false").await, ["Ravi"]);
    assert_eq!(list("primary_doctor=3").await, Vec::<String>::new());

    let wrong = "gender=female&is_active=1&primary_doctor=-1&date_of_birth=2023-02-29&page=x&page_size=-1&ordering=phone&colour=red";
    let answer = hospital.server.get(&format!("/api/patients/?{wrong}"), &hospital.receptionist()).await.expect(400);
    let mut fields = answer.faulty_fields();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["colour", "date_of_birth", "gender", "is_active", "ordering", "page", "page_size", "primary_doctor"]
    );
    for query in [
        "page=0",
        "page_size=0",
        "page_size=101",
        "page=99999999",
        "cursor=abc",
        "search=%00",
        "search=%FF",
        "primary_doctor=9223372036854775808",
    ] {
        hospital.server.get(&format!("/api/patients/?{query}"), &hospital.receptionist()).await.expect(400);
    }
}

/// Every searched word, short ones too, and every filter of a list is answered from an index.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_scans_nothing() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, phone, email) SELECT md5(n::text), md5((n + 1)::text), '+9198' || lpad(n::text, 8, '0'), \
             'p' || n || '@example.in' FROM generate_series(1, 30000) AS n; \
             INSERT INTO patients (first_name, last_name) VALUES ('Qzravi', 'Ykumar'); ANALYZE patients",
        )
        .await;
    let before = hospital
        .db
        .number("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'patients' AND schemaname = 'patients'")
        .await;
    for (word, rows) in [("qzravi", 1), ("ykum", 1), ("98000123", 10), ("qz", 1), ("P00007", 1), ("p77@example", 1)] {
        let plan = plan(
            &hospital,
            &format!("SELECT id FROM patients WHERE patients.search_text LIKE (SELECT word_pattern('{word}'))"),
        )
        .await;
        assert!(plan.contains("patients_search") && !plan.contains("Seq Scan"), "{word}: {plan}");
        let found =
            hospital.server.get(&format!("/api/patients/?search={word}"), &hospital.receptionist()).await.expect(200);
        assert!(found.body["count"].as_i64().unwrap() >= rows, "{word}");
    }
    let of_doctor = "SELECT id FROM patients WHERE id IN (SELECT theirs.id FROM patients AS theirs WHERE theirs.primary_doctor = 2 UNION ALL \
         SELECT visit.patient FROM care_appointments AS visit WHERE visit.doctor = 2)";
    let plan = plan(&hospital, of_doctor).await;
    assert!(!plan.contains("Seq Scan on patients"), "{plan}");
    // The same of the statements that the service sends: the index is used, and no scan is counted.
    let used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'patients_search'";
    let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'patients' AND schemaname = 'patients'";
    eventually(|| async { hospital.db.number(used).await >= 12 }).await;
    assert_eq!(hospital.db.number(scans).await, before);
    let all = hospital.server.get("/api/patients/", &hospital.receptionist()).await.expect(200).body;
    assert_eq!(all["count_is_estimate"], true);
    assert!((all["count"].as_i64().unwrap() - 30_001).abs() < 3_000, "{}", all["count"]);
}

async fn plan(hospital: &Hospital, sql: &str) -> String {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let mut conn = hospital.db.connect().await;
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN {sql}")).load(&mut conn).await.unwrap();
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}
