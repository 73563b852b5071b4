//! Copies of histories in Redis: never stale, loaded once, done without when Redis is away.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use auth::Role;
use chassis::redis::client::AsyncCommands;
use chassis::redis::client::aio::MultiplexedConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use events::v1::{AppointmentSnapshot, Envelope};
use events::{Handler, Payload, envelope};
use futures_util::future::join_all;
use patients::events::Heard;
use serde_json::{Value, json};
use testkit::{OwnRedis, Server, eventually};

use crate::history::{DIABETES, diabetes};
use crate::hospital::{DOCTOR, Hospital, OTHER_DOCTOR, id, lakshmi};

/// Statements on entries that one load makes: one for each kind.
const SCANS_OF_A_LOAD: i64 = 8;

fn path(patient: i64) -> String {
    format!("/api/patients/{patient}/medical-history/")
}

async fn lakshmi_with_diabetes(hospital: &Hospital) -> (i64, i64) {
    let patient = id(&hospital.register(&lakshmi()).await);
    let entry = hospital.server.post(&path(patient), &hospital.doctor(), &diabetes()).await.expect(201).body;
    (patient, id(&entry))
}

async fn read(server: &Server, hospital: &Hospital, patient: i64) -> Value {
    server.get(&path(patient), &hospital.doctor()).await.expect(200).body
}

/// How often entries were looked for, once every connection has told: they tell when they end.
async fn scans(hospital: &Hospital) -> i64 {
    let connections =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'patients_app'";
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'patients_app'";
    hospital.db.sql(end).await;
    eventually(|| async { hospital.db.number(connections).await == 0 }).await;
    let scans = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'history_entries'";
    hospital.db.number(scans).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_readers_of_a_cold_history_load_it_once() {
    let hospital = Hospital::open().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    let other = hospital.another_process().await;
    for servers in [vec![&hospital.server], vec![&hospital.server, &other]] {
        let note = json!({"kind": "NOTE", "note": "makes the history another one"});
        hospital.server.post(&path(patient), &hospital.doctor(), &note).await.expect(201);
        let before = scans(&hospital).await;
        let readers = (0..100).map(|n| read(servers[n % servers.len()], &hospital, patient));
        let answers = join_all(readers).await;
        assert!(
            answers
                .iter()
                .all(|answer| *answer == answers[0] && answer["conditions"][0]["code"]["display"] == DIABETES)
        );
        assert_eq!(scans(&hospital).await - before, SCANS_OF_A_LOAD, "by {} processes", servers.len());
    }
    let before = scans(&hospital).await;
    read(&other, &hospital, patient).await;
    assert_eq!(scans(&hospital).await, before, "a copy is read");
}

/// Holds up whoever loads a history, until told to let go.
async fn hold_up(hospital: &Hospital) -> AsyncPgConnection {
    let mut conn = hospital.db.connect().await;
    conn.batch_execute("BEGIN; LOCK TABLE history_entries IN ACCESS EXCLUSIVE MODE").await.unwrap();
    conn
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_takes_long_is_waited_for_by_every_process() {
    let hospital = Hospital::open().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    let other = hospital.another_process().await;
    let before = scans(&hospital).await;
    let mut held = hold_up(&hospital).await;
    let readers = (0..20).map(|n| read([&hospital.server, &other][n % 2], &hospital, patient));
    let (answers, ()) = tokio::join!(join_all(readers), async {
        // longer than a lock lasts by itself, shorter than a statement may take
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        held.batch_execute("COMMIT").await.unwrap();
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(scans(&hospital).await - before, SCANS_OF_A_LOAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_another_process_has_taken_meanwhile_is_left_alone() {
    let redis = OwnRedis::start().await;
    let hospital = Hospital::open_on(OwnRedis::config(redis.port())).await;
    let mut conn = redis.connect().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    let mut held = hold_up(&hospital).await;
    let (_answer, lock) = tokio::join!(read(&hospital.server, &hospital, patient), async {
        eventually(|| {
            let mut conn = conn.clone();
            async move { !copies(&mut conn).await.is_empty() }
        })
        .await;
        let lock = copies(&mut conn).await.remove(0);
        assert!(lock.ends_with(":lock"), "{lock}");
        let () = conn.set(&lock, "another's").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.batch_execute("COMMIT").await.unwrap();
        lock
    });
    let left: String = conn.get(&lock).await.unwrap();
    assert_eq!(
        (left.as_str(), conn.ttl::<_, i64>(&lock).await.unwrap()),
        ("another's", -1),
        "neither ended nor prolonged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_whoever_wrote_it() {
    let hospital = Hospital::open().await;
    let (patient, entry) = lakshmi_with_diabetes(&hospital).await;
    let other = hospital.another_process().await;
    for n in 0..20 {
        let note = format!("visit {n}");
        let entry = format!("{}{entry}/", path(patient));
        hospital.server.patch(&entry, &hospital.doctor(), &json!({"note": note})).await.expect(200);
        for server in [&other, &hospital.server, &other] {
            assert_eq!(read(server, &hospital, patient).await["conditions"][0]["note"], note);
        }
    }
    // by hand, as an import or a merge would
    hospital.db.sql("UPDATE history_entries SET note = 'by hand', version = version + 1").await;
    assert_eq!(read(&other, &hospital, patient).await["conditions"][0]["note"], "by hand");
    let target = hospital.register_named("Lakshmi", "Raman").await;
    let admin = hospital.admin();
    hospital.server.get(&path(target), &admin).await.expect(200);
    hospital.db.sql(&format!("UPDATE history_entries SET patient = {target}")).await;
    assert_eq!(read(&other, &hospital, patient).await["conditions"], json!([]));
    let moved = hospital.server.get(&path(target), &admin).await.expect(200).body;
    assert_eq!((&moved["conditions"][0]["id"], &moved["conditions"][0]["patient"]), (&json!(entry), &json!(target)));
}

#[tokio::test(flavor = "multi_thread")]
async fn appointments_come_by_events() {
    let hospital = Hospital::open().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    assert_eq!(read(&hospital.server, &hospital, patient).await["appointments"], json!([]));
    let mut conn = hospital.db.connect().await;
    let starts_at = "2026-11-24T04:30:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    for (status, version) in [("SCHEDULED", 1), ("CONFIRMED", 2), ("SCHEDULED", 1)] {
        let snapshot = AppointmentSnapshot {
            id: 31,
            patient_id: patient,
            doctor_id: DOCTOR,
            starts_at: Some(envelope::timestamp(starts_at)),
            ends_at: Some(envelope::timestamp(starts_at + chrono::Duration::minutes(30))),
            status: status.to_owned(),
            appointment_type: "IN_PERSON".to_owned(),
            doctor_name: "Asha Menon".to_owned(),
            version,
            ..AppointmentSnapshot::default()
        };
        let event = Envelope::new(None, ("appointment", 31), None, Payload::AppointmentUpdated(snapshot));
        Heard.apply(&mut conn, &event).await.unwrap();
        let status = if version == 1 && status == "SCHEDULED" {
            read(&hospital.server, &hospital, patient).await["appointments"][0]["status"].clone()
        } else {
            json!("CONFIRMED")
        };
        let shown = read(&hospital.server, &hospital, patient).await["appointments"].clone();
        assert_eq!(
            shown,
            json!([{"id": 31, "doctor": DOCTOR, "doctor_name": "Asha Menon", "date": "2026-11-24", "time_slot": "10:00:00",
                "end_time": "10:30:00", "status": status, "appointment_type": "IN_PERSON"}])
        );
    }
    assert_eq!(hospital.count("care_appointments WHERE status = 'CONFIRMED'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_of_no_use_to_who_may_not_read_it() {
    let hospital = Hospital::open().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    for token in [hospital.doctor(), hospital.patient(), hospital.admin()] {
        hospital.server.get(&path(patient), &token).await.expect(200);
    }
    let stranger = hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor);
    hospital.server.get(&path(patient), &stranger).await.expect(404);
    hospital.server.get(&path(patient), &hospital.receptionist()).await.expect(403);
    // whoever has it is told so, and it is written down that they were
    let known = hospital.server.call(reqwest::Method::GET, &path(patient)).token(&hospital.doctor());
    known.header("if-none-match", "\"1\"").send().await.expect(304);
    let rows = format!("audit_log WHERE action = 'HistoryRead' AND outcome = 'SUCCESS' AND patients = '{{{patient}}}'");
    assert_eq!(hospital.count(&rows).await, 4);
}

async fn copies(redis: &mut MultiplexedConnection) -> Vec<String> {
    redis.keys("ehs:history:*").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_die_and_come_back() {
    let redis = OwnRedis::start().await;
    let port = redis.port();
    let hospital = Hospital::open_on(OwnRedis::config(port)).await;
    let mut conn = redis.connect().await;
    let (patient, entry) = lakshmi_with_diabetes(&hospital).await;
    read(&hospital.server, &hospital, patient).await;
    assert_eq!(copies(&mut conn).await.len(), 1, "the copy, and no lock");
    let name = copies(&mut conn).await.remove(0);
    let left: i64 = conn.ttl(&name).await.unwrap();
    assert!((1..=300).contains(&left));
    drop(redis);
    let entry = format!("{}{entry}/", path(patient));
    for n in 0..5 {
        let note = format!("without Redis {n}");
        hospital.server.patch(&entry, &hospital.doctor(), &json!({"note": note})).await.expect(200);
        let answers = join_all((0..10).map(|_| read(&hospital.server, &hospital, patient))).await;
        assert!(answers.iter().all(|answer| answer["conditions"][0]["note"] == note));
    }
    let redis = OwnRedis::on(port).await;
    let mut conn = redis.connect().await;
    eventually(|| {
        let mut conn = conn.clone();
        let hospital = &hospital;
        async move {
            read(&hospital.server, hospital, patient).await;
            copies(&mut conn).await.len() == 1
        }
    })
    .await;
    assert_eq!(copies(&mut conn).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_never_answers_is_not_waited_for() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let hospital = Hospital::open_on(OwnRedis::config(silent.local_addr().unwrap().port())).await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    read(&hospital.server, &hospital, patient).await;
    // asked once a second at most: a second's worth of reads waits for one deadline, not for each its own
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(read(&hospital.server, &hospital, patient).await["conditions"][0]["code"]["display"], DIABETES);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_holds_nothing_that_it_could_tell_or_swap() {
    let redis = OwnRedis::start().await;
    let hospital = Hospital::open_on(OwnRedis::config(redis.port())).await;
    let mut conn = redis.connect().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    read(&hospital.server, &hospital, patient).await;
    let name = copies(&mut conn).await.remove(0);
    let copy: Vec<u8> = conn.get(&name).await.unwrap();
    for told in [DIABETES, "44054006", "conditions", "diet first"] {
        assert!(!copy.windows(told.len()).any(|window| window == told.as_bytes()), "{told}");
        assert!(!name.contains(told));
    }
    let other = hospital.register_named("Ravi", "").await;
    let note = json!({"kind": "NOTE", "note": "of Ravi"});
    hospital.server.post(&path(other), &hospital.admin(), &note).await.expect(201);
    let admin = hospital.admin();
    hospital.server.get(&path(other), &admin).await.expect(200);
    let others = copies(&mut conn).await.into_iter().find(|found| *found != name).unwrap();
    let () = conn.set(&others, &copy).await.unwrap();
    assert_eq!(hospital.server.get(&path(other), &admin).await.expect(200).body["notes"][0]["note"], "of Ravi");
    for nonsense in [vec![], vec![7], vec![0; 100]] {
        let () = conn.set(&name, nonsense).await.unwrap();
        assert_eq!(read(&hospital.server, &hospital, patient).await["conditions"][0]["code"]["display"], DIABETES);
    }
}

/// A copy is of a reach: should one ever be shown less than another, no copy crosses.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_another_reach_have_another_copy() {
    let redis = OwnRedis::start().await;
    let hospital = Hospital::open_on(OwnRedis::config(redis.port())).await;
    let mut conn = redis.connect().await;
    let (patient, _) = lakshmi_with_diabetes(&hospital).await;
    for (reader, is_another) in [
        (hospital.doctor(), 1),
        (hospital.nurse(), 0),
        (hospital.patient(), 1),
        (hospital.admin(), 1),
        (hospital.doctor(), 0),
    ] {
        let before = copies(&mut conn).await.len();
        hospital.server.get(&path(patient), &reader).await.expect(200);
        assert_eq!(copies(&mut conn).await.len(), before + is_another);
    }
}
