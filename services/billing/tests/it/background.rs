//! Reports that the worker makes: they say what the GET says, whatever becomes of the worker or of the store.

use auth::Role;
use billing::reports::background::claim::{Made, claim};
use billing::reports::background::make::Maker;
use billing::reports::background::{FOLDER, sweep};
use chassis::strict_json::digest;
use chrono::Days;
use object_store::{Key, Store, Stored};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, eventually};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clinic::{Clinic, store_at, store_away, with};
use crate::reports::{a_day_at_the_clinic, days, today};

const REPORTS: &str = "/api/billing/reports/";

fn maker(clinic: &Clinic, store: &Store) -> Maker {
    Maker { db: clinic.app.db.clone(), store: store.clone(), doctor_share: None }
}

/// Makes one report; whether there was one.
async fn make(clinic: &Clinic) -> bool {
    maker(clinic, &clinic.app.store).next(&CancellationToken::new()).await.unwrap()
}

async fn ask(clinic: &Clinic, role: Role, body: &Value) -> Answer {
    clinic.server.post(REPORTS, &clinic.token(role), body).await
}

async fn asked(clinic: &Clinic, role: Role, body: &Value) -> String {
    ask(clinic, role, body).await.expect(202).header("location").to_owned()
}

/// On a busy machine an audit row may come too late, and then the answer is 503.
async fn look(clinic: &Clinic, role: Role, path: &str) -> Value {
    for _ in 0..20 {
        let answer = clinic.server.get(path, &clinic.token(role)).await;
        if answer.status != 503 {
            return answer.expect(200).body;
        }
    }
    panic!("{path} is 503 again and again");
}

async fn content(link: &str) -> Vec<u8> {
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap().to_vec()
}

fn books() -> Value {
    json!({"report": "day-book", "format": "csv", "parameters": {"date": today()}})
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_and_its_link_reads_what_the_get_says() {
    let clinic = a_day_at_the_clinic().await;
    let (start, end) = (json!(today()), json!(today()));
    for (report, parameters, query) in [
        (
            "revenue",
            json!({"start_date": start, "end_date": end, "group_by": "service"}),
            format!("?group_by=service&{}", days()),
        ),
        ("outstanding", json!({"group_by": "patient"}), "?group_by=patient".to_owned()),
        ("doctor-share", json!({"start_date": start, "end_date": end}), format!("?{}", days())),
        ("gst", json!({"start_date": start, "end_date": end}), format!("?{}", days())),
        ("day-book", json!({"date": start}), format!("?date={}", today())),
    ] {
        for (format, accept) in [("json", "application/json"), ("csv", "text/csv")] {
            let path = asked(
                &clinic,
                Role::Accountant,
                &json!({"report": report, "format": format, "parameters": parameters}),
            )
            .await;
            let queued = look(&clinic, Role::Accountant, &path).await;
            assert_eq!(json!([queued["status"], queued["progress"], queued["link"]]), json!(["QUEUED", 0, null]));
            assert!(make(&clinic).await && !make(&clinic).await);
            let done = look(&clinic, Role::Accountant, &path).await;
            assert_eq!(
                json!([done["status"], done["progress"], done["reason"]]),
                json!(["DONE", 100, null]),
                "{report}"
            );
            assert_eq!((&done["report"], &done["parameters"]), (&json!(report), &parameters));
            let made = content(done["link"].as_str().unwrap()).await;
            assert_eq!(done["size"].as_u64().unwrap(), u64::try_from(made.len()).unwrap());
            let call =
                clinic.server.call(Method::GET, &format!("{REPORTS}{report}/{query}")).token(&clinic.accountant());
            let answered = call.header("accept", accept).send().await.expect(200);
            assert_eq!(String::from_utf8(made).unwrap(), answered.text, "{report}");
        }
    }
    let path = asked(&clinic, Role::Accountant, &with(&books(), json!({"format": "xlsx"}))).await;
    make(&clinic).await;
    let done = look(&clinic, Role::Accountant, &path).await;
    let link = done["link"].as_str().unwrap();
    let book = content(link).await;
    let sheets = zip::ZipArchive::new(std::io::Cursor::new(&book)).unwrap();
    assert!(sheets.index_for_name("xl/worksheets/sheet2.xml").is_some());
    assert!(link.contains(&format!("day-book-{}.xlsx", today())) && link.contains("X-Amz-Expires=300"), "{link}");
    let kept = "SELECT encode(sha256, 'hex') = '%' FROM reports WHERE format = 'xlsx'";
    let hex: String = digest(&book).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        clinic.db.number(&format!("SELECT count(*) FROM ({}) AS k (same) WHERE same", kept.replace('%', &hex))).await,
        1
    );
    assert_eq!(clinic.bucket.keys().await.len(), 11);
    assert_eq!(clinic.db.number("SELECT count(*) FROM report_uploads").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rows_than_an_answer_holds_are_streamed() {
    let clinic = Clinic::new().await;
    let many = format!(
        "INSERT INTO journal_entries (id, kind, dated, source_id) SELECT n, 'DAY_CLOSE', '{0}', n FROM generate_series(1, 7000) n; \
         INSERT INTO postings SELECT n, account, sign * n FROM generate_series(1, 7000) n, (VALUES ('CASH', 1), ('SAFE', -1)) AS a (account, sign)",
        today()
    );
    clinic.db.sql(&format!("BEGIN; {many}; COMMIT")).await;
    let answer =
        clinic.server.get(&format!("{REPORTS}day-book/?date={}", today()), &clinic.accountant()).await.expect(400);
    assert_eq!(answer.body["errors"][0]["code"], "too_large");
    for format in ["csv", "json", "xlsx"] {
        let path = asked(&clinic, Role::Admin, &with(&books(), json!({"format": format}))).await;
        assert!(make(&clinic).await);
        let done = look(&clinic, Role::Admin, &path).await;
        assert_eq!(done["status"], "DONE", "{done}");
        let made = content(done["link"].as_str().unwrap()).await;
        match format {
            "csv" => assert_eq!(
                String::from_utf8(made).unwrap().lines().filter(|line| line.contains("DAY_CLOSE,")).count(),
                14_000
            ),
            "json" => {
                let made: Value = serde_json::from_slice(&made).unwrap();
                assert_eq!(made["results"].as_array().unwrap().len(), 14_000);
                assert_eq!(made["accounts"].as_array().unwrap().len(), 2);
            }
            _ => {
                let mut book = zip::ZipArchive::new(std::io::Cursor::new(made)).unwrap();
                let sheet = std::io::read_to_string(book.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
                assert_eq!(sheet.matches("<row ").count(), 14_001);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_it_waits() {
    let clinic = a_day_at_the_clinic().await;
    let path = asked(&clinic, Role::Accountant, &books()).await;
    let (away, stop) = (maker(&clinic, &store_away()), CancellationToken::new());
    for times in 1..=2 {
        assert!(away.next(&stop).await.unwrap());
        let waiting = look(&clinic, Role::Accountant, &path).await;
        assert_eq!(json!([waiting["status"], waiting["progress"], waiting["link"]]), json!(["QUEUED", 0, null]));
        let waits =
            format!("SELECT count(*) FROM reports WHERE deferrals = {times} AND attempts = 0 AND due_at > now()");
        assert_eq!(clinic.db.number(&waits).await, 1, "a try that had to wait is none");
        assert!(!away.next(&stop).await.unwrap(), "not before its pause is over");
        clinic.db.sql("UPDATE reports SET due_at = now()").await;
    }
    assert!(make(&clinic).await);
    assert_eq!(look(&clinic, Role::Accountant, &path).await["status"], "DONE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_was_making_is_made_by_another() {
    let clinic = a_day_at_the_clinic().await;
    let path = asked(&clinic, Role::Accountant, &books()).await;
    // a store that takes a connection and says nothing keeps the worker busy
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = store_at(format!("http://{}", silent.local_addr().unwrap()));
    let (busy, stop) = (maker(&clinic, &store), CancellationToken::new());
    let is_kept_up = || async {
        clinic.db.number("SELECT count(*) FROM reports WHERE due_at > created_at + interval '61 s'").await == 1
    };
    tokio::select! {
        made = busy.next(&stop) => panic!("it cannot have been made: {made:?}"),
        () = eventually(is_kept_up) => {}
    }
    let running = look(&clinic, Role::Accountant, &path).await;
    assert_eq!(json!([running["status"], running["link"]]), json!(["RUNNING", null]));
    assert!(!make(&clinic).await, "it is left to whoever has it");
    clinic.db.sql("UPDATE reports SET due_at = now()").await;
    assert!(make(&clinic).await);
    assert_eq!(look(&clinic, Role::Accountant, &path).await["status"], "DONE");
    assert_eq!(clinic.db.number("SELECT attempts FROM reports").await, 2);
    assert_eq!(clinic.db.number("SELECT count(*) FROM report_uploads").await, 1, "the killed one's, to be swept");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_a_report_changes_nothing_of_it() {
    let clinic = a_day_at_the_clinic().await;
    let path = asked(&clinic, Role::Accountant, &books()).await;
    let mut conn = clinic.db.connect().await;
    let slow = claim(&mut conn).await.unwrap().unwrap();
    assert!(claim(&mut conn).await.unwrap().is_none());
    assert!(slow.keep_up(&mut conn, 42).await.unwrap());
    assert_eq!(look(&clinic, Role::Accountant, &path).await["progress"], 42);
    clinic.db.sql("UPDATE reports SET due_at = now()").await;
    let other = claim(&mut conn).await.unwrap().unwrap();
    let made = Made { stored: Stored { size: 1, sha256: [0; 32] }, patients: vec![], file_name: "x.csv".into() };
    assert!(!slow.keep_up(&mut conn, 50).await.unwrap());
    assert!(!slow.done(&mut conn, &made).await.unwrap());
    assert!(!slow.wait(&mut conn).await.unwrap());
    assert!(other.hand_back(&mut conn).await.unwrap());
    assert!(make(&clinic).await);
    assert_eq!(look(&clinic, Role::Accountant, &path).await["status"], "DONE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_always_goes_wrong_ends_and_says_so() {
    let clinic = a_day_at_the_clinic().await;
    let path = asked(&clinic, Role::Accountant, &books()).await;
    clinic.db.sql("UPDATE reports SET parameters = '{\"date\": \"some day\"}'").await;
    for _ in 0..5 {
        clinic.db.sql("UPDATE reports SET due_at = now()").await;
        assert!(make(&clinic).await);
    }
    let failed = look(&clinic, Role::Accountant, &path).await;
    assert_eq!(json!([failed["status"], failed["reason"], failed["link"]]), json!(["FAILED", "WENT_WRONG", null]));
    assert!(!failed["finished_at"].is_null() && !make(&clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_make_each_once_and_stop_when_told() {
    let clinic = a_day_at_the_clinic().await;
    for _ in 0..6 {
        asked(&clinic, Role::Accountant, &books()).await;
    }
    let stop = CancellationToken::new();
    let (one, other) = (maker(&clinic, &clinic.app.store), maker(&clinic, &clinic.app.store));
    let all = async {
        eventually(|| async { clinic.db.number("SELECT count(*) FROM reports WHERE status = 'DONE'").await == 6 })
            .await;
        stop.cancel();
    };
    let (one, other, ()) = tokio::join!(one.run(stop.clone()), other.run(stop.clone()), all);
    one.and(other).unwrap();
    assert_eq!(clinic.db.number("SELECT count(*) FROM reports WHERE attempts = 1").await, 6);
    assert_eq!(clinic.bucket.keys().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_hands_back_what_it_has() {
    let clinic = a_day_at_the_clinic().await;
    asked(&clinic, Role::Accountant, &books()).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = store_at(format!("http://{}", silent.local_addr().unwrap()));
    let (busy, stop) = (maker(&clinic, &store), CancellationToken::new());
    let stopping = async {
        eventually(|| async { clinic.db.number("SELECT count(*) FROM reports WHERE status = 'RUNNING'").await == 1 })
            .await;
        stop.cancel();
    };
    let (made, ()) = tokio::join!(busy.next(&stop), stopping);
    assert!(made.unwrap());
    assert_eq!(
        clinic
            .db
            .number("SELECT count(*) FROM reports WHERE status = 'QUEUED' AND attempts = 0 AND due_at <= now()")
            .await,
        1
    );
    assert!(make(&clinic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_it_is() {
    let clinic = a_day_at_the_clinic().await;
    let revenue = json!({"report": "revenue", "parameters": {"start_date": today(), "end_date": today()}});
    let own = asked(&clinic, Role::Doctor, &revenue).await;
    let whole = asked(&clinic, Role::Admin, &revenue).await;
    assert!(make(&clinic).await && make(&clinic).await);
    let read = async |token: &str, path: &str| clinic.server.get(path, token).await;
    let billed = async |role: Role, path: &str| {
        let link = look(&clinic, role, path).await["link"].as_str().unwrap().to_owned();
        serde_json::from_slice::<Value>(&content(&link).await).unwrap()["total"]["billed"].clone()
    };
    assert_eq!(billed(Role::Doctor, &own).await, "630.00", "what the doctor's own visits brought");
    assert_eq!(billed(Role::Admin, &whole).await, "13230.00");
    assert_eq!(billed(Role::Accountant, &whole).await, "13230.00", "an accountant may read all revenue");
    assert_eq!(billed(Role::Accountant, &own).await, "630.00");
    read(&clinic.token(Role::Doctor), &whole).await.expect(404);
    read(&clinic.tokens.mint(41, Role::Doctor), &own).await.expect(404);
    read(&clinic.tokens.mint(1, Role::Doctor), &whole).await.expect(404); // who asked, in another role now
    for role in [Role::Receptionist, Role::Nurse, Role::Auditor, Role::Patient] {
        read(&clinic.token(role), &own).await.expect(403);
        ask(&clinic, role, &revenue).await.expect(403);
    }
    read(&clinic.admin(), &format!("{REPORTS}999/")).await.expect(404);
    ask(&clinic, Role::Doctor, &json!({"report": "gst", "parameters": {"month": "not one"}})).await.expect(403);
    ask(&clinic, Role::Doctor, &books()).await.expect(403);

    for (role, mine) in [(Role::Doctor, &own), (Role::Admin, &whole)] {
        let list = look(&clinic, role, REPORTS).await;
        let id = format!("{REPORTS}{}/", list["results"][0]["id"]);
        assert_eq!((&list["count"], &id, &list["results"][0]["link"]), (&json!(1), mine, &Value::Null));
    }
    assert_eq!(look(&clinic, Role::Accountant, REPORTS).await["count"], 0);

    clinic.db.sql("UPDATE reports SET status = 'QUEUED', asked_as = 'RECEPTIONIST', progress = 0, object = NULL, size = NULL, sha256 = NULL, file_name = NULL, finished_at = NULL, due_at = now()").await;
    assert!(make(&clinic).await && make(&clinic).await);
    let failed = look(&clinic, Role::Admin, &whole).await;
    assert_eq!(
        json!([failed["status"], failed["reason"]]),
        json!(["FAILED", "NOT_ALLOWED"]),
        "the role is looked at again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_once_and_nothing_is_made() {
    let clinic = Clinic::new().await;
    let body = json!({"report": "revenue", "format": "pdf", "colour": "red",
        "parameters": {"start_date": "2026-02-30", "end_date": 7, "group_by": "patient", "by": 1}});
    let refused = ask(&clinic, Role::Accountant, &body).await.expect(400);
    let mut fields = refused.faulty_fields();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["colour", "format", "parameters.by", "parameters.end_date", "parameters.group_by", "parameters.start_date"]
    );
    for (body, field) in [
        (json!({}), "report"),
        (json!({"report": "profits"}), "report"),
        (json!({"report": "gst"}), "parameters.month"),
        (json!({"report": "gst", "parameters": {"month": "2026-13"}}), "parameters.month"),
        (json!({"report": "gst", "parameters": "2026-11"}), "parameters"),
        (
            json!({"report": "revenue", "parameters": {"start_date": "2026-11-02", "end_date": "2026-11-01"}}),
            "parameters.end_date",
        ),
        (json!({"report": "day-book", "parameters": {"date": "2026-11-01\u{0}"}}), "parameters.date"),
    ] {
        let refused = ask(&clinic, Role::Accountant, &body).await.expect(400);
        assert!(refused.faulty_fields().contains(&field), "{body}: {}", refused.text);
    }
    assert_eq!(clinic.db.number("SELECT count(*) FROM reports").await, 0);
    clinic.server.get(&format!("{REPORTS}?status=LATE&by=me"), &clinic.accountant()).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_asks_once_and_ten_wait_at_most() {
    let clinic = Clinic::new().await;
    let post = async |key: &str, body: &Value| {
        let call = clinic.server.call(Method::POST, REPORTS).token(&clinic.accountant());
        call.header("Idempotency-Key", key).json(body).send().await
    };
    let first = post("a", &books()).await.expect(202);
    let again = post("a", &books()).await.expect(202);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    post("a", &with(&books(), json!({"format": "json"}))).await.expect(409);
    let body = books();
    let all = futures_util::future::join_all((0..12).map(|n| {
        let call = clinic.server.call(Method::POST, REPORTS).token(&clinic.accountant());
        call.header("Idempotency-Key", &n.to_string()).json(&body).send()
    }))
    .await;
    let statuses: Vec<u16> = all.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 9, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 3, "{statuses:?}");
    asked(&clinic, Role::Admin, &body).await; // another user's queue is another one

    let mut page = look(&clinic, Role::Accountant, &format!("{REPORTS}?page_size=4")).await;
    let mut seen: Vec<i64> = Vec::new();
    loop {
        seen.extend(page["results"].as_array().unwrap().iter().map(|report| report["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        page = look(&clinic, Role::Accountant, next.strip_prefix(&clinic.server.url).unwrap()).await;
    }
    assert!(seen.len() == 10 && seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    let previous = page["previous"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap().to_owned();
    assert_eq!(look(&clinic, Role::Accountant, &previous).await["results"].as_array().unwrap().len(), 4);
    assert_eq!(look(&clinic, Role::Accountant, &format!("{REPORTS}?status=DONE")).await["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_ones_are_forgotten_and_broken_tries_swept() {
    let clinic = a_day_at_the_clinic().await;
    let (old, new) =
        (asked(&clinic, Role::Accountant, &books()).await, asked(&clinic, Role::Accountant, &books()).await);
    assert!(make(&clinic).await && make(&clinic).await);
    let id = old.trim_start_matches(REPORTS).trim_end_matches('/');
    clinic.db.sql(&format!("UPDATE reports SET created_at = now() - interval '8 days' WHERE id = {id}")).await;
    // a try whose process died after its object was stored
    asked(&clinic, Role::Accountant, &books()).await;
    let killed = claim(&mut clinic.db.connect().await).await.unwrap().unwrap();
    clinic.app.store.put_bytes(Key::new(FOLDER, killed.upload), "text/csv", "half".into()).await.unwrap();
    assert_eq!(clinic.bucket.keys().await.len(), 3);
    let (pool, store) = (&clinic.app.db, &clinic.app.store);
    let swept = sweep::round(pool, store, Days::new(7), sweep::OVER).await.unwrap();
    assert_eq!((swept.reports, swept.uploads), (1, 0), "a try is left alone for an hour");
    clinic.server.get(&old, &clinic.accountant()).await.expect(404);
    clinic.db.sql("UPDATE report_uploads SET begun_at = now() - interval '2 hours'").await;
    sweep::round(pool, &store_away(), Days::new(7), sweep::OVER).await.expect_err("the store is away");
    let swept = sweep::round(pool, store, Days::new(7), sweep::OVER).await.unwrap();
    assert_eq!((swept.reports, swept.uploads), (0, 1));
    assert_eq!(clinic.bucket.keys().await.len(), 1);
    let done = look(&clinic, Role::Accountant, &new).await;
    content(done["link"].as_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_the_link_is_written_down_for_every_patient() {
    let clinic = a_day_at_the_clinic().await;
    let path = asked(&clinic, Role::Accountant, &json!({"report": "outstanding", "format": "csv"})).await;
    let read = "SELECT count(*) FROM audit_log WHERE object LIKE 'GET /api/billing/reports/%' AND outcome = 'SUCCESS' AND patients @> '{8}'";
    look(&clinic, Role::Accountant, &path).await;
    assert_eq!(clinic.db.number(read).await, 0, "nothing of anybody was shown");
    assert!(make(&clinic).await);
    look(&clinic, Role::Accountant, &path).await;
    assert_eq!(clinic.db.number(read).await, 1);
    look(&clinic, Role::Admin, &path).await;
    assert_eq!(clinic.db.number(read).await, 2);
    // whoever has had the link is named beside the report alone
    let looks = format!("SELECT count(*) FROM audit_log WHERE object = 'GET {path}' AND outcome = 'SUCCESS'");
    let before = clinic.db.number(&looks).await;
    for _ in 0..3 {
        assert!(look(&clinic, Role::Accountant, &path).await["link"].is_string());
    }
    assert_eq!((clinic.db.number(read).await, clinic.db.number(&looks).await), (2, before + 3));
    assert_eq!(clinic.db.number("SELECT count(*) FROM audit_log WHERE object = 'POST /api/billing/reports/'").await, 1);
}
