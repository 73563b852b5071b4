//! The busy times of other calendars, as blocks.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::Duration;

use chrono::NaiveDate;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::hospital::{ADMIN, CASHIER, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, RAO, SEN, day, slot};
use crate::waitlist::{answer, entry, frees, joined, round, waits};

/// A calendar of these events.
pub fn calendar_of(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//another//EN\r\n{events}END:VCALENDAR\r\n")
}

/// An event of a day on the hospital's wall clock, `HHMM` to `HHMM`.
pub fn event(uid: &str, date: NaiveDate, from: &str, to: &str) -> String {
    event_with(uid, date, (from, to), "")
}

fn event_with(uid: &str, date: NaiveDate, (from, to): (&str, &str), more: &str) -> String {
    let date = date.format("%Y%m%d");
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART;TZID=Asia/Kolkata:{date}T{from}00\r\n\
         DTEND;TZID=Asia/Kolkata:{date}T{to}00\r\nSUMMARY:Dinner with Zubin\r\nDESCRIPTION:private\r\n\
         ATTENDEE:mailto:zubin@example.org\r\n{more}END:VEVENT\r\n"
    )
}

fn path(doctor: i64, source: &str) -> String {
    format!("/api/appointments/doctor/{doctor}/busy-times/?source={source}")
}

async fn import(hospital: &Hospital, user: i64, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let call = hospital.server.call(Method::POST, path).token(&hospital.token(user));
    call.body("text/calendar; charset=utf-8", body).send().await
}

async fn blocks(hospital: &Hospital) -> i64 {
    hospital.db.number("SELECT count(*) FROM time_off").await
}

fn counts(answer: &Answer) -> Vec<i64> {
    let of = |name: &str| answer.body[name].as_i64().unwrap();
    ["blocks", "added", "moved", "unchanged", "removed"].map(of).to_vec()
}

#[tokio::test]
async fn what_is_offered_of_blocked_time_is_taken_back_and_time_that_a_block_leaves_is_offered() {
    let hospital = Hospital::new().await;
    let (first, second) = (joined(&hospital, &waits(200, RAO)).await, joined(&hospital, &waits(201, RAO)).await);
    frees(&hospital, RAO, day(5), "10:00:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(entry(&hospital, &first).await["status"], "OFFERED");
    let elsewhere = calendar_of(&event("a@x", day(5), "1400", "1500"));
    import(&hospital, RAO, &path(RAO, "Clinic"), elsewhere).await.expect(200);
    assert_eq!(entry(&hospital, &first).await["status"], "OFFERED", "another hour is blocked");
    let over = calendar_of(&event("a@x", day(5), "0900", "1200"));
    import(&hospital, RAO, &path(RAO, "Clinic"), over).await.expect(200);
    assert_eq!(entry(&hospital, &first).await["status"], "WAITING");
    answer(&hospital, DESK, &first, "accept").await.expect(409);
    hospital.server.call(Method::DELETE, &path(RAO, "Clinic")).token(&hospital.token(RAO)).send().await.expect(204);
    assert!(round(&hospital).await.offered >= 1);
    let states = [entry(&hospital, &first).await["status"].clone(), entry(&hospital, &second).await["status"].clone()];
    assert!(states.contains(&json!("OFFERED")), "{states:?}");
}

#[tokio::test]
async fn a_calendar_blocks_what_it_holds_and_the_next_one_moves_removes_and_adds() {
    let hospital = Hospital::new().await;
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let later = hospital.booked(&slot(OTHER, RAO, day(4), "14:00:00")).await["id"].clone();
    let stays = event("stays", day(5), "0900", "1000");
    let first = calendar_of(
        &[event("a@x", day(3), "1000", "1100"), event("b@x", day(6), "0900", "1000"), stays.clone()].concat(),
    );
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), first.clone()).await.expect(200);
    assert_eq!(counts(&done), [3, 3, 0, 0, 0]);
    assert_eq!((&done.body["affected_count"], &done.body["affected"][0]["id"]), (&json!(1), &hit));
    assert_eq!(done.body["affected"][0]["rescheduling_cause"], "LEAVE");
    let refused = hospital.book(DESK, &slot(200, RAO, day(3), "10:30:00")).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "doctor_away");
    let list = hospital.get(DESK, &format!("/api/appointments/doctor/{RAO}/time-off/")).await.expect(200).body;
    let block = &list["results"][0];
    assert_eq!((&block["kind"], &block["source"], &block["reason"]), (&json!("BLOCK"), &json!("Clinic"), &json!("")));
    assert_eq!((&block["start_time"], &block["end_time"]), (&json!("10:00:00"), &json!("11:00:00")));

    // The same again changes nothing.
    let again = import(&hospital, RAO, &path(RAO, "Clinic"), first).await.expect(200);
    assert_eq!(counts(&again), [3, 0, 0, 3, 0]);
    assert_eq!(again.body["affected_count"], 1);

    // One is moved over the other appointment, one is gone, one is new.
    let moved = event_with("a@x", day(4), ("1400", "1500"), "SEQUENCE:2\r\n");
    let next = calendar_of(&[moved, stays.clone(), event("c@x", day(7), "0900", "1000")].concat());
    let done = import(&hospital, DESK, &path(RAO, "Clinic"), next).await.expect(200);
    assert_eq!(counts(&done), [3, 1, 1, 1, 1]);
    assert_eq!((&done.body["affected_count"], &done.body["affected"][0]["id"]), (&json!(1), &later));
    let needs = async |id: &Value| {
        hospital.get(DESK, &format!("/api/appointments/{id}/")).await.expect(200).body["needs_rescheduling"].clone()
    };
    assert_eq!((needs(&hit).await, needs(&later).await), (json!(false), json!(true)));
    hospital.booked(&slot(200, RAO, day(3), "10:30:00")).await;

    // An older version of an event does not bring it back.
    let old = calendar_of(&[event("a@x", day(3), "1000", "1100"), stays].concat());
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), old).await.expect(200);
    assert_eq!((counts(&done), &done.body["newer"]), (vec![2, 0, 0, 2, 1], &json!(1)));

    // An empty calendar takes all back.
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), calendar_of("")).await.expect(200);
    assert_eq!((counts(&done), blocks(&hospital).await), (vec![0, 0, 0, 0, 2], 0));
    assert_eq!(needs(&later).await, json!(false));
}

#[tokio::test]
async fn a_block_that_was_moved_since_is_not_taken_back_by_who_saw_it_before() {
    let hospital = Hospital::new().await;
    let list = format!("/api/appointments/doctor/{RAO}/time-off/");
    let say = async |hours: (&str, &str), sequence: u8| {
        let event = event_with("a@x", day(3), hours, &format!("SEQUENCE:{sequence}\r\n"));
        import(&hospital, RAO, &path(RAO, "Clinic"), calendar_of(&event)).await.expect(200);
    };
    say(("1000", "1100"), 0).await;
    let id = hospital.get(RAO, &list).await.expect(200).body["results"][0]["id"].clone();
    let block = format!("{list}{id}/");
    let tag = async || hospital.get(RAO, &block).await.expect(200).header("etag").to_owned();
    let seen = tag().await;
    // A newer version that says the same of its time is the same block.
    say(("1000", "1100"), 1).await;
    assert_eq!(tag().await, seen);
    say(("1500", "1600"), 2).await;
    assert_ne!(tag().await, seen);
    let take_back = async |tag: &str| {
        let call = hospital.server.call(Method::DELETE, &block).token(&hospital.token(RAO));
        call.header("if-match", tag).send().await
    };
    take_back(&seen).await.expect(412);
    assert_eq!(blocks(&hospital).await, 1);
    take_back(&tag().await).await.expect(204);
    assert_eq!(blocks(&hospital).await, 0);
}

#[tokio::test]
async fn calendars_and_leave_leave_one_another_alone() {
    let hospital = Hospital::new().await;
    let leave = json!({"start_date": day(3), "end_date": day(3)});
    hospital.post(DESK, &format!("/api/appointments/doctor/{RAO}/time-off/"), &leave).await.expect(201);
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(5), "10:00:00")).await["id"].clone();
    let same = calendar_of(&event("same", day(5), "0900", "1200"));
    for (doctor, source) in [(RAO, "Clinic"), (RAO, "Home.%20Family"), (SEN, "Clinic")] {
        let done = import(&hospital, ADMIN, &path(doctor, source), same.clone()).await.expect(200);
        assert_eq!(counts(&done), [1, 1, 0, 0, 0]);
    }
    import(&hospital, ADMIN, &path(RAO, "Clinic"), calendar_of("")).await.expect(200);
    assert_eq!(blocks(&hospital).await, 3);
    let appointment = hospital.get(DESK, &format!("/api/appointments/{hit}/")).await.expect(200).body;
    assert_eq!(appointment["needs_rescheduling"], true, "the other calendar still holds it");
}

#[tokio::test]
async fn nothing_of_what_an_event_is_about_is_kept() {
    let hospital = Hospital::new().await;
    let call = hospital.server.call(Method::POST, &path(RAO, "Clinic")).token(&hospital.token(RAO));
    let body = calendar_of(&event("zubin-dinner", day(3), "1000", "1100"));
    let done = call.header("idempotency-key", "k").body("text/calendar", body.clone()).send().await.expect(200);
    assert!(!done.text.to_lowercase().contains("zubin"));
    let tables = ["time_off", "idempotency_keys", "audit_log", "outbox"];
    for table in tables {
        let found = format!(
            "SELECT count(*) FROM {table} AS kept WHERE kept::text ILIKE '%zubin%' OR kept::text ILIKE '%private%'"
        );
        assert_eq!(hospital.db.number(&found).await, 0, "{table}");
    }
    // The key again: the first answer; with another calendar, or under another name: no.
    let send = |source: &str, body: String| {
        let call = hospital.server.call(Method::POST, &path(RAO, source)).token(&hospital.token(RAO));
        call.header("idempotency-key", "k").body("text/calendar", body).send()
    };
    let replayed = send("Clinic", body.clone()).await.expect(200);
    assert_eq!((replayed.header("idempotent-replayed"), &replayed.body), ("true", &done.body));
    send("Home", body).await.expect(409);
    send("Clinic", calendar_of("")).await.expect(409);
    assert_eq!(blocks(&hospital).await, 1);
}

#[tokio::test]
async fn what_is_not_taken_is_told_and_what_was_known_of_it_stays() {
    let hospital = Hospital::new().await;
    let good = event("x", day(3), "1000", "1100");
    import(&hospital, RAO, &path(RAO, "Clinic"), calendar_of(&good)).await.expect(200);
    let odd = good.replace("Asia/Kolkata", "Mars/Olympus");
    let free = event_with("free", day(3), ("1200", "1300"), "TRANSP:TRANSPARENT\r\n");
    let off = event_with("off", day(3), ("1300", "1400"), "STATUS:CANCELLED\r\n");
    let weekly = event_with("weekly", day(4), ("0900", "0930"), "RRULE:FREQ=WEEKLY;COUNT=4\r\n");
    let over = event("over", NaiveDate::from_ymd_opt(2026, 1, 5).unwrap(), "0900", "1000");
    let all = calendar_of(&[odd, free, off, weekly, over].concat());
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), all).await.expect(200);
    assert_eq!(counts(&done), [5, 4, 0, 1, 0]);
    assert_eq!((&done.body["events"], &done.body["not_taken_count"]), (&json!(5), &json!(1)));
    assert_eq!(
        (&done.body["not_taken"][0]["line"], &done.body["not_taken"][0]["code"]),
        (&json!(4), &json!("unknown_time_zone"))
    );
    let passed = json!({"transparent": 1, "cancelled": 1, "past": 1, "far_ahead": 0, "momentary": 0});
    assert_eq!(done.body["passed_by"], passed);
}

#[tokio::test]
async fn what_is_no_calendar_or_beyond_a_bound_is_refused_whole() {
    let hospital = Hospital::new().await;
    let good = event("good", day(3), "1000", "1100");
    let with = |more: &str| calendar_of(&format!("{good}{more}"));
    let mut events = String::new();
    for n in 0..5001 {
        write!(events, "BEGIN:VEVENT\r\nUID:{n}\r\nEND:VEVENT\r\n").unwrap();
    }
    let recurring = |rule: &str| event_with("often", day(3), ("1000", "1001"), &format!("RRULE:{rule}\r\n"));
    let daily: String = (0..20).map(|n| recurring("FREQ=DAILY").replace("often", &format!("daily{n}"))).collect();
    let nested: String = (0..10_000).map(|n| format!("BEGIN:X-{n}\r\n")).collect();
    for (body, code) in [
        (String::new(), "not_a_calendar"),
        ("{}".to_owned(), "not_a_content_line"),
        (good.clone(), "not_a_calendar"),
        (with("BEGIN:VEVENT\r\n"), "unbalanced"),
        (with(&"BEGIN:VEVENT\r\n".repeat(10_000)), "nested_in_itself"),
        (with(&nested), "nested_too_deep"),
        (with(&format!("X-LONG:{}\r\n", "x".repeat(200_000))), "line_too_long"),
        (with(&events), "too_many_events"),
        (with(&recurring("FREQ=SECONDLY")), "recurs_too_often"),
        (with(&daily), "too_many_occurrences"),
        (with("METHOD:CANCEL\r\n"), "not_published"),
    ] {
        let refused = import(&hospital, RAO, &path(RAO, "Clinic"), body).await.expect(400);
        assert_eq!(refused.body["errors"][0]["code"], code, "{}", refused.text);
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    let refused =
        import(&hospital, RAO, &path(RAO, "Clinic"), b"BEGIN:VCALENDAR\r\nX:\xff\xfe\r\n".to_vec()).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "not_utf8");
    for (source, field) in [("", "source"), ("a%3Bb", "source"), (&"x".repeat(41), "source"), ("x&page=1", "page")] {
        let refused = import(&hospital, RAO, &path(RAO, source), with("")).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{source}");
    }
    let call = hospital.server.call(Method::POST, &path(RAO, "Clinic")).token(&hospital.token(RAO));
    call.body("application/json", with("")).send().await.expect(415);
    let call = hospital.server.call(Method::POST, &path(RAO, "Clinic")).token(&hospital.token(RAO));
    call.body("text/calendar; charset=utf-16", with("")).send().await.expect(415);
    assert_eq!(blocks(&hospital).await, 0);
}

/// Sends a calendar in so many pieces. It is 413, or the server has ended the connection before all had come: TCP may then throw
/// away what it had answered.
async fn assert_refused(hospital: &Hospital, framing: &str, piece: &[u8], pieces: usize) {
    let address = hospital.server.url.strip_prefix("http://").unwrap();
    let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: text/calendar\r\n{framing}\r\n\r\n",
        path(RAO, "Clinic"),
        hospital.token(RAO)
    );
    let piece = piece.to_vec();
    let sending = tokio::spawn(async move {
        to.write_all(head.as_bytes()).await?;
        for _ in 0..pieces {
            to.write_all(&piece).await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let mut answer = [0; 12];
    let received = tokio::time::timeout(Duration::from_secs(60), from.read_exact(&mut answer)).await;
    let ended = |fault: &std::io::Error| {
        matches!(fault.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof)
    };
    if let Err(received) = received.expect("neither an answer nor an end") {
        let sent = sending.await.unwrap().expect_err("it took everything and answered nothing");
        assert!(ended(&sent) && ended(&received), "{framing}: {sent}, {received}");
    } else {
        assert_eq!(&answer, b"HTTP/1.1 413", "{framing}");
        sending.abort();
    }
    assert_eq!(blocks(hospital).await, 0);
}

#[tokio::test]
async fn fifty_megabytes_are_refused_before_they_have_come() {
    let hospital = Hospital::new().await;
    let large = calendar_of(&format!("X-A:{}\r\n", "x".repeat(70)).repeat(27_000));
    assert!((2_000_000..=2 * 1024 * 1024).contains(&large.len()), "{}", large.len());
    import(&hospital, RAO, &path(RAO, "Clinic"), large).await.expect(200);
    let fifty = 50 * 1024 * 1024;
    let piece = vec![b'x'; 65_536];
    assert_refused(&hospital, &format!("content-length: {fifty}"), &piece, fifty / piece.len()).await;
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    assert_refused(&hospital, "transfer-encoding: chunked", &chunk, fifty / piece.len()).await;
    let refused = import(&hospital, RAO, &path(RAO, "Clinic"), vec![b'x'; 2 * 1024 * 1024 + 1]).await.expect(413);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(blocks(&hospital).await, 0);
}

#[tokio::test]
async fn five_thousand_blocks_come_and_go() {
    let hospital = Hospital::new().await;
    let many = |minute: u32| {
        let of = |n: u32| {
            let (from, to) = (format!("{:02}{:02}", n % 20, minute), format!("{:02}{:02}", n % 20, minute + 9));
            event(&format!("m{n}"), day(1 + u64::from(n) / 20), &from, &to).replace("DESCRIPTION:private\r\n", "")
        };
        calendar_of(&(0..5000).map(of).collect::<String>())
    };
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let body = many(5);
    assert!(body.len() < 2 * 1024 * 1024, "{}", body.len());
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), body).await.expect(200);
    assert_eq!((counts(&done), &done.body["affected"][0]["id"]), (vec![5000, 5000, 0, 0, 0], &hit));
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), many(25)).await.expect(200);
    assert_eq!(counts(&done), [5000, 0, 5000, 0, 0]);
    let done = import(&hospital, RAO, &path(RAO, "Clinic"), calendar_of("")).await.expect(200);
    assert_eq!((counts(&done), blocks(&hospital).await), (vec![0, 0, 0, 0, 5000], 0));
}

#[tokio::test]
async fn imports_at_once_do_not_double_anything() {
    let hospital = Hospital::new().await;
    let body = calendar_of(&(0..50).map(|n| event(&format!("e{n}"), day(3 + n), "1000", "1100")).collect::<String>());
    let (path, hospital) = (path(RAO, "Clinic"), &hospital);
    let all = futures_util::future::join_all((0..6).map(|_| import(hospital, RAO, &path, body.clone()))).await;
    let added: i64 = all.into_iter().map(|answer| answer.expect(200).body["added"].as_i64().unwrap()).sum();
    assert_eq!((added, blocks(hospital).await), (50, 50));
}

#[tokio::test]
async fn who_takes_leave_imports_and_nobody_else() {
    let hospital = Hospital::new().await;
    let body = calendar_of(&event("x", day(3), "1000", "1100"));
    for user in [SEN, NURSE, CASHIER, LAKSHMI_ACCOUNT] {
        import(&hospital, user, &path(RAO, "Clinic"), body.clone()).await.expect(403);
    }
    import(&hospital, ADMIN, &path(NURSE, "Clinic"), body.clone()).await.expect(404);
    hospital.server.call(Method::POST, &path(RAO, "Clinic")).body("text/calendar", body).send().await.expect(401);
    assert_eq!(blocks(&hospital).await, 0);
}

#[tokio::test]
async fn calendars_are_listed_and_forgotten_and_there_are_not_too_many() {
    let hospital = Hospital::new().await;
    let list = || hospital.get(RAO, "/api/appointments/doctor/10/busy-times/");
    assert_eq!(list().await.expect(200).body, json!({"count": 0, "next": null, "previous": null, "results": []}));
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let body = calendar_of(&[event("x", day(3), "1000", "1100"), event("y", day(4), "1000", "1100")].concat());
    for n in 1..=20 {
        import(&hospital, RAO, &path(RAO, &format!("No.%20{n:02}")), body.clone()).await.expect(200);
    }
    let refused = import(&hospital, RAO, &path(RAO, "One%20more"), body.clone()).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "too_many_calendars");
    import(&hospital, RAO, &path(RAO, "No.%2007"), body).await.expect(200);
    let all = list().await.expect(200).body;
    assert_eq!(
        (&all["count"], &all["results"][6]["source"], &all["results"][6]["blocks"]),
        (&json!(20), &json!("No. 07"), &json!(2))
    );

    let forget = |user: i64, name: &str| {
        let call = hospital.server.call(Method::DELETE, &path(RAO, name)).token(&hospital.token(user));
        call.send()
    };
    forget(SEN, "No.%2001").await.expect(403);
    forget(RAO, "Nobody%27s").await.expect(400);
    for n in 1..=20 {
        let appointment = hospital.get(DESK, &format!("/api/appointments/{hit}/")).await.expect(200).body;
        assert_eq!(appointment["needs_rescheduling"], true);
        forget(RAO, &format!("No.%20{n:02}")).await.expect(204);
        forget(RAO, &format!("No.%20{n:02}")).await.expect(404);
    }
    let appointment = hospital.get(DESK, &format!("/api/appointments/{hit}/")).await.expect(200).body;
    assert_eq!((&appointment["needs_rescheduling"], blocks(&hospital).await), (&json!(false), 0));
}
