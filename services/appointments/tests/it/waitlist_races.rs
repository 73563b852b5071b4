//! Several at once: workers, answers, bookings.

use std::time::Duration;

use appointments::waitlist::round::Rounds;
use appointments::worker;
use chrono::{TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use events::Outbox;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Queues, eventually};
use tokio_util::sync::CancellationToken;

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER, RAO, calendar, day, pace, slot};
use crate::waitlist::{WAITLIST, answer, cancel, entry, frees, joined, round, rounds, waits};

#[tokio::test]
async fn of_many_answers_at_once_one_counts_and_all_say_the_same() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    let users = [LAKSHMI_ACCOUNT, DESK, LAKSHMI_ACCOUNT, DESK, LAKSHMI_ACCOUNT];
    let answers = join_all(users.map(|user| answer(&hospital, user, &id, "accept"))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 201]);
    assert!(answers.iter().all(|answer| answer.body["id"] == answers[0].body["id"]));
    assert_eq!(hospital.rows().await, 2, "one cancelled, one booked");
}

#[tokio::test]
async fn a_key_sent_again_gives_the_first_answer_again() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    let send = |word: &str, key: &str| {
        let call = hospital.server.call(Method::POST, &format!("{WAITLIST}{id}/{word}/")).token(&hospital.token(DESK));
        call.header("idempotency-key", key).send()
    };
    let declined = send("decline", "no").await.expect(200);
    let again = send("decline", "no").await.expect(200);
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&declined.body, "true"));
    send("decline", "other").await.expect(409);
    frees(&hospital, RAO, day(2), "11:00:00").await;
    round(&hospital).await;
    let (one, two) = tokio::join!(send("accept", "yes"), send("accept", "yes"));
    let (one, two) = (one.expect(201), two.expect(201));
    assert_eq!(one.body, two.body);
    assert_eq!(one.body["time_slot"], "11:00:00");
}

#[tokio::test]
async fn accepting_what_was_seen_takes_nothing_else() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    let seen = hospital.get(LAKSHMI_ACCOUNT, &format!("{WAITLIST}{id}/")).await.expect(200);
    answer(&hospital, DESK, &id, "decline").await.expect(200);
    frees(&hospital, RAO, day(2), "15:00:00").await;
    round(&hospital).await;
    let accept = |tag: &str| {
        let call = hospital.server.call(Method::POST, &format!("{WAITLIST}{id}/accept/"));
        call.token(&hospital.token(LAKSHMI_ACCOUNT)).header("if-match", tag).send()
    };
    accept(seen.header("etag")).await.expect(412);
    let now = hospital.get(LAKSHMI_ACCOUNT, &format!("{WAITLIST}{id}/")).await.expect(200);
    assert_eq!(accept(now.header("etag")).await.expect(201).body["time_slot"], "15:00:00");
}

#[tokio::test]
async fn workers_side_by_side_offer_each_slot_once() {
    let hospital = Hospital::new().await;
    for patient in 200..220 {
        joined(&hospital, &waits(patient, RAO)).await;
    }
    for i in 0..8 {
        frees(&hospital, RAO, day(2), &format!("{:02}:{:02}:00", 9 + i / 2, 30 * (i % 2))).await;
    }
    let rounds = rounds(&hospital).await;
    let done = join_all((0..4).map(|_| rounds.round(Utc::now()))).await;
    let offered: usize = done.into_iter().map(|done| done.unwrap().offered).sum();
    assert_eq!(offered, 8);
    let slots = "SELECT count(DISTINCT starts_at) FROM waitlist_offers WHERE status = 'OPEN'";
    assert_eq!(hospital.db.number(slots).await, 8);
    let in_turn = "SELECT count(*) FROM waitlist_entries WHERE status = 'OFFERED' AND patient_id < 208";
    assert_eq!(hospital.db.number(in_turn).await, 8, "the first eight");
    let later = Utc::now() + TimeDelta::minutes(16);
    let done = join_all((0..4).map(|_| rounds.round(later))).await;
    let (lapsed, offered) =
        done.into_iter().map(Result::unwrap).fold((0, 0), |sum, done| (sum.0 + done.lapsed, sum.1 + done.offered));
    assert_eq!((lapsed, offered), (8, 8));
}

#[tokio::test]
async fn a_booking_and_an_offer_of_one_time_never_both_get_it() {
    let hospital = Hospital::new().await;
    for i in 0..10_u64 {
        let (patient, rival) = (200 + i64::try_from(i).unwrap(), 250 + i64::try_from(i).unwrap());
        let body = json!({"patient": patient, "doctor": RAO, "start_date": day(2 + i), "end_date": day(2 + i)});
        let id = joined(&hospital, &body).await;
        frees(&hospital, RAO, day(2 + i), "10:00:00").await;
        let wanted = slot(rival, RAO, day(2 + i), "10:15:00");
        let (done, booked) = tokio::join!(round(&hospital), hospital.book(DESK, &wanted));
        let offer = entry(&hospital, &id).await["offer"]["time_slot"].clone();
        match booked.status.as_u16() {
            201 => assert_eq!((done.offered, offer), (0, Value::Null)),
            409 => assert_eq!((done.offered, offer), (1, json!("10:00:00"))),
            other => panic!("{other}: {}", booked.text),
        }
    }
    assert_eq!(hospital.db.number(OVERLAPS).await, 0);
}

const OVERLAPS: &str = "SELECT count(*) FROM waitlist_offers o JOIN appointments a ON a.doctor_id = o.doctor_id \
    AND a.status NOT IN ('CANCELLED', 'NO_SHOW') AND o.status = 'OPEN' \
    AND tstzrange(a.held_from, a.held_until) && tstzrange(o.held_from, o.held_until)";

#[tokio::test]
async fn who_writes_without_our_locks_is_kept_out_all_the_same() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    let mut rival = hospital.db.connect().await;
    let insert = format!(
        "BEGIN; INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) \
         VALUES ({OTHER}, {RAO}, '{0}T10:10:00+05:30', '{0}T10:40:00+05:30', 'SCHEDULED', 'IN_PERSON', '', '', '')",
        day(2)
    );
    rival.batch_execute(&insert).await.unwrap();
    // The offer waits for the rival, and then sees what it has written.
    let (done, ()) = tokio::join!(round(&hospital), async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually(async || hospital.db.number(waiting).await > 0).await;
        rival.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(hospital.db.number(OVERLAPS).await, 0);
    assert_eq!((done.offered, &entry(&hospital, &id).await["status"]), (0, &json!("WAITING")));
}

/// A day at the desk: some join, some call off, some accept or decline, some book, with two workers.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_day_leaves_no_overlap_and_no_riddle() {
    let hospital = Hospital::new().await;
    hospital
        .db
        .sql("UPDATE availability SET slot_minutes = 15; UPDATE availability_hours SET end_time = '12:00'")
        .await;
    let stop = CancellationToken::new();
    let rounds = Rounds {
        pool: hospital.db.pool().await,
        calendar: calendar(),
        outbox: Outbox::new(),
        hold: TimeDelta::minutes(15),
    };
    let worker = async || {
        while !stop.is_cancelled() {
            rounds.round(Utc::now()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let desk = async {
        let met = join_all((0..10).map(|n| client(&hospital, n))).await;
        stop.cancel();
        met
    };
    let ((), (), met) = tokio::join!(worker(), worker(), desk);
    let others: Vec<_> = met.iter().flat_map(|met| &met.others).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(met.iter().map(|met| met.accepted).sum::<usize>() > 0, "somebody has accepted something");
    assert_eq!(hospital.db.number(OVERLAPS).await, 0);
    let booked = "SELECT count(*) FROM appointments a JOIN appointments b ON a.id < b.id AND a.doctor_id = b.doctor_id \
        AND a.status <> 'CANCELLED' AND b.status <> 'CANCELLED' AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)";
    assert_eq!(hospital.db.number(booked).await, 0);
    let strays = "SELECT count(*) FROM waitlist_entries e WHERE (e.status = 'OFFERED') <> \
        EXISTS (SELECT 1 FROM waitlist_offers o WHERE o.entry_id = e.id AND o.status = 'OPEN')";
    assert_eq!(hospital.db.number(strays).await, 0, "OFFERED is who has an open offer");
    let accepted = "SELECT count(*) FROM waitlist_entries WHERE status = 'BOOKED'";
    let taken = met.iter().map(|met| met.accepted).sum::<usize>();
    assert_eq!(hospital.db.number(accepted).await, i64::try_from(taken).unwrap());
}

#[derive(Default)]
struct Met {
    accepted: usize,
    others: Vec<(String, u16, String)>,
}

async fn client(hospital: &Hospital, n: u64) -> Met {
    let (mut roll, patient) = (n * 7 + 3, 200 + i64::try_from(n).unwrap());
    let (mut accepted, mut others) = (0, Vec::new());
    let mut booked: Vec<Value> = Vec::new();
    for _ in 0..30 {
        roll = roll.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let quarter = (roll >> 33) % 12;
        let time = format!("{:02}:{:02}:00", 9 + quarter / 4, quarter % 4 * 15);
        let mine =
            hospital.get(DESK, &format!("{WAITLIST}?patient={patient}&ordering=-created_at")).await.expect(200).body;
        let (id, status) = (mine["results"][0]["id"].clone(), mine["results"][0]["status"].clone());
        let mut note = |what: &str, answer: &testkit::Answer, fine: &[u16]| {
            let code = answer.status.as_u16();
            if !fine.contains(&code) {
                others.push((what.to_owned(), code, answer.text.clone()));
            }
            code
        };
        match (status.as_str(), (roll >> 50) % 3) {
            (Some("OFFERED"), 0) => {
                note("decline", &answer(hospital, DESK, &id, "decline").await, &[200, 409]);
            }
            (Some("OFFERED"), _) => {
                let taken = answer(hospital, DESK, &id, "accept").await;
                if note("accept", &taken, &[201, 409]) == 201 {
                    booked.push(taken.body["id"].clone());
                    accepted += 1;
                }
            }
            (Some("WAITING"), 0) if !booked.is_empty() => cancel(hospital, &booked.remove(0)).await,
            (Some("WAITING"), _) => {
                let answer = hospital.book(DESK, &slot(patient, RAO, day(2), &time)).await;
                if note("book", &answer, &[201, 409]) == 201 {
                    booked.push(answer.body["id"].clone());
                }
            }
            _ => {
                note("join", &hospital.post(DESK, WAITLIST, &waits(patient, RAO)).await, &[201]);
            }
        }
    }
    Met { accepted, others }
}

#[tokio::test]
async fn the_worker_does_it_all_by_itself() {
    let hospital = Hospital::new().await;
    let queues = Queues::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker::run(hospital.db.pool().await, queues.sqs(), pace(), stop.clone()));
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    eventually(async || entry(&hospital, &id).await["status"] == "OFFERED").await;
    hospital.db.sql("UPDATE waitlist_offers SET offered_at = now() - interval '1 hour', expires_at = now() - interval '1 second'").await;
    eventually(async || entry(&hospital, &id).await["status"] == "WAITING").await;
    stop.cancel();
    running.await.unwrap().unwrap();
}
