//! Searching by parts of numbers and of e-mail addresses, and in an explicit order.

use serde_json::{Value, json};

use crate::hospital::Hospital;
use crate::search::{matches, names, search};

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_found_with_or_without_the_zeros_before_it() {
    let hospital = Hospital::open().await;
    let rows = "INSERT INTO patients (first_name, patient_id) VALUES ('Ravi', 'P00012345'), ('Sita', 'P12346'), ('Gita', 'P00012346')";
    hospital.db.sql(rows).await;
    let alone =
        ["12345", "P12345", "p12345", "00012345", "P00012345", "P0012345", "0012345", "ravi 12345", "ravi p12345"];
    for text in alone {
        assert_eq!(search(&hospital, text).await, ["Ravi"], "{text}");
    }
    for text in ["12346", "P12346", "012346", "P1234", "000123"] {
        assert!(search(&hospital, text).await.contains(&"Gita".to_owned()), "{text}");
    }
    assert_eq!(search(&hospital, "P12346").await, ["Gita", "Sita"]);
    for text in ["P2345", "P0002"] {
        assert_eq!(search(&hospital, text).await, Vec::<String>::new(), "{text}");
    }
    // Two numbers that are one but for their zeros, of one patient, and of two again.
    let act = async |what: &str, kept: i64, gone: i64| {
        let path = format!("/api/patients/{kept}/{what}/");
        hospital.server.post(&path, &hospital.receptionist(), &json!({"source": gone})).await.expect(200);
    };
    let ravi = hospital.db.number("SELECT id FROM patients WHERE first_name = 'Ravi'").await;
    let (sita, gita) = (ravi + 1, ravi + 2);
    for (kept, merged) in [(sita, vec!["Sita"]), (ravi, vec!["Ravi", "Sita"])] {
        act("merge", kept, gita).await;
        let mut found = search(&hospital, "12346").await;
        found.sort_unstable();
        assert_eq!(found, merged);
        assert_eq!(search(&hospital, "P00012346").await.len(), merged.len());
        act("unmerge", kept, gita).await;
        assert_eq!(search(&hospital, "12346").await, ["Gita", "Sita"]);
        assert_eq!(search(&hospital, "P12345").await, ["Ravi"]);
    }
    // Who was there before such words were made.
    let words = hospital.count("patient_words").await;
    hospital.db.sql("DELETE FROM patient_words WHERE word = '#12345'").await;
    hospital.db.sql(include_str!("../../migrations/2026-11-28-043100_numbers_without_zeros_of_all/up.sql")).await;
    assert_eq!(search(&hospital, "P12345").await, ["Ravi"]);
    assert_eq!(hospital.count("patient_words").await, words);
}

/// Not only where nobody else is found.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_found_by_their_address_comes_after_whom_the_name_or_number_finds() {
    let hospital = Hospital::open().await;
    let rows = "INSERT INTO patients (first_name, last_name, phone, email, primary_doctor) VALUES \
        ('Meena', 'Examson', '+919876543210', NULL, 3), ('Meena', 'Iyer', NULL, 'b@example.in', 2), \
        ('Sita', 'Das', NULL, 'lakshmi4321@mail.in', 2), ('Mk671x', '', NULL, NULL, 3), ('Gita', '', NULL, 'mk671@mail.in', 2), \
        ('Meena', 'Gone', NULL, 'gone4321@example.in', 2); \
        UPDATE patients SET merged_into = id - 1, version = version + 1 WHERE last_name = 'Gone'";
    hospital.db.sql(rows).await;
    for (text, found) in [
        ("meena exam", ["Meena Examson", "Meena Iyer"]),
        ("exam meena", ["Meena Examson", "Meena Iyer"]),
        ("4321", ["Meena Examson", "Sita Das"]),
        ("mk671", ["Mk671x", "Gita"]),
    ] {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", text).finish();
        let list = async |more: &str, token: &str| {
            hospital.server.get(&format!("/api/patients/?{query}{more}"), token).await.expect(200).body
        };
        let all = list("", &hospital.receptionist()).await;
        assert_eq!((names(&all), &all["count"]), (found.map(str::to_owned).to_vec(), &json!(2)), "{text}");
        assert!(matches(&all).iter().all(|(_, kind)| kind == "EXACT"), "{text}");
        let first = list("&page_size=1", &hospital.receptionist()).await;
        assert_eq!((names(&first), &first["count"]), (vec![found[0].to_owned()], &json!(2)), "{text}");
        let follow = async |page: &Value, which: &str| {
            let path = page[which].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
            hospital.server.get(&path, &hospital.receptionist()).await.expect(200).body
        };
        let second = follow(&first, "next").await;
        assert_eq!((names(&second), &second["next"]), (vec![found[1].to_owned()], &Value::Null), "{text}");
        assert_eq!(names(&follow(&second, "previous").await), [found[0]], "{text}");
        assert_eq!(names(&list("&page_size=1&page=2", &hospital.receptionist()).await), [found[1]], "{text}");
        // As far as each may see.
        assert_eq!(names(&list("", &hospital.doctor()).await), [found[1]], "{text}");
        assert_eq!(names(&list("", &hospital.accountant()).await), [found[0]], "{text}");
    }
}

/// Whoever is searched is found by the words and then put in order: nobody walks all patients in that order.
#[tokio::test(flavor = "multi_thread")]
async fn few_who_are_found_are_put_in_order_without_a_look_at_the_others() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, date_of_birth) SELECT \
             translate(md5(n::text), '0123456789', 'ghijklmnop'), translate(md5((n % 500)::text), '0123456789', 'ghijklmnop'), \
             date '1950-01-01' + n FROM generate_series(1, 20000) AS n; \
             INSERT INTO patients (first_name, last_name, date_of_birth) VALUES ('Qzravi', 'Zykumar', '2019-01-01'), \
             ('Sita', 'Qzravi', '2020-01-01'), ('Qzravi', 'Aakumar', '2021-01-01')",
        )
        .await;
    hospital.db.sql("VACUUM ANALYZE patients").await;
    for (ordering, first) in [
        ("last_name", "Qzravi Aakumar"),
        ("-last_name", "Qzravi Zykumar"),
        ("id", "Qzravi Zykumar"),
        ("-created_at", "Qzravi Aakumar"),
        ("updated_at", "Qzravi Zykumar"),
        ("-updated_at", "Qzravi Aakumar"),
        ("date_of_birth", "Qzravi Zykumar"),
        ("-date_of_birth", "Qzravi Aakumar"),
    ] {
        let before = hospital.db.looked_at("patients").await;
        let path = format!("/api/patients/?search=qzravi&page_size=2&ordering={ordering}");
        let page = hospital.server.get(&path, &hospital.receptionist()).await.expect(200).body;
        let next = page["next"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
        let next = hospital.server.get(&next, &hospital.receptionist()).await.expect(200).body;
        let looked_at = hospital.db.looked_at("patients").await - before;
        assert_eq!((names(&page)[0].as_str(), names(&page).len(), &page["count"]), (first, 2, &json!(3)), "{ordering}");
        assert_eq!(names(&next).len(), 1, "{ordering}");
        assert!(looked_at < 200, "{ordering}: {looked_at} of 20,003");
    }
}

/// Who is not shown e-mail addresses is not told by a search whose they are.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_shown_is_not_searched() {
    let hospital = Hospital::open().await;
    let rows = "INSERT INTO patients (first_name, last_name, phone, email) VALUES \
        ('Meena', 'Kumari', '+919876543210', 'mk671@oncology.example'), ('Meena', 'Iyer', NULL, NULL)";
    hospital.db.sql(rows).await;
    let addressed = [
        "@oncology.example",
        "oncology",
        "mk671@onc",
        "ncolog",
        "671",
        "meena oncology",
        "meena kumari ncol",
        "ology 98765",
    ];
    for text in addressed {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", text).finish();
        for (token, count) in [(hospital.receptionist(), 1), (hospital.accountant(), 0)] {
            let body = hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(200).body;
            assert_eq!(
                (&body["count"], body["results"].as_array().unwrap().len()),
                (&json!(count), count),
                "{text}: {body}"
            );
        }
    }
    for (text, count) in
        [("meena", 2), ("meena kumari", 1), ("98765", 1), ("eena", 2), ("minaa", 2), ("kumari 98765", 1)]
    {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", text).finish();
        let body =
            hospital.server.get(&format!("/api/patients/?{query}"), &hospital.accountant()).await.expect(200).body;
        assert_eq!(body["count"], count, "{text}");
    }
}
