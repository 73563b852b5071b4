//! Listing and searching.

use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use patients::search::plan::{Place, Plan};
use patients::search::statement::Statement;
use patients::search::tiers::{self, Stretch};
use patients::search::{sound, words};
use serde_json::{Value, json};
use testkit::eventually;

use crate::hospital::{Hospital, lakshmi};

pub fn names(body: &Value) -> Vec<String> {
    let results = body["results"].as_array().expect("results");
    results
        .iter()
        .map(|p| {
            format!("{} {}", p["first_name"].as_str().unwrap(), p["last_name"].as_str().unwrap()).trim().to_owned()
        })
        .collect()
}

pub async fn search(hospital: &Hospital, text: &str) -> Vec<String> {
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

/// Every kind of search, in every tier and in both directions, is answered from an index.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_scans_nothing() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, phone, email, primary_doctor) SELECT \
             translate(md5(n::text), '0123456789', 'ghijklmnop'), translate(md5((n % 500)::text), '0123456789', 'qrstuvwxyz'), \
             '+9198' || lpad(n::text, 8, '0'), CASE WHEN n % 4 = 0 THEN 'p' || n || 'qu@example.in' END, CASE WHEN n % 100 = 0 THEN 2 END \
             FROM generate_series(1, 20000) AS n; \
             INSERT INTO patients (first_name, last_name) VALUES ('Qzravi', 'Ykumar'); \
             UPDATE patients SET merged_into = id - 1, version = version + 1 WHERE id % 500 = 0",
        )
        .await;
    let mut owner = diesel_async::AsyncPgConnection::establish(&hospital.db.owner_url).await.unwrap();
    for table in TABLES {
        diesel::sql_query(format!("VACUUM ANALYZE {table}")).execute(&mut owner).await.unwrap();
    }
    let searches = [
        "qzravi",
        "zravi",
        "qz",
        "q",
        "qu",
        "98000123",
        "00123",
        "12",
        "9198000",
        "P00007",
        "7",
        "qzravi ykumar",
        "ykum qzr",
        "qz y",
        "zrav umar",
        "qzravi ykumar q",
        "qsravi y",
    ];
    let (mut conn, mut looked_at) = (hospital.db.connect().await, 0);
    for search in searches {
        let words: Vec<String> = words::of(&search.to_lowercase());
        let plan = Plan::of(&words).expect("words that have a plan");
        for tier in plan.tiers() {
            for is_backward in [false, true] {
                for place in [None, Some((Place { tier, word: "m".to_owned(), other: "m".to_owned() }, -7))] {
                    let from = Stretch { place, is_backward };
                    scans_nothing(
                        &mut conn,
                        search,
                        Statement::new("").then(tiers::walk(&plan, tier, &from, 21, None)),
                    )
                    .await;
                }
            }
            scans_nothing(&mut conn, search, Statement::new("").then(tiers::everybody(&plan, tier, 12_000, None)))
                .await;
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "{looked_at}");

    // The same of the statements that the service sends, by text too, and for whoever sees some patients only.
    let before = scans(&hospital).await;
    for (search, rows) in [
        ("qzravi", 1),
        ("ykum", 1),
        ("98000123", 10),
        ("qz", 1),
        ("P00007", 1),
        ("P01500", 1),
        ("1500", 1),
        ("qzravi P20001", 1),
        ("p77qu@example", 0),
        ("qzravi ykumar", 1),
        ("qsravi", 1),
        ("ykumar 98", 0),
        ("zzzzz", 0),
        ("a_b", 0),
    ] {
        for (token, rows) in [(hospital.receptionist(), rows), (hospital.doctor(), 0)] {
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
            let found = hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(200);
            assert!(found.body["count"].as_i64().unwrap() >= rows, "{search}");
        }
    }
    // Sessions tell what they did when they are idle; the index that every text is looked for in has been used by then.
    let used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'patients_search'";
    eventually(|| async { hospital.db.number(used).await >= 1 }).await;
    hospital.server.get("/api/patients/?is_active=false", &hospital.receptionist()).await.expect(200);
    let all = hospital.server.get("/api/patients/", &hospital.receptionist()).await.expect(200).body;
    assert_eq!(all["count_is_estimate"], true);
    assert!((all["count"].as_i64().unwrap() - 20_001).abs() < 2_000, "{}", all["count"]);
    assert_eq!(scans(&hospital).await, before);
}

const TABLES: [&str; 4] = ["patients", "patient_words", "patient_word_pairs", "search_dictionary"];

async fn scans(hospital: &Hospital) -> i64 {
    let of_tables = "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE schemaname = 'patients' \
         AND relname IN ('patients', 'patient_words', 'patient_word_pairs', 'search_dictionary')";
    hospital.db.number(of_tables).await
}

async fn scans_nothing(
    conn: &mut diesel_async::AsyncPgConnection,
    search: &str,
    statement: Statement<diesel::sql_types::Json>,
) {
    let plan: Value = Statement::<diesel::sql_types::Json>::explain("").then(statement).get_result(conn).await.unwrap();
    assert!(!plan.to_string().contains("Seq Scan"), "{search}: {plan:#}");
}

pub fn matches(body: &Value) -> Vec<(String, String)> {
    let results = body["results"].as_array().expect("results");
    names(body).into_iter().zip(results.iter().map(|p| p["match"].as_str().expect("a match").to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_sound_so_come_after_those_that_are_written_so() {
    let hospital = Hospital::open().await;
    for (first, last) in [
        ("Lakshmi", "Raman"),
        ("Laxmi", "Raman"),
        ("R", "Lakshmi"),
        ("Lakshmee", "Narayan"),
        ("Suneeta", "Wagh"),
        ("Sunita", "Vagh"),
        ("L", "R"),
        ("Mohammed", "Rafi"),
    ] {
        hospital.register_named(first, last).await;
    }
    let token = hospital.receptionist();
    for (search, exact, similar) in [
        ("laxmi", vec!["Laxmi Raman"], vec!["R Lakshmi", "Lakshmee Narayan", "Lakshmi Raman"]),
        ("laxmi raman", vec!["Laxmi Raman"], vec!["R Lakshmi", "Lakshmi Raman"]),
        ("raman lakshmi", vec!["Lakshmi Raman"], vec!["R Lakshmi", "Laxmi Raman"]),
        ("r lakshmi", vec!["R Lakshmi", "Lakshmi Raman"], vec!["Laxmi Raman"]),
        ("sunitha wag", vec![], vec!["Suneeta Wagh", "Sunita Vagh"]),
        ("sun", vec!["Suneeta Wagh", "Sunita Vagh"], vec![]),
        ("mohamed", vec![], vec!["Mohammed Rafi"]),
        ("sita", vec![], vec![]),
        ("rrr", vec![], vec![]),
        ("zzz", vec![], vec![]),
    ] {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
        let mut pages = Vec::new();
        for page in 1..=4 {
            let path = format!("/api/patients/?page_size=1&page={page}&{query}");
            let body = hospital.server.get(&path, &token).await.expect(200).body;
            assert_eq!(body["count"], exact.len() + similar.len(), "{search}, page {page}");
            pages.extend(matches(&body));
        }
        let body = hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(200).body;
        let found = matches(&body);
        assert_eq!(pages, found, "{search}");
        assert_eq!(body["count"], exact.len() + similar.len(), "{search}");
        let of = |kind: &str| {
            let mut of: Vec<&str> =
                found.iter().filter(|(_, found)| found == kind).map(|(name, _)| name.as_str()).collect();
            of.sort_unstable();
            of
        };
        let sorted = |names: &[&'static str]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        assert_eq!(of("EXACT"), sorted(&exact), "{search}");
        assert_eq!(of("SIMILAR"), sorted(&similar), "{search}");
        assert!(found.iter().take(exact.len()).all(|(_, kind)| kind == "EXACT"), "{search}: {found:?}");
    }
    let list = hospital.server.get("/api/patients/", &token).await.expect(200).body;
    assert!(list["results"][0].get("match").is_none(), "nothing was searched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_counted_exactly_to_ten_thousand() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, email) SELECT 'Meena', 'Das', CASE WHEN n % 2 = 0 THEN 'meenakshi.' || n || '@example.in' END \
             FROM generate_series(1, 9000) AS n; \
             INSERT INTO patients (first_name, last_name) SELECT 'Kavita', CASE WHEN n % 2 = 0 THEN 'Rao' ELSE 'Kaveri' END FROM generate_series(1, 10500) AS n; \
             INSERT INTO patients (first_name, last_name) SELECT 'Suneeta', 'Wagh' FROM generate_series(1, 30); \
             INSERT INTO patients (first_name, last_name) SELECT 'Suneeta', 'Vagh' FROM generate_series(1, 40); \
             INSERT INTO patients (first_name, last_name) SELECT 'Suneeta', 'Wagh Vagh' FROM generate_series(1, 5)",
        )
        .await;
    let token = hospital.receptionist();
    for (search, count, is_exact) in [
        ("meena", 9_000, true),
        ("meenaksh", 4_500, true),
        ("meena das", 9_000, true),
        ("kav", 10_000, false),
        ("wagh", 75, true),
        ("suneeta wagh", 75, true),
        ("sunita wagh", 75, true),
        ("suneeta", 75, true),
    ] {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
        let body = hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(200).body;
        let told = body["count"].as_i64().unwrap();
        assert!(if is_exact { told == count } else { told > count }, "{search}: {told}");
        assert_eq!(body.get("count_is_estimate").is_none(), is_exact, "{search}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_found_by_what_is_known_now() {
    let hospital = Hospital::open().await;
    let patient =
        json!({"first_name": "Lakshmi", "last_name": "Nair", "phone": "98765 43210", "email": "raman.n@example.in"});
    let id = hospital.register(&patient).await["id"].as_i64().unwrap();
    for text in ["nair", "raman", "rama", "lakshmi raman", "example", "raman.n@example.in", "nair 43210"] {
        assert_eq!(search(&hospital, text).await, ["Lakshmi Nair"], "{text}");
    }
    let change = json!({"last_name": "Menon", "phone": "91234 56789", "email": null});
    let path = format!("/api/patients/{id}/");
    hospital.server.patch(&path, &hospital.receptionist(), &change).await.expect(200);
    for text in ["nair", "raman", "example", "98765", "43210", "lakshmi nair"] {
        assert_eq!(search(&hospital, text).await, Vec::<String>::new(), "{text}");
    }
    for text in ["menon", "lakshmi m", "91234", "56789", "+91 91234"] {
        assert_eq!(search(&hospital, text).await, ["Lakshmi Menon"], "{text}");
    }
    assert_eq!(hospital.count("patient_words").await, 4, "lakshmi, menon, and two numbers");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_merged_into_another_is_not_searched() {
    let hospital = Hospital::open().await;
    let (kept, gone) =
        (hospital.register_named("Ravi", "Kumar").await, hospital.register_named("Ravi", "Kumarr").await);
    let mut owner = diesel_async::AsyncPgConnection::establish(&hospital.db.owner_url).await.unwrap();
    let merge =
        |into: String| format!("UPDATE patients SET merged_into = {into}, version = version + 1 WHERE id = {gone}");
    for (sql, found) in [
        ("ALTER TABLE patients ADD COLUMN IF NOT EXISTS merged_into bigint".to_owned(), 2),
        (merge(kept.to_string()), 1),
        (merge("NULL".to_owned()), 2),
    ] {
        diesel::sql_query(sql).execute(&mut owner).await.unwrap();
        for text in ["ravi", "kumar", "ravi kumar", "rawi"] {
            assert_eq!(search(&hospital, text).await.len(), found, "{text}");
        }
        assert_eq!(hospital.count("patient_words WHERE word = 'ravi'").await, i64::try_from(found).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patients_from_before_there_were_words_are_found() {
    let hospital = Hospital::open().await;
    let mut owner = diesel_async::AsyncPgConnection::establish(&hospital.db.owner_url).await.unwrap();
    for sql in [
        "ALTER TABLE patients DISABLE TRIGGER search_hears_of_new",
        "INSERT INTO patients (first_name, last_name) SELECT 'Lakshmi', 'Raman ' || n FROM generate_series(1, 12000) AS n",
        "ALTER TABLE patients ENABLE TRIGGER search_hears_of_new",
    ] {
        diesel::sql_query(sql).execute(&mut owner).await.unwrap();
    }
    assert_eq!(hospital.count("patient_words").await, 0);
    // As the database was when that migration ran.
    for sql in [
        include_str!("../../migrations/2026-11-27-170000_search_hears/down.sql"),
        include_str!("../../migrations/2026-11-27-010100_search_words_of_all/up.sql"),
        include_str!("../../migrations/2026-11-27-170000_search_hears/up.sql"),
    ] {
        owner.batch_execute(sql).await.unwrap();
    }
    assert_eq!(search(&hospital, "lakshmi raman").await.len(), 20);
    assert_eq!(hospital.count("patient_words WHERE word = 'lakshmi'").await, 12_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_every_script_and_texts_that_are_no_names() {
    let hospital = Hospital::open().await;
    hospital.register(&json!({"first_name": "लक्ष्मी", "last_name": "शर्मा"})).await;
    hospital.register(&json!({"first_name": "లక్ష్మి"})).await;
    for text in ["लक्ष्मी", "लक्ष्", "शर्मा लक्ष्मी", "ल", "र्मा"]
    {
        assert_eq!(search(&hospital, text).await, ["लक्ष्मी शर्मा"], "{text}");
    }
    assert_eq!(search(&hospital, "లక్ష్మి").await, ["లక్ష్మి"]);
    for text in ["%", "%%%%", "_", "😀", "😀😀😀 👩‍👩‍👧‍👦", "a%%%", "\u{200d}\u{200d}\u{200d}", "@", "#00001", "- -"]
    {
        assert_eq!(search(&hospital, text).await, Vec::<String>::new(), "{text}");
    }
    for text in ["x".repeat(201), "x".repeat(10_000), "lakshmi ".repeat(1_250), "%".repeat(5_000), "ल".repeat(1_000)]
    {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", &text).finish();
        let answer = hospital.server.get(&format!("/api/patients/?{query}"), &hospital.receptionist()).await;
        assert_eq!(answer.expect(400).faulty_fields(), ["search"]);
    }
    assert_eq!(search(&hospital, &"लक्ष्मी ".repeat(25)).await, ["लक्ष्मी शर्मा"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_scoped_before_it_is_counted() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, phone, primary_doctor, user_id) SELECT 'Lakshmi', 'Raman', \
             '+91987650' || lpad(n::text, 4, '0'), CASE WHEN n % 10 = 0 THEN 2 ELSE 3 END, CASE WHEN n = 7 THEN 8 END \
             FROM generate_series(1, 300) AS n",
        )
        .await;
    for text in ["lakshmi", "raman lakshmi", "laxmi raman", "98765", "akshm", "laxmee"] {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", text).finish();
        for (token, count) in [(hospital.receptionist(), 300), (hospital.doctor(), 30), (hospital.nurse(), 30)] {
            let body = hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(200).body;
            assert_eq!(body["count"], count, "{text}");
        }
        let own = hospital.server.get(&format!("/api/patients/?{query}"), &hospital.patient()).await.expect(200).body;
        assert!(own["count"].as_i64().unwrap() <= 1, "{text}: {own}");
    }
}

/// The database makes sounds as the service does.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_sounds_the_same_in_the_database() {
    let hospital = Hospital::open().await;
    let mut conn = hospital.db.connect().await;
    #[derive(diesel::QueryableByName)]
    struct Heard {
        #[diesel(sql_type = diesel::sql_types::Text)]
        sound: String,
    }
    for word in [
        "lakshmi",
        "laxmee",
        "sooneetha",
        "vijaayy",
        "wahid",
        "philip",
        "zzahir",
        "shweta",
        "dhondu",
        "kooouu",
        "yyoouu",
        "लक्ष्मी",
        "mississippi",
        "o'neil",
        "a",
        "",
        "xx",
        "thth",
        "eee",
        "😀😀",
    ] {
        let heard: Heard = diesel::sql_query("SELECT sound($1) AS sound")
            .bind::<diesel::sql_types::Text, _>(word)
            .get_result(&mut conn)
            .await
            .unwrap();
        assert_eq!(heard.sound, sound::of(word), "{word}");
    }
}
