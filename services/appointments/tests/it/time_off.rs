//! Leave, blocks, and the appointments that they hit.

use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, RAO, SEN, day, slot};

fn path(doctor: i64) -> String {
    format!("/api/appointments/doctor/{doctor}/time-off/")
}

fn leave(first: u64, last: u64) -> Value {
    json!({"start_date": day(first), "end_date": day(last), "reason": "conference"})
}

#[tokio::test]
async fn leave_lists_and_marks_what_it_hits_until_that_is_moved() {
    let hospital = Hospital::new().await;
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let before = hospital.booked(&slot(OTHER, RAO, day(2), "16:30:00")).await["id"].clone();
    let elsewhere = hospital.booked(&slot(OTHER, SEN, day(3), "10:00:00")).await["id"].clone();
    let taken = hospital.post(DESK, &path(RAO), &leave(3, 4)).await.expect(201).body;
    assert_eq!(
        (&taken["kind"], &taken["doctor"], &taken["start_date"]),
        (&json!("LEAVE"), &json!(RAO), &json!(day(3)))
    );
    assert_eq!(
        (&taken["start_time"], &taken["end_date"], &taken["end_time"]),
        (&json!("00:00:00"), &json!(day(4)), &json!(null))
    );
    assert_eq!((&taken["affected_count"], &taken["affected"][0]["id"]), (&json!(1), &hit));
    assert_eq!(taken["affected"][0]["needs_rescheduling"], true);
    assert_eq!(taken["affected"][0]["rescheduling_cause"], "LEAVE");
    let marked = hospital.get(DESK, "/api/appointments/?needs_rescheduling=true").await.expect(200).body;
    assert_eq!((&marked["count"], &marked["results"][0]["id"]), (&json!(1), &hit));
    let others = hospital.get(DESK, "/api/appointments/?needs_rescheduling=false&ordering=date").await.expect(200).body;
    assert_eq!((&others["results"][0]["id"], &others["results"][1]["id"]), (&before, &elsewhere));
    let refused = hospital.get(DESK, "/api/appointments/?needs_rescheduling=1").await.expect(400);
    assert_eq!(refused.faulty_fields(), ["needs_rescheduling"]);

    // Nobody is booked then, and the schedule and the offers say so.
    let refused = hospital.book(DESK, &slot(200, RAO, day(4), "10:00:00")).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "doctor_away");
    let slots = hospital.slots(RAO, day(3)).await;
    assert_eq!(slots.iter().filter(|slot| slot.1 == "BLOCKED").count(), 15);
    let clash = hospital.book(DESK, &slot(201, RAO, day(2), "16:30:00")).await.expect(409);
    assert_eq!(
        clash.body["next_available"][0],
        json!({"date": day(5), "time_slot": "09:00:00", "end_time": "09:30:00"})
    );

    // It may be told about, changed where it stands, and is no more marked once it is moved.
    hospital.patch(DESK, &hit, &json!({"reason": "cough"})).await.expect(200);
    let moved = hospital.patch(DESK, &hit, &json!({"date": day(5)})).await.expect(200).body;
    assert_eq!((&moved["needs_rescheduling"], &moved["rescheduling_cause"]), (&json!(false), &json!(null)));
    let history = hospital.get(DESK, &format!("/api/appointments/{hit}/history/")).await.expect(200).body;
    assert_eq!(history["results"][2]["changed"], json!(["needs_rescheduling"]));
    assert_eq!(history["results"][2]["why"], "the doctor is away");
}

#[tokio::test]
async fn a_block_of_some_hours_is_taken_back() {
    let hospital = Hospital::new().await;
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(3), "14:30:00")).await["id"].clone();
    let both = hospital.booked(&slot(OTHER, RAO, day(3), "15:00:00")).await["id"].clone();
    let mut block = leave(3, 3);
    (block["start_time"], block["end_time"], block["kind"]) = (json!("14:00"), json!("16:00"), json!("BLOCK"));
    let first = hospital.post(RAO, &path(RAO), &block).await.expect(201).body;
    assert_eq!((&first["kind"], &first["affected_count"]), (&json!("BLOCK"), &json!(2)));
    assert_eq!((&first["start_time"], &first["end_time"]), (&json!("14:00:00"), &json!("16:00:00")));
    (block["start_time"], block["end_time"]) = (json!("15:00"), json!("17:00"));
    hospital.post(RAO, &path(RAO), &block).await.expect(201);
    hospital.booked(&slot(200, RAO, day(3), "13:30:00")).await;
    hospital.book(DESK, &slot(201, RAO, day(3), "13:45:00")).await.expect(400);
    let list = hospital.get(RAO, &path(RAO)).await.expect(200).body;
    assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(2), &first["id"]));

    let one = format!("{}{}/", path(RAO), first["id"]);
    hospital.server.delete(&one, &hospital.token(SEN)).await.expect(403);
    hospital.server.delete(&one, &hospital.token(RAO)).await.expect(204);
    hospital.server.delete(&one, &hospital.token(RAO)).await.expect(404);
    // The other block still hits the second of them.
    let needs = async |id: &Value| {
        hospital.get(DESK, &format!("/api/appointments/{id}/")).await.expect(200).body["needs_rescheduling"].clone()
    };
    assert_eq!((needs(&hit).await, needs(&both).await), (json!(false), json!(true)));
    hospital.booked(&slot(201, RAO, day(3), "14:00:00")).await;
}

#[tokio::test]
async fn leave_that_makes_no_sense_is_refused() {
    let hospital = Hospital::new().await;
    for (change, field) in [
        (json!({"start_date": day(5), "end_date": day(4)}), "end_date"),
        (json!({"start_date": day(1), "end_date": day(367)}), "end_date"),
        (json!({"start_date": "2020-01-01", "end_date": "2020-01-02"}), "end_date"),
        (json!({"start_date": day(1), "end_date": day(1), "start_time": "10:00", "end_time": "10:00"}), "end_time"),
        (json!({"start_date": day(1), "end_date": day(1), "start_time": "24:00:00"}), "start_time"),
        (json!({"start_date": day(1), "end_date": day(1), "kind": "HOLIDAY"}), "kind"),
        (json!({"start_date": day(1), "end_date": day(1), "reason": "x".repeat(201)}), "reason"),
        (json!({"start_date": day(1)}), "end_date"),
        (json!({"start_date": day(1), "end_date": day(1), "days": 1}), "days"),
    ] {
        let refused = hospital.post(DESK, &path(RAO), &change).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{change}");
    }
    hospital.post(RAO, &path(SEN), &leave(1, 1)).await.expect(403);
    hospital.post(NURSE, &path(RAO), &leave(1, 1)).await.expect(403);
    hospital.post(LAKSHMI_ACCOUNT, &path(RAO), &leave(1, 1)).await.expect(403);
    hospital.post(DESK, &path(NURSE), &leave(1, 1)).await.expect(404);
    assert_eq!(hospital.db.number("SELECT count(*) FROM time_off").await, 0);
}

#[tokio::test]
async fn a_key_sent_again_takes_leave_once() {
    let hospital = Hospital::new().await;
    let send = || {
        let call = hospital.server.call(Method::POST, &path(RAO)).token(&hospital.token(DESK));
        call.header("idempotency-key", "leave-1").json(&leave(1, 2)).send()
    };
    let (one, two) = tokio::join!(send(), send());
    assert_eq!(one.expect(201).body, two.expect(201).body);
    assert_eq!(hospital.db.number("SELECT count(*) FROM time_off").await, 1);
}

#[tokio::test]
async fn leave_and_bookings_at_once_leave_nothing_unmarked() {
    let hospital = Hospital::new().await;
    let bodies: Vec<Value> =
        (0..10).map(|i| slot(200 + i, RAO, day(3), &format!("{:02}:{:02}", 9 + i / 2, 30 * (i % 2)))).collect();
    let bookings = futures_util::future::join_all(bodies.iter().map(|body| hospital.book(DESK, body)));
    let absence = leave(3, 3);
    let (answers, taken) =
        tokio::join!(bookings, async { hospital.post(DESK, &path(RAO), &absence).await.expect(201) });
    let booked = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 201 | 400)));
    assert_eq!(taken.body["affected_count"], json!(booked));
    let unmarked = "SELECT count(*) FROM appointments WHERE rescheduling_cause IS NULL";
    assert_eq!(hospital.db.number(unmarked).await, 0);
}

#[tokio::test]
async fn leave_is_read_alone_and_taken_back_as_it_was_seen() {
    let hospital = Hospital::new().await;
    let taken = hospital.post(DESK, &path(RAO), &leave(3, 4)).await.expect(201);
    let one = format!("{}{}/", path(RAO), taken.body["id"]);
    assert_eq!((taken.header("location"), taken.header("etag")), (one.as_str(), "\"1\""));
    let read = hospital.get(RAO, &one).await.expect(200);
    assert_eq!(read.header("etag"), "\"1\"");
    let list = hospital.get(RAO, &path(RAO)).await.expect(200).body;
    assert_eq!(read.body, list["results"][0]);
    hospital.get(SEN, &one).await.expect(403);
    // Under another doctor it is not found, and neither is what never was.
    let id = taken.body["id"].as_i64().unwrap();
    hospital.get(DESK, &format!("{}{id}/", path(SEN))).await.expect(404);
    hospital.get(DESK, &format!("{}{}/", path(RAO), id + 1)).await.expect(404);
    let call = |method: Method, header: &str, tag: &str| {
        hospital.server.call(method, &one).token(&hospital.token(RAO)).header(header, tag).send()
    };
    call(Method::GET, "if-none-match", "\"1\"").await.expect(304);
    for stale in ["\"2\"", "\"0\"", "rubbish"] {
        call(Method::DELETE, "if-match", stale).await.expect(412);
    }
    assert_eq!(hospital.db.number("SELECT count(*) FROM time_off").await, 1);
    call(Method::DELETE, "if-match", "\"1\"").await.expect(204);
    call(Method::DELETE, "if-match", "\"1\"").await.expect(404);
}
