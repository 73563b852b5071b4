//! The patients of an older system, out of a file.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::NaiveDate;
use patients::import::{Import, Summary};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::hospital::{Hospital, id};

struct File(PathBuf);

impl File {
    fn of(extension: &str, content: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("ehs-import-{}.{extension}", Uuid::new_v4().simple()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn import(&self) -> Import {
        Import {
            file: self.0.clone(),
            by: 1,
            dry_run: false,
            authority: "DJANGO".to_owned(),
            ignored: Vec::new(),
            long_patient_ids: false,
            report: None,
            batch: 100,
        }
    }

    /// What was refused: line, id and the faults' fields and codes.
    fn refused(&self) -> Vec<Value> {
        let report = std::fs::read_to_string(format!("{}.refused.ndjson", self.0.display())).unwrap();
        report.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("{}.refused.ndjson", self.0.display()));
        let _ = std::fs::remove_file(&self.0);
    }
}

fn today() -> NaiveDate {
    chrono::Utc::now().date_naive()
}

async fn run(hospital: &Hospital, import: &Import) -> Summary {
    import.import(&hospital.db.pool().await, today(), CancellationToken::new()).await.unwrap()
}

fn summary(imported: u64, skipped: u64, refused: u64) -> Summary {
    Summary { imported, skipped, refused, stopped: false }
}

/// So many good rows.
fn table(rows: u64) -> String {
    let mut table = "id,first_name,last_name,date_of_birth,gender,phone,address,city,pin_code\n".to_owned();
    for row in 1..=rows {
        let (day, phone) = (1 + row % 28, 9_000_000_000 + row);
        writeln!(table, "{row},Lakshmi,Raman,1980-04-{day:02},F,{phone},\"{row}, MG Road\",Chennai,600001").unwrap();
    }
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_rows_become_patients_once_with_events_and_audit() {
    let hospital = Hospital::open().await;
    let file = File::of("csv", table(3_000));
    let dry = Import { dry_run: true, ..file.import() };
    assert_eq!(run(&hospital, &dry).await, summary(3_000, 0, 0));
    assert_eq!(hospital.count("patients").await, 0);
    assert_eq!(run(&hospital, &file.import()).await, summary(3_000, 0, 0));
    assert_eq!(hospital.count("patients").await, 3_000);
    assert_eq!(hospital.count("patient_identifiers WHERE authority = 'DJANGO' AND type_code = 'PI'").await, 3_000);
    assert_eq!(hospital.count("outbox WHERE event_type = 'PatientRegistered' AND subscriber = 'billing'").await, 3_000);
    assert_eq!(
        hospital
            .db
            .number("SELECT sum(cardinality(patients)) FROM audit_log WHERE object = 'patients import DJANGO'")
            .await,
        3_000
    );
    assert_eq!(hospital.count("audit_log WHERE actor = 1 AND action = 'PatientRegister'").await, 30);
    // Each key is its own row's.
    let right = "patients p JOIN patient_identifiers i ON i.patient = p.id WHERE p.phone = '+91' || (9000000000 + i.value::bigint)::text";
    assert_eq!(hospital.count(right).await, 3_000);

    assert_eq!(run(&hospital, &file.import()).await, summary(0, 3_000, 0));
    assert_eq!(hospital.count("patients").await, 3_000);
    let found =
        hospital.server.get("/api/patients/?search=9000000042", &hospital.receptionist()).await.expect(200).body;
    assert_eq!((&found["count"], &found["results"][0]["address"]["line1"]), (&json!(1), &json!("42, MG Road")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_goes_on_where_it_was() {
    let hospital = Hospital::open().await;
    let file = File::of("csv", table(2_000));
    let pool = hospital.db.pool().await;
    // Asked to stop: what is under way is finished.
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = file.import().import(&pool, today(), stop).await.unwrap();
    assert_eq!(stopped, Summary { imported: 100, skipped: 0, refused: 0, stopped: true });
    // Cut off in the middle of whatever it does.
    let import = file.import();
    let own = chassis::db::pool(&hospital.db.config(), "cut off").unwrap();
    let cut = tokio::spawn(async move { import.import(&own, today(), CancellationToken::new()).await });
    testkit::eventually(async || hospital.count("patients").await >= 300).await;
    cut.abort();
    let _ = cut.await;
    testkit::eventually(async || {
        hospital.count("pg_stat_activity WHERE datname = current_database() AND application_name = 'cut off'").await
            == 0
    })
    .await;
    let there = hospital.count("patients").await;
    assert_eq!(there % 100, 0, "whole batches");
    assert_eq!(hospital.count("patient_identifiers").await, there);
    assert_eq!(hospital.count("outbox WHERE subscriber = 'billing'").await, there);
    let there = u64::try_from(there).unwrap();
    assert_eq!(run(&hospital, &file.import()).await, summary(2_000 - there, there, 0));
    assert_eq!(hospital.count("patients").await, 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_is_refused_is_told_of_and_the_rest_is_taken() {
    let hospital = Hospital::open().await;
    hospital.register(&json!({"first_name": "Old", "abha_number": "91123456789012"})).await;
    let mut file = b"\xef\xbb\xbfid,patient_id,first_name,phone,abha_number,primary_doctor,pin_code,city\r\n".to_vec();
    for row in [
        "1,P07001,Ravi,9876543210,,2,600001,Chennai",
        "2,,,12,,,012345,Chennai",
        "3,,Sita,2341 2341 2346,,,,",
        "4,,Gita",
        "5,,Abha,,91-1234-5678-9012,,,",
        "6,P00001,Number,,,,,",
        "7,,Doctor,,,999,,",
        ",,Keyless,,,,,",
        "8,,\"Quote\"d,,,,,",
        "1,,Twice,,,,,",
        "9,,\"never closed,,,,,",
        "10,P07002,After,,11-1111-1111-1111,,,",
        "11,,Same abha,,11111111111111,,,",
        "\"12\",,\"Line\nbreak\",,,,,",
        "13,,Last \"one\",,,,,Chennai",
        "14,,Latin \u{fffd},,,,,",
    ] {
        file.extend(
            row.replace('\u{fffd}', "\u{1}").into_bytes().into_iter().map(|byte| if byte == 1 { 0xe9 } else { byte }),
        );
        file.extend(b"\r\n");
    }
    file.extend(vec![b'x'; 200_000]);
    file.extend(b"\n15,,Behind,,,,,\n");
    let file = File::of("csv", file);
    let done = run(&hospital, &file.import()).await;
    let refused = file.refused();
    let told: Vec<(u64, String)> = refused
        .iter()
        .map(|row| {
            let codes: Vec<&str> =
                row["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
            (row["line"].as_u64().unwrap(), codes.join(" "))
        })
        .collect();
    let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
    let codes =
        |line: u64| told.iter().find(|(at, _)| *at == line).map(|(_, codes)| codes.as_str()).unwrap_or_default();
    assert_eq!(codes(4), "aadhaar");
    assert_eq!(codes(5), "wrong_number_of_columns");
    assert_eq!(codes(6), "abha_number_taken");
    assert_eq!(codes(7), "patient_id_taken");
    assert_eq!(codes(8), "unknown_doctor");
    assert_eq!(codes(9), "required");
    assert_eq!(codes(10), "invalid_csv");
    assert_eq!(codes(11), "duplicate");
    assert_eq!(codes(12), "invalid_csv");
    assert_eq!(codes(14), "abha_number_taken");
    assert_eq!(codes(3).split(' ').count(), 3, "all at once: {}", codes(3));
    assert!(codes(18) == "invalid_encoding" && codes(19) == "too_long", "{told:?}");
    assert_eq!(lines.len(), done.refused as usize);
    let names = hospital.server.get("/api/patients/?ordering=id", &hospital.receptionist()).await.expect(200).body;
    let names: Vec<&str> =
        names["results"].as_array().unwrap().iter().map(|p| p["first_name"].as_str().unwrap()).collect();
    assert!(names.contains(&"Ravi") && names.contains(&"After") && names.contains(&"Behind"), "{names:?}");
    let report = std::fs::read_to_string(format!("{}.refused.ndjson", file.0.display())).unwrap();
    for value in ["2341", "Sita", "9876543210", "91-1234"] {
        assert!(!report.contains(value), "the report repeats a value: {value}");
    }
    // The card's number goes on to hold, and newcomers come after it.
    let ravi = hospital.server.get("/api/patients/?search=P07001", &hospital.receptionist()).await.expect(200).body;
    assert_eq!(ravi["results"][0]["phone"], "+919876543210");
    assert_eq!(hospital.register(&json!({"first_name": "New"})).await["patient_id"], "P07004");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_the_pen_makes_no_numbers_long_unless_they_are() {
    let hospital = Hospital::open().await;
    let rows = "id,patient_id,first_name\n1,P999999999,Ravi\n2,P1000000000,Sita\n3,P900000000000001,Gita\n";
    let file = File::of("csv", rows);
    assert_eq!(run(&hospital, &file.import()).await, summary(1, 0, 2));
    for row in file.refused() {
        assert_eq!(
            (&row["errors"][0]["field"], &row["errors"][0]["code"]),
            (&json!("patient_id"), &json!("invalid_patient_id"))
        );
    }
    assert_eq!(hospital.register(&json!({"first_name": "New"})).await["patient_id"], "P1000000000");
    let known = File::of("csv", rows.replace("P1000000000", "P2000000000"));
    let long = Import { long_patient_ids: true, ..known.import() };
    assert_eq!(run(&hospital, &long).await, summary(2, 1, 0));
    assert_eq!(hospital.register(&json!({"first_name": "Newer"})).await["patient_id"], "P900000000000002");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_about_the_same_patient_waits_its_turn() {
    let hospital = Hospital::open().await;
    let message =
        "MSH|^~\\&|OLD|DJANGO|EHS|EHS|20261123||ADT^A08|T-1|P|2.5\rPID|1||1^^^DJANGO^PI||Raman^Lakshmi||19800401|F\r";
    // Somebody at the desk holds the batch up where it has looked who is known, and not written them yet.
    let mut desk = hospital.db.connect().await;
    let hold = "BEGIN; LOCK TABLE patients IN SHARE ROW EXCLUSIVE MODE";
    diesel_async::SimpleAsyncConnection::batch_execute(&mut desk, hold).await.unwrap();
    let (import, pool) = (File::of("csv", table(2)), hospital.db.pool().await);
    let running = import.import();
    let batch = tokio::spawn(async move { running.import(&pool, today(), CancellationToken::new()).await });
    let waits = |how: &'static str| {
        let hospital = &hospital;
        async move {
            hospital
                .count(&format!("pg_stat_activity WHERE datname = current_database() AND wait_event = '{how}'"))
                .await
                > 0
        }
    };
    testkit::eventually(|| waits("relation")).await;
    let (server, token) = (&hospital.server, hospital.admin());
    let body = json!({"message": message});
    let sent = server.post("/api/patients/hl7/import/", &token, &body);
    let (answer, ()) = tokio::join!(sent, async {
        testkit::eventually(|| waits("advisory")).await;
        diesel_async::SimpleAsyncConnection::batch_execute(&mut desk, "COMMIT").await.unwrap();
    });
    assert_eq!(batch.await.unwrap().unwrap(), summary(2, 0, 0));
    let answer = answer.expect(200).body;
    assert_eq!(answer["created"], false, "the import has registered them");
    assert_eq!(hospital.count("patients").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_django_is_read_as_it_is() {
    let hospital = Hospital::open().await;
    let rows = [
        json!({"model": "patients.patient", "pk": 17, "fields": {"first_name": "Lakshmi", "last_name": "Raman", "gender": "F",
            "date_of_birth": "1980-04-12", "phone": "98765 43210", "address": "12 MG Road, Chennai", "is_active": false,
            "user": 8, "created_at": "2019-05-17T04:30:00Z", "updated_at": "2020-01-01T00:00:00Z"}}),
        json!({"model": "patients.patient", "pk": 18, "fields": {"first_name": "Ravi", "shoe_size": 42}}),
        json!({"id": "A-19", "first_name": "Sita"}),
    ];
    let mut text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    text.push_str("{\"id\": 20, \"first_name\": \"Gita\"\n\n[1]\n");
    let file = File::of("ndjson", text);
    assert_eq!(run(&hospital, &file.import()).await, summary(2, 0, 3));
    let codes: Vec<Value> = file.refused().iter().map(|row| row["errors"][0]["code"].clone()).collect();
    assert_eq!(codes, ["unknown_field", "invalid_json", "invalid_json"]);
    let ignoring = Import { ignored: vec!["shoe_size".to_owned()], ..file.import() };
    assert_eq!(run(&hospital, &ignoring).await, summary(1, 2, 2));
    let own = hospital.server.get("/api/patients/?search=raman", &hospital.admin()).await.expect(200).body["results"]
        [0]
    .clone();
    assert_eq!((&own["is_active"], &own["user"]), (&json!(false), &json!(8)));
    assert!(own["created_at"].as_str().unwrap().starts_with("2019-05-17T04:30:00"));
    // A message of the same system knows the patient by the key.
    let message =
        "MSH|^~\\&|OLD|DJANGO|EHS|EHS|20261123||ADT^A08|D-1|P|2.5\rPID|1||17^^^DJANGO^PI||Raman^Lakshmi||19800412|F\r";
    let answer = hospital
        .server
        .post("/api/patients/hl7/import/", &hospital.admin(), &json!({"message": message}))
        .await
        .expect(200);
    assert_eq!(answer.body["patient"], id(&own));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_imported_says_why_and_stores_nothing() {
    let hospital = Hospital::open().await;
    let pool = hospital.db.pool().await;
    for (extension, content, why) in [
        ("csv", "id,first_name,shoe_size\n1,Ravi,42\n", "shoe_size"),
        ("csv", "id,first_name,first_name\n1,Ravi,Sita\n", "twice"),
        ("csv", "", "empty"),
        ("csv", "id,\"first_name\n1,Ravi\n", "quote"),
        ("xlsx", "id,first_name\n1,Ravi\n", ".csv"),
    ] {
        let file = File::of(extension, content);
        let fault = file.import().import(&pool, today(), CancellationToken::new()).await.unwrap_err();
        assert!(format!("{fault:#}").contains(why), "{fault:#}");
    }
    let file = File::of("csv", table(1));
    std::fs::remove_file(&file.0).unwrap();
    assert!(file.import().import(&pool, today(), CancellationToken::new()).await.is_err());
    assert_eq!(hospital.count("patients").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_account_is_an_active_patients_and_no_aadhaar_number() {
    let hospital = Hospital::open().await;
    let rows = "id,first_name,user,primary_doctor\n1,Ravi,8,\n2,Sita,2,\n3,Gita,10,\n4,Uma,99,\n5,Devi,234123412346,\n6,Anu,,234123412346\n";
    let file = File::of("csv", rows);
    assert_eq!(run(&hospital, &file.import()).await, summary(1, 0, 5));
    let faults: Vec<Value> =
        file.refused().iter().map(|row| json!([row["errors"][0]["field"], row["errors"][0]["code"]])).collect();
    let unknown = json!(["user", "unknown_account"]);
    assert_eq!(
        faults,
        [json!(["user", "aadhaar"]), json!(["primary_doctor", "aadhaar"]), unknown.clone(), unknown.clone(), unknown]
    );
    assert_eq!(hospital.count("patients WHERE user_id = 8").await, 1);
}

/// As whoever runs the system types it.
fn typed(hospital: &Hospital, file: &File, arguments: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_patients"));
    command.arg("import").arg(&file.0).args(arguments).env("DATABASE_URL", &hospital.db.app_url);
    command.env_remove("EHS_TIME_ZONE").output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_what_it_did_and_how_it_ended() {
    let hospital = Hospital::open().await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let good = File::of("csv", table(300));
    let dry = typed(&hospital, &good, &["--by", "1", "--dry-run"]);
    assert_eq!(
        (dry.status.code(), text(&dry.stdout).as_str()),
        (Some(0), "300 would be imported, 0 imported before, 0 refused\n")
    );
    assert!(String::from_utf8_lossy(&dry.stderr).contains(" %  300 would be imported"));
    assert_eq!(hospital.count("patients").await, 0);

    let done = typed(&hospital, &good, &["--by", "1", "--batch", "100"]);
    assert_eq!(
        (done.status.code(), text(&done.stdout).as_str()),
        (Some(0), "300 imported, 0 imported before, 0 refused\n")
    );
    let progress = text(&done.stderr);
    assert!(progress.contains(" %  100 imported, 0 imported before, 0 refused"), "{progress}");
    assert!(!progress.contains('\r'), "no bar where nobody watches: {progress}");
    assert_eq!(good.refused(), [] as [Value; 0]);

    let bad = File::of("csv", "id,first_name,phone\n1000,Ravi,12\n1001,Sita,9876543210\n");
    let report = File::of("ndjson", "");
    let refused = typed(&hospital, &bad, &["--by", "1", "--report", report.0.to_str().unwrap()]);
    assert_eq!(
        (refused.status.code(), text(&refused.stdout).as_str()),
        (Some(1), "1 imported, 0 imported before, 1 refused\n")
    );
    let why = text(&refused.stderr);
    assert!(why.contains("1 row(s) were refused") && why.contains(report.0.to_str().unwrap()), "{why}");
    let told: Value = serde_json::from_str(std::fs::read_to_string(&report.0).unwrap().trim()).unwrap();
    assert_eq!((&told["line"], &told["id"], &told["errors"][0]["field"]), (&json!(2), &json!("1000"), &json!("phone")));
    assert_eq!(hospital.count("patients").await, 301);

    for (arguments, code) in [(&["--by", "0"][..], 1), (&[], 2), (&["--by", "1", "--batch", "0"], 2)] {
        let failed = typed(&hospital, &bad, arguments);
        assert!(
            failed.status.code() == Some(code) && failed.stdout.is_empty() && !failed.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}
