//! By the number of a record that was merged into another, the other is found.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::hospital::{DOCTOR, Hospital, OTHER_DOCTOR, PATIENT, id, lakshmi};

/// Two records of one person: the patient's own, in a doctor's care, and one in another doctor's. Gives ids and the second's number.
async fn twice(hospital: &Hospital) -> (i64, i64, String) {
    let kept = id(&hospital.register(&lakshmi()).await);
    let gone = json!({"first_name": "Subbulakshmi", "last_name": "Venkat", "primary_doctor": OTHER_DOCTOR,
        "abha_number": "91999956789012", "abha_address": "subbu@abdm"});
    let gone = hospital.register(&gone).await;
    (kept, id(&gone), gone["patient_id"].as_str().unwrap().to_owned())
}

async fn act(hospital: &Hospital, what: &str, kept: i64, gone: i64) {
    let path = format!("/api/patients/{kept}/{what}/");
    hospital.server.post(&path, &hospital.receptionist(), &json!({"source": gone})).await.expect(200);
}

/// How many a search says there are, and whom its page shows.
async fn found(hospital: &Hospital, query: &str, token: &str) -> (i64, Vec<i64>) {
    let page = hospital.server.get(&format!("/api/patients/?{query}"), token).await.expect(200).body;
    (page["count"].as_i64().unwrap(), page["results"].as_array().unwrap().iter().map(id).collect())
}

/// The same of a search as FHIR has it.
async fn fhir(hospital: &Hospital, query: &str, token: &str) -> (i64, Vec<i64>) {
    let bundle = hospital.server.get(&format!("/fhir/Patient?{query}"), token).await.expect(200).body;
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let ids = entries.map(|entry| entry["resource"]["id"].as_str().unwrap().parse().unwrap());
    (bundle["total"].as_i64().unwrap(), ids.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_number_finds_the_survivor_until_the_merge_is_undone() {
    let hospital = Hospital::open().await;
    let (kept, gone, number) = twice(&hospital).await;
    let (token, lower) = (hospital.receptionist(), number.to_lowercase());
    let digits = number.trim_start_matches(['P', '0']);
    let by_number = [
        format!("search={number}"),
        format!("search={lower}"),
        format!("search={digits}"),
        format!("search=000{digits}"),
        // by the text of each patient
        format!("search={number}&ordering=last_name"),
        format!("search={digits}&ordering=-updated_at&gender=FEMALE"),
        format!("search={number}&primary_doctor={DOCTOR}"),
        format!("search=lakshmi+{number}"),
        format!("search=raman+{number}+98765"),
    ];
    act(&hospital, "merge", kept, gone).await;
    for query in &by_number {
        assert_eq!(found(&hospital, query, &token).await, (1, vec![kept]), "{query}");
    }
    // both numbers begin so, and it is one patient
    for query in ["search=P0000", "search=0000", "search=P0000&page_size=1", "search=P0000&is_active=true"] {
        assert_eq!(found(&hospital, query, &token).await, (1, vec![kept]), "{query}");
    }
    for query in [format!("search=venkat+{number}"), "search=venkat".to_owned(), format!("search={number}9")] {
        assert_eq!(found(&hospital, &query, &token).await, (0, vec![]), "{query}");
    }
    let body = hospital.server.get(&format!("/api/patients/?{}", by_number[0]), &token).await.expect(200).body;
    assert_eq!(body["results"][0]["match"], "EXACT");
    // the patients themselves, by the number on the card that they still have
    let own = hospital.tokens.mint(PATIENT, Role::Patient);
    assert_eq!(found(&hospital, &by_number[0], &own).await, (1, vec![kept]));
    // a change of the survivor forgets no number of theirs
    let change = json!({"last_name": "Menon", "phone": "91234 56789"});
    hospital.server.patch(&format!("/api/patients/{kept}/"), &token, &change).await.expect(200);
    assert_eq!(found(&hospital, &by_number[0], &token).await, (1, vec![kept]));

    act(&hospital, "unmerge", kept, gone).await;
    for query in &by_number[..4] {
        assert_eq!(found(&hospital, query, &token).await, (1, vec![gone]), "{query}");
    }
    assert_eq!(found(&hospital, "search=P0000", &token).await.0, 2);
    assert_eq!(hospital.count(&format!("patient_words WHERE word = '#{}'", &number[1..])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fhir_clients_find_the_survivor_by_every_old_number() {
    let hospital = Hospital::open().await;
    let (kept, gone, number) = twice(&hospital).await;
    let token = hospital.receptionist();
    let queries = [
        format!("_id={gone}"),
        format!("identifier={number}"),
        format!("identifier=urn:ehs:patient-id|{number}"),
        "identifier=91-9999-5678-9012".to_owned(),
        "identifier=https://healthid.ndhm.gov.in|91999956789012".to_owned(),
        "identifier=subbu@abdm".to_owned(),
    ];
    for query in &queries {
        assert_eq!(fhir(&hospital, query, &token).await, (1, vec![gone]), "{query}");
    }
    let path = format!("/fhir/Patient/{kept}");
    let before = hospital.server.get(&path, &token).await.expect(200);
    act(&hospital, "merge", kept, gone).await;
    let known = hospital.server.call(Method::GET, &path).token(&token).header("if-none-match", before.header("etag"));
    known.send().await.expect(200);
    for query in &queries {
        assert_eq!(fhir(&hospital, query, &token).await, (1, vec![kept]), "{query}");
    }
    let both = [
        format!("_id={gone},{kept}"),
        format!("identifier={number},P00001,subbu@abdm"),
        format!("_id={gone}&gender=female"),
    ];
    for query in both {
        assert_eq!(fhir(&hospital, &query, &token).await, (1, vec![kept]), "{query}");
    }
    for query in [format!("_id={gone}&gender=male"), "name=venkat".to_owned(), format!("identifier=urn:other|{number}")]
    {
        assert_eq!(fhir(&hospital, &query, &token).await, (0, vec![]), "{query}");
    }
    let read = hospital.server.get(&format!("/fhir/Patient/{gone}"), &token).await.expect(200).body;
    assert_eq!(read["id"], kept.to_string(), "to read the old id is to read the survivor");
    assert!(fhir::check::breaches(&read).is_empty(), "{read}");
    let everything =
        hospital.server.get(&format!("/fhir/Patient/{kept}/$everything"), &hospital.admin()).await.expect(200);
    let searched = hospital.server.get(&format!("/fhir/Patient?{}", queries[1]), &token).await.expect(200);
    for patient in [&read, &everything.body["entry"][0]["resource"], &searched.body["entry"][0]["resource"]] {
        let old: Vec<&Value> =
            patient["identifier"].as_array().unwrap().iter().filter(|identifier| identifier["use"] == "old").collect();
        assert_eq!(old.len(), 1, "{patient}");
        assert_eq!((&old[0]["value"], &old[0]["system"]), (&json!(number), &json!("urn:ehs:patient-id")));
    }
    act(&hospital, "unmerge", kept, gone).await;
    for query in &queries {
        assert_eq!(fhir(&hospital, query, &token).await, (1, vec![gone]), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_the_survivor_finds_nobody() {
    let hospital = Hospital::open().await;
    let (kept, gone, number) = twice(&hospital).await;
    let (doctor, other) = (hospital.doctor(), hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor));
    let (rest, by_id, by_number) = (format!("search={number}"), format!("_id={gone}"), format!("identifier={number}"));
    assert_eq!(found(&hospital, &rest, &other).await, (1, vec![gone]));
    assert_eq!(fhir(&hospital, &by_id, &other).await, (1, vec![gone]));
    act(&hospital, "merge", kept, gone).await;
    let stranger = hospital.tokens.mint(4242, Role::Patient);
    // the other doctor's patient is the first doctor's now
    for (token, expected) in [(&doctor, (1, vec![kept])), (&other, (0, vec![])), (&stranger, (0, vec![]))] {
        for query in [&rest, &format!("{rest}&ordering=id"), &format!("search=lakshmi+{number}")] {
            assert_eq!(found(&hospital, query, token).await, expected, "{query}");
        }
        for query in [&by_id, &by_number] {
            assert_eq!(fhir(&hospital, query, token).await, expected, "{query}");
        }
    }
    hospital.server.get(&format!("/api/patients/{gone}/"), &other).await.expect(404);
    // beyond their care with a reason, and it is the survivor who is named in its review
    for path in [format!("/api/patients/?{rest}"), format!("/fhir/Patient?{by_id}")] {
        let call = hospital.server.call(Method::GET, &path).token(&other);
        call.header("x-break-glass", "unconscious in casualty").send().await.expect(200);
    }
    assert_eq!(hospital.count(&format!("break_glass_grants WHERE shown = ARRAY[{kept}::bigint]")).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_each_survivor_once() {
    let hospital = Hospital::open().await;
    // sixty records, of every four the second and third are merged into the first
    let sql = "INSERT INTO patients (first_name, last_name) SELECT 'Ravi', 'Kumar' FROM generate_series(1, 60)";
    hospital.db.sql(sql).await;
    let merge = "UPDATE patients SET merged_into = id - id % 4 + 1, version = version + 1 WHERE id % 4 IN (2, 3)";
    hospital.db.sql(merge).await;
    let token = hospital.receptionist();
    for query in ["search=P000", "search=000", "search=P00", "search=000&is_active=true", "search=ravi"] {
        let (mut next, mut seen, mut pages) =
            (Some(format!("/api/patients/?page_size=4&{query}")), Vec::new(), Vec::<Value>::new());
        while let Some(path) = next {
            let page = hospital.server.get(&path, &token).await.expect(200).body;
            assert_eq!(page["count"], 30, "{query}");
            seen.extend(page["results"].as_array().unwrap().iter().map(id));
            next = page["next"].as_str().map(|url| url.strip_prefix(&hospital.server.url).unwrap().to_owned());
            pages.push(page);
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((once.len(), seen.len(), pages.len()), (30, 30, 8), "{query}");
        assert!(once.iter().all(|id| matches!(id % 4, 0 | 1)), "{query}");
        let back = pages[7]["previous"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
        let back = hospital.server.get(&back, &token).await.expect(200).body;
        assert_eq!(back["results"], pages[6]["results"], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_search_for_an_old_number_reads_the_whole_table() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, abha_number, abha_address) SELECT 'Name' || n, 'Family' || n % 1000, \
             '91' || lpad(n::text, 12, '0'), 'name' || n || '@abdm' FROM generate_series(1, 20000) AS n; \
             UPDATE patients SET merged_into = id - 1, version = version + 1 WHERE id % 500 = 0",
        )
        .await;
    hospital.db.sql("VACUUM ANALYZE patients").await;
    let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'patients' AND schemaname = 'patients'";
    let reads = "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE relname = 'patients' AND schemaname = 'patients'";
    let before = (hospital.db.number(scans).await, hospital.db.number(reads).await);
    let (token, survivor) = (hospital.receptionist(), vec![6999]);
    let queries = [
        "identifier=P07000",
        "identifier=name7000@abdm",
        "identifier=91-0000-0000-7000",
        "_id=7000",
        "_id=7000,6999,x",
    ];
    for query in queries {
        assert_eq!(fhir(&hospital, query, &token).await, (1, survivor.clone()), "{query}");
    }
    for query in ["search=P07000", "search=7000&ordering=last_name", "search=name6999+P07000"] {
        assert_eq!(found(&hospital, query, &token).await, (1, survivor.clone()), "{query}");
    }
    eventually(|| async { hospital.db.number(reads).await >= before.1 + queries.len() as i64 }).await;
    assert_eq!(hospital.db.number(scans).await, before.0, "an index served each of them");
}

/// Records that were merged before search knew of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_migration_finds_who_was_merged_before() {
    let hospital = Hospital::open().await;
    let (kept, gone, number) = twice(&hospital).await;
    hospital.db.sql(include_str!("../../migrations/2026-11-27-140000_former_numbers/down.sql")).await;
    act(&hospital, "merge", kept, gone).await;
    let (query, token) = (format!("search={number}"), hospital.receptionist());
    assert_eq!(found(&hospital, &query, &token).await, (0, vec![]));
    hospital.db.sql(include_str!("../../migrations/2026-11-27-140000_former_numbers/up.sql")).await;
    assert_eq!(found(&hospital, &query, &token).await, (1, vec![kept]));
    act(&hospital, "unmerge", kept, gone).await;
    assert_eq!(found(&hospital, &query, &token).await, (1, vec![gone]));
}
