//! A day at a desk with far too many clients: some book, some move, some call off, all for the slots of one doctor.
//!
//! `EHS_TEST_RACE_CLIENTS=200 EHS_TEST_RACE_SECONDS=60` make it as wide and long as a hospital's worst morning. With
//! `EHS_TEST_RACE_PAUSE_MS=3000` each client looks at its answer for three seconds, as a person would; without, the 200 wait for
//! the processor, and the times that it prints are those of their queue.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, RAO, day, slot};

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The twenty slots.
fn time(n: u64) -> String {
    format!("{:02}:{:02}:00", 9 + n / 4, n % 4 * 15)
}

/// What one client met.
#[derive(Default)]
struct Met {
    booked: Vec<i64>,
    lost: usize,
    others: Vec<(u16, String)>,
    took: Vec<Duration>,
}

impl Met {
    fn note(&mut self, answer: &testkit::Answer, begun: Instant) {
        self.took.push(begun.elapsed());
        match answer.status.as_u16() {
            201 => self.booked.push(answer.body["id"].as_i64().unwrap()),
            200 => {}
            409 => self.lost += 1,
            status => self.others.push((status, answer.text.clone())),
        }
    }
}

async fn client(hospital: &Hospital, n: u64, until: Instant) -> Met {
    let pause = Duration::from_millis(setting("EHS_TEST_RACE_PAUSE_MS", 0));
    tokio::time::sleep(pause * u32::try_from(n % 100).unwrap() / 100).await; // they do not all come at once
    let (mut met, mut roll) = (Met::default(), n * 7 + 3);
    let patient = 300 + i64::try_from(n).unwrap();
    let mut held: Vec<Value> = Vec::new();
    loop {
        roll = roll.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (wanted, choice) = ((roll >> 33) % 20, (roll >> 50) % 4);
        let begun = Instant::now();
        match (choice, held.pop()) {
            (0, Some(id)) => {
                let cancel = json!({"status": "CANCELLED", "cancellation_reason": "changed their mind"});
                met.note(&hospital.patch(DESK, &id, &cancel).await, begun);
            }
            (1, Some(id)) => {
                met.note(&hospital.patch(DESK, &id, &json!({"time_slot": time(wanted)})).await, begun);
                held.push(id);
            }
            (_, kept) => {
                held.extend(kept);
                let answer = hospital.book(DESK, &slot(patient, RAO, day(2), &time(wanted))).await;
                met.note(&answer, begun);
                if answer.status.as_u16() == 201 {
                    held.push(answer.body["id"].clone());
                }
            }
        }
        tokio::time::sleep(pause).await;
        if Instant::now() >= until {
            return met;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "says how much was done, where it is scaled up")]
async fn many_clients_for_twenty_slots_leave_no_overlap_and_no_riddle() {
    let clients = setting("EHS_TEST_RACE_CLIENTS", 30);
    let hospital = Hospital::new().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients SELECT id, 'P' || lpad(id::text, 8, '0'), 'Patient ' || id, NULL, NULL, true, 1 FROM generate_series(300, 5300) id; \
             UPDATE availability SET slot_minutes = 15; UPDATE availability_hours SET end_time = '14:00'",
        )
        .await;
    let until = Instant::now() + Duration::from_secs(setting("EHS_TEST_RACE_SECONDS", 2));
    let met = join_all((0..clients).map(|n| client(&hospital, n, until))).await;
    let others: Vec<_> = met.iter().flat_map(|met| &met.others).collect();
    assert!(others.is_empty(), "neither done nor lost: {others:?}");
    let booked: Vec<i64> = met.iter().flat_map(|met| met.booked.iter().copied()).collect();
    assert!(!booked.is_empty() && met.iter().map(|met| met.lost).sum::<usize>() > 0);
    assert_eq!(
        hospital.rows().await,
        i64::try_from(booked.len()).unwrap(),
        "every 201 has its row, and no other has one"
    );
    let overlaps = "SELECT count(*) FROM appointments a JOIN appointments b ON a.id < b.id AND a.doctor_id = b.doctor_id \
        AND a.status <> 'CANCELLED' AND b.status <> 'CANCELLED' AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)";
    assert_eq!(hospital.db.number(overlaps).await, 0);
    let mut took: Vec<Duration> = met.into_iter().flat_map(|met| met.took).collect();
    took.sort_unstable();
    println!("{} requests, {} bookings, p99 {:?}", took.len(), booked.len(), took[took.len() * 99 / 100]);
}
