//! Every appointment of a range of days.

use serde_json::{Value, json};
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER, RAO, SEN, day, slot};

fn path(start: impl ToString, end: impl ToString, more: &str) -> String {
    format!("/api/appointments/date-range/?start_date={}&end_date={}{more}", start.to_string(), end.to_string())
}

#[tokio::test]
async fn the_form_is_exactly_the_contracts() {
    let hospital = Hospital::new().await;
    let none = hospital.get(DESK, &path(day(1), day(1), "")).await.expect(200);
    assert_eq!(none.text, format!(r#"{{"start_date":"{0}","end_date":"{0}","count":0,"appointments":[]}}"#, day(1)));
    assert_eq!(none.header("content-type"), "application/json");
    let a = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let b = hospital.booked(&slot(OTHER, SEN, day(4), "09:00:00")).await;
    hospital.booked(&slot(OTHER, SEN, day(5), "09:00:00")).await;
    let answer = hospital.get(DESK, &path(day(2), day(4), "")).await.expect(200);
    assert_eq!(answer.body, json!({"start_date": day(2), "end_date": day(4), "count": 2, "appointments": [a, b]}));
    let keys =
        ["\"start_date\"", "\"end_date\"", "\"count\"", "\"appointments\""].map(|key| answer.text.find(key).unwrap());
    assert!(keys.is_sorted());
    let of_sen = hospital.get(DESK, &path(day(2), day(9), &format!("&doctor_id={SEN}"))).await.expect(200).body;
    assert_eq!(of_sen["count"], 2);
    hospital.patch(DESK, &b["id"], &json!({"status": "CONFIRMED"})).await.expect(200);
    let confirmed = hospital.get(DESK, &path(day(2), day(9), "&status=CONFIRMED")).await.expect(200).body;
    assert_eq!((&confirmed["count"], &confirmed["appointments"][0]["id"]), (&json!(1), &b["id"]));
    let own = hospital.get(LAKSHMI_ACCOUNT, &path(day(0), day(9), "")).await.expect(200).body;
    assert_eq!(own["count"], 1);
}

#[tokio::test]
async fn ranges_that_make_no_sense() {
    let hospital = Hospital::new().await;
    for (start, end, status) in [
        ("2026-01-02", "2026-01-01", 400),
        ("2026-01-01", "2027-01-02", 400), // 367 days
        ("2026-01-01", "2027-02-04", 400), // 400 days
        ("2026-01-01", "2027-01-01", 200), // 366 days
        ("2028-01-01", "2028-12-31", 200), // 366 days, a leap year
        ("2026-02-29", "2026-03-01", 400),
        ("0001-01-01", "0001-01-02", 400),
        ("9999-12-30", "9999-12-31", 400),
        ("", "2026-01-01", 400),
        ("2026-01-01", "x", 400),
    ] {
        hospital.get(DESK, &path(start, end, "")).await.expect(status);
    }
    let both = hospital.get(DESK, "/api/appointments/date-range/").await.expect(400);
    assert_eq!(both.faulty_fields(), ["start_date", "end_date"]);
    for more in ["&doctor_id=x", "&doctor_id=0", "&status=DONE", "&page=1"] {
        hospital.get(DESK, &path("2026-01-01", "2026-01-02", more)).await.expect(400);
    }
}

#[tokio::test]
async fn the_day_is_the_hospitals() {
    let hospital = Hospital::new().await;
    hospital
        .db
        .sql(
            "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) VALUES \
             (100, 10, '2026-12-31T18:15:00Z', '2026-12-31T18:29:00Z', 'COMPLETED', 'IN_PERSON', '', '', ''), \
             (100, 10, '2026-12-31T18:30:00Z', '2026-12-31T18:45:00Z', 'COMPLETED', 'IN_PERSON', '', '', '')",
        )
        .await;
    let old_year = hospital.get(DESK, &path("2026-12-31", "2026-12-31", "")).await.expect(200).body;
    assert_eq!((&old_year["count"], &old_year["appointments"][0]["time_slot"]), (&json!(1), &json!("23:45:00")));
    let new_year = hospital.get(DESK, &path("2027-01-01", "2027-01-01", "")).await.expect(200).body;
    assert_eq!(
        (&new_year["appointments"][0]["date"], &new_year["appointments"][0]["time_slot"]),
        (&json!("2027-01-01"), &json!("00:00:00"))
    );
}

#[tokio::test]
async fn a_year_comes_whole_though_it_is_read_in_batches() {
    let hospital = busy("2027-01-01", 60, 30, 5_000).await;
    let year = hospital.get(DESK, &path("2027-01-01", "2027-12-31", "")).await.expect(200).body;
    let rows = year["appointments"].as_array().unwrap();
    assert_eq!((&year["count"], rows.len()), (&json!(5000), 5000));
    let when = |row: &Value| (row["date"].as_str().unwrap().to_owned(), row["time_slot"].as_str().unwrap().to_owned());
    assert!(rows.windows(2).all(|pair| when(&pair[0]) < when(&pair[1])));
}

/// One doctor's appointments from a midnight on: so many, one every so many minutes, each of so many.
async fn busy(from: &str, every: u32, minutes: u32, count: u32) -> Hospital {
    let hospital = Hospital::new().await;
    let appointments = format!(
        "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) \
         SELECT 200 + n % 100, 10, start, start + interval '{minutes} minutes', 'COMPLETED', 'IN_PERSON', '', '', '' \
         FROM (SELECT n, timestamptz '{from}T00:00:00+05:30' + n * interval '{every} minutes' AS start FROM generate_series(0, {count} - 1) n) slots"
    );
    hospital.db.sql(&appointments).await;
    hospital
}

/// Nine months of one doctor's, a slot every twenty minutes: more than fits between a server and a client that does not read.
async fn crowded() -> Hospital {
    busy("2025-01-01", 20, 15, 20_000).await
}

/// A client that has asked for all of it, and has read no more than that an answer begins.
async fn slow(hospital: &Hospital) -> TcpStream {
    let address = hospital.server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (path, token) = (path("2025-01-01", "2025-12-31", ""), hospital.token(DESK));
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn who_comes_while_too_many_are_read_is_told_to_come_again() {
    let hospital = crowded().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(slow(&hospital).await);
    }
    let month = path("2025-02-01", "2025-02-28", "");
    let busy = hospital.get(DESK, &month).await.expect(503);
    assert_eq!(busy.header("content-type"), "application/problem+json");
    assert!(busy.header("retry-after").parse::<u32>().unwrap() > 0);
    // A day needs no turn.
    let day = hospital.get(DESK, &path("2025-02-01", "2025-02-01", "")).await.expect(200).body;
    assert_eq!(day["count"], 72);
    // Who goes away makes room.
    clients.pop();
    eventually(async || hospital.get(DESK, &month).await.status.as_u16() == 200).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_end_as_a_whole_one() {
    let hospital = crowded().await;
    let mut client = slow(&hospital).await;
    // It waits for the client, between two batches, when PostgreSQL takes its connection away.
    let end = "SELECT coalesce(sum(pg_terminate_backend(pid)::int), 0) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'test' AND state = 'idle in transaction'";
    eventually(async || hospital.db.number(end).await == 1).await;
    let read = async |client: &mut TcpStream| {
        let mut answer = Vec::new();
        // Whether the connection is closed or reset then is TCP's affair.
        let _ = client.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let broken = read(&mut client).await;
    let rows = |answer: &str| answer.matches("\"time_slot\"").count();
    assert!(broken.contains("transfer-encoding: chunked"), "{}", &broken[..200]);
    assert!((1..20_000).contains(&rows(&broken)), "{}", rows(&broken));
    let ends = |answer: &str| answer.ends_with("]}\r\n0\r\n\r\n");
    assert!(!ends(&broken) && !broken.ends_with("\r\n0\r\n\r\n"), "{}", &broken[broken.len() - 200..]);
    // The next one has another connection, and ends.
    let whole = read(&mut slow(&hospital).await).await;
    assert_eq!((rows(&whole), ends(&whole)), (20_000, true));
}
