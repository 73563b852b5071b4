//! Those who wait: joining, being offered, accepting, declining, lapsing, leaving.

use std::sync::Arc;

use appointments::waitlist::round::{Done, Rounds};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::Outbox;
use events::subscriptions::Subscriptions;
use events::v1::Envelope;
use prost::Message;
use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{
    ADMIN, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER, OTHER_ACCOUNT, RAO, SEN, calendar, day, slot,
};

pub const WAITLIST: &str = "/api/appointments/waitlist/";
pub const HOLD: TimeDelta = TimeDelta::minutes(15);

/// What a worker does, at whatever time.
pub async fn rounds(hospital: &Hospital) -> Rounds {
    Rounds { pool: hospital.db.pool().await, calendar: calendar(), outbox: Outbox::new(), hold: HOLD }
}

pub async fn round_at(hospital: &Hospital, now: DateTime<Utc>) -> Done {
    rounds(hospital).await.round(now).await.unwrap()
}

pub async fn round(hospital: &Hospital) -> Done {
    round_at(hospital, Utc::now()).await
}

/// For a doctor, within the next ten days.
pub fn waits(patient: i64, doctor: i64) -> Value {
    json!({"patient": patient, "doctor": doctor, "start_date": day(0), "end_date": day(10)})
}

/// Puts somebody on the list at the desk; gives their entry.
pub async fn joined(hospital: &Hospital, body: &Value) -> Value {
    hospital.post(DESK, WAITLIST, body).await.expect(201).body["id"].clone()
}

pub async fn entry(hospital: &Hospital, id: &Value) -> Value {
    hospital.get(DESK, &format!("{WAITLIST}{id}/")).await.expect(200).body
}

pub async fn answer(hospital: &Hospital, user: i64, id: &Value, word: &str) -> testkit::Answer {
    let call = hospital.server.call(Method::POST, &format!("{WAITLIST}{id}/{word}/"));
    call.token(&hospital.token(user)).send().await
}

/// Books somebody at a time and calls it off, so that the time comes free.
pub async fn frees(hospital: &Hospital, doctor: i64, date: NaiveDate, time: &str) {
    let id = hospital.booked(&slot(299, doctor, date, time)).await["id"].clone();
    cancel(hospital, &id).await;
}

pub async fn cancel(hospital: &Hospital, id: &Value) {
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "travels"});
    hospital.patch(DESK, id, &cancel).await.expect(200);
}

#[tokio::test]
async fn who_waits_is_offered_what_comes_free_and_has_it_by_accepting() {
    let hospital = Hospital::new().await;
    let booked = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await["id"].clone();
    let mut body = waits(LAKSHMI, RAO);
    (body["reason"], body["appointment_type"]) = (json!("knee"), json!("TELECONSULT"));
    let began = hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &body).await.expect(201);
    let id = began.body["id"].clone();
    assert_eq!((began.header("location"), began.header("etag")), (format!("{WAITLIST}{id}/").as_str(), "\"1\""));
    assert_eq!((&began.body["status"], &began.body["urgency"]), (&json!("WAITING"), &json!("ROUTINE")));
    assert_eq!((&began.body["patient_name"], &began.body["doctor_name"]), (&json!("Lakshmi R"), &json!("Asha Rao")));
    assert_eq!((&began.body["offer"], &began.body["appointment"]), (&json!(null), &json!(null)));
    assert_eq!(round(&hospital).await, Done::default(), "nothing has come free");

    cancel(&hospital, &booked).await;
    assert_eq!(round(&hospital).await, Done { offered: 1, ..Done::default() });
    let offered = hospital.get(LAKSHMI_ACCOUNT, &format!("{WAITLIST}{id}/")).await.expect(200);
    let offer = &offered.body["offer"];
    assert_eq!((&offered.body["status"], &offer["doctor"]), (&json!("OFFERED"), &json!(RAO)));
    assert_eq!((&offer["date"], &offer["time_slot"]), (&json!(day(2)), &json!("10:00:00")));
    assert_eq!((&offer["end_time"], &offer["doctor_name"]), (&json!("10:30:00"), &json!("Asha Rao")));
    let expires: DateTime<Utc> = offer["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires > Utc::now() + TimeDelta::minutes(10) && expires < Utc::now() + TimeDelta::minutes(16));

    let taken = answer(&hospital, LAKSHMI_ACCOUNT, &id, "accept").await.expect(201);
    let appointment = &taken.body;
    assert_eq!(taken.header("location"), format!("/api/appointments/{}/", appointment["id"]));
    assert_eq!((&appointment["patient"], &appointment["doctor"]), (&json!(LAKSHMI), &json!(RAO)));
    assert_eq!((&appointment["date"], &appointment["time_slot"]), (&json!(day(2)), &json!("10:00:00")));
    assert_eq!((&appointment["reason"], &appointment["appointment_type"]), (&json!("knee"), &json!("TELECONSULT")));
    let again = answer(&hospital, LAKSHMI_ACCOUNT, &id, "accept").await.expect(200);
    assert_eq!(&again.body, appointment, "accepting again gives the same");
    let done = entry(&hospital, &id).await;
    assert_eq!((&done["status"], &done["appointment"]), (&json!("BOOKED"), &appointment["id"]));
    assert_eq!(done["offer"], json!(null));
    let steps: Vec<&Value> = done["history"].as_array().unwrap().iter().map(|line| &line["status"]).collect();
    assert_eq!(steps, ["BOOKED", "OFFERED", "WAITING"]);
    assert_eq!(
        (&done["history"][0]["changed_by"], &done["history"][1]["changed_as"]),
        (&json!(1000), &json!("SYSTEM"))
    );
    assert_eq!(hospital.rows().await, 2);
    let audited = |operation: &str| {
        format!(
            "SELECT count(*) FROM audit_log WHERE object LIKE '{operation}%' AND outcome = 'SUCCESS' AND patients @> '{{100}}'"
        )
    };
    assert_eq!(hospital.db.number(&audited("WORKER offer")).await, 1);
    assert_eq!(hospital.db.number(&audited("POST /api/appointments/waitlist/")).await, 3, "joined, accepted, again");
    answer(&hospital, LAKSHMI_ACCOUNT, &id, "decline").await.expect(409);
}

#[tokio::test]
async fn the_urgent_come_first_then_who_came_first_and_only_who_fits() {
    let hospital = Hospital::new().await;
    let wednesday = json!({"weekdays": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "latest_time": "09:30:00"});
    let mut unfit = waits(200, RAO);
    unfit["weekdays"] = wednesday["weekdays"].clone();
    unfit["latest_time"] = wednesday["latest_time"].clone();
    let unfit = joined(&hospital, &unfit).await;
    let first = joined(&hospital, &waits(201, RAO)).await;
    let mut field = waits(202, RAO);
    (field["doctor"], field["specialization"]) = (json!(null), json!("cardiology"));
    let field = joined(&hospital, &field).await;
    let mut urgent = waits(203, RAO);
    urgent["urgency"] = json!("URGENT");
    let urgent = joined(&hospital, &urgent).await;
    let other_doctor = joined(&hospital, &waits(204, SEN)).await;
    let list = hospital.get(DESK, WAITLIST).await.expect(200).body;
    let order: Vec<Value> = list["results"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(order, [&urgent, &unfit, &first, &field, &other_doctor].map(Clone::clone));

    frees(&hospital, RAO, day(3), "10:00:00").await;
    for next in [&urgent, &first, &field] {
        assert_eq!(round(&hospital).await.offered, 1);
        let offered = hospital.get(DESK, &format!("{WAITLIST}?status=OFFERED")).await.expect(200).body;
        assert_eq!((&offered["count"], &offered["results"][0]["id"]), (&json!(1), next));
        let declined = answer(&hospital, DESK, next, "decline").await.expect(200).body;
        assert_eq!((&declined["status"], &declined["offer"]), (&json!("WAITING"), &json!(null)));
    }
    // Nobody is left who fits: it is free for all.
    assert_eq!(round(&hospital).await, Done::default());
    assert_eq!(hospital.db.number("SELECT count(*) FROM waitlist_openings").await, 0);
    hospital.booked(&slot(210, RAO, day(3), "10:00:00")).await;
}

#[tokio::test]
async fn what_nobody_answers_lapses_to_the_next_at_once() {
    let hospital = Hospital::new().await;
    let first = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let second = joined(&hospital, &waits(OTHER, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    let shortly_before = Utc::now() + TimeDelta::minutes(13);
    assert_eq!(round_at(&hospital, shortly_before).await, Done::default());
    let later = Utc::now() + TimeDelta::minutes(16);
    assert_eq!(round_at(&hospital, later).await, Done { lapsed: 1, offered: 1, expired: 0 });
    assert_eq!(entry(&hospital, &first).await["status"], "WAITING");
    assert_eq!(entry(&hospital, &second).await["offer"]["time_slot"], "10:00:00");
    let refused = answer(&hospital, LAKSHMI_ACCOUNT, &first, "accept").await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:offer-lapsed");
    assert_eq!(round_at(&hospital, later + TimeDelta::minutes(16)).await, Done { lapsed: 1, ..Done::default() });
    assert_eq!(hospital.slots(RAO, day(2)).await[2], ("10:00:00".to_owned(), "FREE".to_owned()));
}

#[tokio::test]
async fn an_offer_that_is_over_cannot_be_taken_though_no_worker_closed_it() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    hospital.db.sql("UPDATE waitlist_offers SET offered_at = now() - interval '1 hour', expires_at = now() - interval '1 second'").await;
    let refused = answer(&hospital, LAKSHMI_ACCOUNT, &id, "accept").await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:offer-lapsed");
    // It holds nothing any more.
    hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await;
    assert_eq!(round(&hospital).await, Done { lapsed: 1, ..Done::default() });
    assert_eq!(entry(&hospital, &id).await["status"], "WAITING");
}

#[tokio::test]
async fn another_patients_entry_is_none_and_a_doctor_sees_their_own() {
    let hospital = Hospital::new().await;
    let lakshmis = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let mut of_field = waits(200, SEN);
    (of_field["doctor"], of_field["specialization"]) = (json!(null), json!("Cardiology"));
    let of_field = joined(&hospital, &of_field).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    for word in ["accept", "decline"] {
        answer(&hospital, OTHER_ACCOUNT, &lakshmis, word).await.expect(404);
        answer(&hospital, SEN, &lakshmis, word).await.expect(404);
    }
    hospital.get(OTHER_ACCOUNT, &format!("{WAITLIST}{lakshmis}/")).await.expect(404);
    let leave = json!({"status": "LEFT", "leaving_reason": "x"});
    let path = format!("{WAITLIST}{lakshmis}/");
    hospital.server.patch(&path, &hospital.token(OTHER_ACCOUNT), &leave).await.expect(404);
    let count = async |user: i64| hospital.get(user, WAITLIST).await.expect(200).body["count"].clone();
    assert_eq!([count(DESK).await, count(ADMIN).await], [json!(2), json!(2)]);
    assert_eq!([count(LAKSHMI_ACCOUNT).await, count(OTHER_ACCOUNT).await], [json!(1), json!(0)]);
    // Who waits for anybody of the field is a doctor's business when offered their time.
    assert_eq!([count(RAO).await, count(SEN).await], [json!(1), json!(0)]);
    answer(&hospital, RAO, &lakshmis, "decline").await.expect(200);
    round(&hospital).await;
    assert_eq!(entry(&hospital, &of_field).await["status"], "OFFERED");
    assert_eq!(count(RAO).await, json!(2));
    answer(&hospital, RAO, &of_field, "accept").await.expect(201);
}

#[tokio::test]
async fn what_is_waited_for_changes_and_the_turn_stays() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let path = format!("{WAITLIST}{id}/");
    let patch = async |user: i64, body: Value| hospital.server.patch(&path, &hospital.token(user), &body).await;
    let changed =
        patch(DESK, json!({"end_date": day(40), "earliest_time": "14:00", "weekdays": [6, 0]})).await.expect(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(
        (&changed.body["earliest_time"], &changed.body["weekdays"]),
        (&json!("14:00:00"), &json!(["MON", "SUN"]))
    );
    let same = patch(LAKSHMI_ACCOUNT, json!({"earliest_time": "14:00:00"})).await.expect(200);
    assert_eq!(same.header("etag"), "\"2\"");
    let cleared = patch(LAKSHMI_ACCOUNT, json!({"earliest_time": null, "weekdays": null})).await.expect(200).body;
    assert_eq!((&cleared["earliest_time"], &cleared["weekdays"]), (&json!(null), &json!([])));
    patch(LAKSHMI_ACCOUNT, json!({"urgency": "URGENT"})).await.expect(403);
    patch(DESK, json!({"urgency": "URGENT"})).await.expect(200);
    let reason = patch(LAKSHMI_ACCOUNT, json!({"reason": "worse"})).await.expect(200).body;
    assert_eq!(reason["urgency"], "URGENT", "a patient leaves it as the hospital set it");
    for (bad, field) in [
        (json!({"patient": OTHER}), "patient"),
        (json!({"doctor": SEN}), "doctor"),
        (json!({"specialization": "Cardiology"}), "specialization"),
        (json!({"end_date": day(0), "start_date": day(1)}), "end_date"),
        (json!({"status": "LEFT"}), "leaving_reason"),
        (json!({"leaving_reason": "bored"}), "leaving_reason"),
        (json!({"colour": "red"}), "colour"),
        (json!({"status": "GONE"}), "status"),
    ] {
        let refused = patch(DESK, bad.clone()).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{bad}");
    }
    for status in ["OFFERED", "BOOKED", "EXPIRED", "WITHDRAWN"] {
        patch(DESK, json!({"status": status})).await.expect(409);
    }
    let call = hospital.server.call(Method::PATCH, &path).token(&hospital.token(DESK)).header("if-match", "\"1\"");
    call.json(&json!({"reason": "stale"})).send().await.expect(412);
}

#[tokio::test]
async fn who_leaves_gives_the_offer_to_the_next() {
    let hospital = Hospital::new().await;
    let first = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let second = joined(&hospital, &waits(OTHER, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    round(&hospital).await;
    let path = format!("{WAITLIST}{first}/");
    let patch = async |body: Value| hospital.server.patch(&path, &hospital.token(LAKSHMI_ACCOUNT), &body).await;
    let open = patch(json!({"reason": "other"})).await.expect(409);
    assert_eq!(open.body["type"], "urn:ehs:problem:offer-open");
    let left = patch(json!({"status": "LEFT", "leaving_reason": "went elsewhere"})).await.expect(200).body;
    assert_eq!((&left["status"], &left["leaving_reason"]), (&json!("LEFT"), &json!("went elsewhere")));
    assert_eq!(left["offer"], json!(null));
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(entry(&hospital, &second).await["status"], "OFFERED");
    patch(json!({"status": "WAITING"})).await.expect(409);
    patch(json!({"end_date": day(20)})).await.expect(409);
    answer(&hospital, LAKSHMI_ACCOUNT, &first, "accept").await.expect(409);
    // And may wait again.
    joined(&hospital, &waits(LAKSHMI, RAO)).await;
}

#[tokio::test]
async fn offers_are_told_without_a_word_of_why() {
    let hospital = Hospital::new().await;
    let heard = "events:\n  WaitlistOffered: [mails]\n  WaitlistOfferClosed: [mails]\n";
    let outbox = Outbox::with(Arc::new(Subscriptions::parse(heard).unwrap()));
    let rounds = Rounds { outbox, ..rounds(&hospital).await };
    let mut body = waits(LAKSHMI, RAO);
    body["reason"] = json!("something to hide");
    let id = joined(&hospital, &body).await.as_i64().unwrap();
    frees(&hospital, RAO, day(2), "10:00:00").await;
    rounds.round(Utc::now()).await.unwrap();
    rounds.round(Utc::now() + TimeDelta::minutes(16)).await.unwrap();
    let told = outbox_of(&hospital).await;
    let types: Vec<&str> = told.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(types, ["WaitlistOffered", "WaitlistOfferClosed"]);
    let statuses: Vec<String> = told
        .into_iter()
        .map(|event| {
            let all = format!("{event:?}");
            assert!(!all.contains("hide") && !all.contains("Lakshmi"), "{all}");
            assert_eq!((event.aggregate_type.as_str(), event.aggregate_id), ("waitlist_entry", id));
            match event.payload.unwrap() {
                events::Payload::WaitlistOffered(offer) | events::Payload::WaitlistOfferClosed(offer) => {
                    assert_eq!(
                        (offer.patient_id, offer.doctor_id, offer.doctor_name.as_str()),
                        (LAKSHMI, RAO, "Asha Rao")
                    );
                    assert!(offer.starts_at.is_some() && offer.ends_at.is_some() && offer.expires_at.is_some());
                    offer.status
                }
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(statuses, ["OPEN", "LAPSED"]);
}

async fn outbox_of(hospital: &Hospital) -> Vec<Envelope> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Binary)]
        body: Vec<u8>,
    }
    let query = diesel::sql_query("SELECT body FROM outbox WHERE subscriber = 'mails' ORDER BY id");
    let rows: Vec<Row> = diesel_async::RunQueryDsl::load(query, &mut hospital.db.connect().await).await.unwrap();
    rows.iter().map(|row| Envelope::decode(row.body.as_slice()).unwrap()).collect()
}

#[tokio::test]
async fn the_list_is_narrowed_and_walked_page_by_page() {
    let hospital = Hospital::new().await;
    let mut all = Vec::new();
    for patient in 200..230 {
        let mut body = waits(patient, if patient % 2 == 0 { RAO } else { SEN });
        body["urgency"] = json!(if patient % 5 == 0 { "URGENT" } else { "ROUTINE" });
        all.push((joined(&hospital, &body).await.as_i64().unwrap(), patient % 5 != 0));
    }
    let mut in_turn = all.clone();
    in_turn.sort_by_key(|(id, routine)| (*routine, *id));
    for (ordering, wanted) in [
        ("turn", in_turn.clone()),
        ("-turn", in_turn.iter().rev().copied().collect()),
        ("created_at", all.clone()),
        ("-created_at", all.iter().rev().copied().collect()),
    ] {
        let mut page =
            hospital.get(DESK, &format!("{WAITLIST}?page_size=7&ordering={ordering}")).await.expect(200).body;
        let (mut seen, mut pages) = (Vec::new(), Vec::new());
        loop {
            seen.extend(page["results"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
            pages.push(page["results"].clone());
            let Some(next) = page["next"].as_str() else { break };
            let path = next.strip_prefix(&hospital.server.url).unwrap().to_owned();
            page = hospital.get(DESK, &path).await.expect(200).body;
        }
        assert_eq!(seen, wanted.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "{ordering}");
        for earlier in pages.iter().rev().skip(1) {
            let path = page["previous"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
            page = hospital.get(DESK, &path).await.expect(200).body;
            assert_eq!(&page["results"], earlier, "{ordering}");
        }
    }
    let count =
        async |query: &str| hospital.get(DESK, &format!("{WAITLIST}?{query}")).await.expect(200).body["count"].clone();
    assert_eq!(count(&format!("doctor={RAO}")).await, json!(15));
    assert_eq!(count("patient=203").await, json!(1));
    assert_eq!(count("urgency=URGENT&status=WAITING").await, json!(6));
    assert_eq!(count(&format!("date={}", day(11))).await, json!(0));
    assert_eq!(count(&format!("date={}", day(10))).await, json!(30));
    assert_eq!(count("specialization=Cardiology").await, json!(0));
    for bad in ["status=GONE", "ordering=name", "page_size=101", "patient=x", "date=2026-02-30", "colour=red"] {
        hospital.get(DESK, &format!("{WAITLIST}?{bad}")).await.expect(400);
    }
}
