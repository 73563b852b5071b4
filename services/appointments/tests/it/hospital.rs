//! A small hospital: people, hours, a running service.

use std::sync::Arc;

use appointments::app::{App, Calendar};
use appointments::events::Subscriber;
use appointments::lookup::Owners;
use appointments::worker::Pace;
use appointments::{migrations, routes};
use auth::Role;
use chrono::{Days, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Asia::{Dubai, Kolkata};
use chrono_tz::Tz;
use diesel_async::RunQueryDsl;
use events::Payload;
use events::v1::{AppointmentSnapshot, Envelope};
use prost::Message;
use serde_json::{Value, json};
use testkit::{Answer, Server, TestDb, Tokens};

pub const ADMIN: i64 = 1;
/// Cardiology.
pub const RAO: i64 = 10;
/// Orthopaedics.
pub const SEN: i64 = 11;
/// Left.
pub const LEFT: i64 = 12;
/// No hours yet.
pub const NEW: i64 = 13;
/// Cardiology.
pub const NURSE: i64 = 20;
/// Without a department.
pub const STRAY_NURSE: i64 = 21;
pub const DESK: i64 = 30;
pub const CASHIER: i64 = 40;
pub const AUDITOR: i64 = 50;
/// Patient with account [`LAKSHMI_ACCOUNT`].
pub const LAKSHMI: i64 = 100;
pub const LAKSHMI_ACCOUNT: i64 = 1000;
/// Patient with account [`OTHER_ACCOUNT`].
pub const OTHER: i64 = 101;
pub const OTHER_ACCOUNT: i64 = 1001;
/// Deactivated.
pub const GONE: i64 = 102;

const PEOPLE: &str = "
INSERT INTO staff VALUES
    (1, 'ADMIN', 'Anil Admin', '', '', true, 1),
    (10, 'DOCTOR', 'Asha Rao', 'Cardiology', 'CARDIOLOGY', true, 1),
    (11, 'DOCTOR', 'Vikram Sen', 'Orthopaedics', 'ORTHOPAEDICS', true, 1),
    (12, 'DOCTOR', 'Left Long Ago', 'Surgery', 'SURGERY', false, 1),
    (13, 'DOCTOR', 'Nisha New', 'Surgery', 'SURGERY', true, 1),
    (20, 'NURSE', 'Nina Nair', '', 'CARDIOLOGY', true, 1),
    (21, 'NURSE', 'Stray Nurse', '', '', true, 1);
INSERT INTO patients VALUES
    (100, 'P00000100', 'Lakshmi R', 1000, NULL, true, 1),
    (101, 'P00000101', 'Mohan Das', 1001, NULL, true, 1),
    (102, 'P00000102', 'Gone Away', NULL, NULL, false, 1);
INSERT INTO patients SELECT id, 'P' || lpad(id::text, 8, '0'), 'Patient ' || id, NULL, NULL, true, 1 FROM generate_series(200, 299) id;
INSERT INTO availability (doctor_id, slot_minutes, updated_by) VALUES (10, 30, 1), (11, 30, 1), (12, 30, 1);
INSERT INTO availability_hours SELECT doctor, weekday, '09:00', '17:00' FROM unnest(ARRAY[10, 11, 12]) doctor, generate_series(0, 6) weekday;
";

pub struct Hospital {
    pub db: TestDb,
    pub server: Server,
    pub tokens: Tokens,
}

impl Hospital {
    /// Whose owners nobody can reach: a test that asks them unawares sees 503.
    pub async fn new() -> Self {
        Self::with_owners("http://127.0.0.1:9/", "http://127.0.0.1:9/").await
    }

    pub async fn with_owners(users: &str, patients: &str) -> Self {
        Self::start(users, patients, "none", Kolkata).await
    }

    /// Where it is not about to be midnight, over which nobody is taken in: late in the evening it lies further west, where the day
    /// is the same.
    pub async fn awake() -> Self {
        let is_late = Utc::now().with_timezone(&Kolkata).hour() == 23;
        let zone = if is_late { Dubai } else { Kolkata };
        Self::start("http://127.0.0.1:9/", "http://127.0.0.1:9/", "none", zone).await
    }

    /// Where nobody works on the public holidays of a place.
    pub async fn with_holidays(place: &str) -> Self {
        Self::start("http://127.0.0.1:9/", "http://127.0.0.1:9/", place, Kolkata).await
    }

    async fn start(users: &str, patients: &str, holidays: &str, zone: Tz) -> Self {
        let db = TestDb::new("appointments", migrations()).await;
        db.sql(PEOPLE).await;
        let tokens = Tokens::new();
        let owners = Owners::new(users.parse().unwrap(), patients.parse().unwrap()).unwrap();
        let audit = audit::Recorder::start(chassis::db::pool(&db.config(), "audit").unwrap()).unwrap();
        let calendar = Calendar { zone, holidays: Arc::new(holidays.parse().unwrap()) };
        let app = App::new(db.pool().await, audit, owners, calendar, "07".repeat(32).parse().unwrap());
        let server = Server::start("appointments", routes(app, tokens.verifier())).await;
        Self { db, server, tokens }
    }

    pub fn token(&self, user: i64) -> String {
        self.tokens.mint(user, role_of(user))
    }

    pub async fn book(&self, user: i64, body: &Value) -> Answer {
        self.server.post("/api/appointments/", &self.token(user), body).await
    }

    /// Books at the desk; gives the appointment.
    pub async fn booked(&self, body: &Value) -> Value {
        self.book(DESK, body).await.expect(201).body
    }

    pub async fn get(&self, user: i64, path: &str) -> Answer {
        self.server.get(path, &self.token(user)).await
    }

    pub async fn patch(&self, user: i64, id: &Value, patch: &Value) -> Answer {
        self.server.patch(&format!("/api/appointments/{id}/"), &self.token(user), patch).await
    }

    pub async fn put(&self, user: i64, id: &Value, body: &Value) -> Answer {
        self.server.put(&format!("/api/appointments/{id}/"), &self.token(user), body).await
    }

    pub async fn post(&self, user: i64, path: &str, body: &Value) -> Answer {
        self.server.post(path, &self.token(user), body).await
    }

    /// Moves every appointment so that it has begun five minutes ago.
    pub async fn all_begin(&self) {
        self.db
            .sql(
                "UPDATE appointments SET starts_at = date_trunc('minute', now()) - interval '5 minutes', \
                 ends_at = date_trunc('minute', now()) + interval '25 minutes'",
            )
            .await;
    }

    /// A doctor's slots of a day, as time and status.
    pub async fn slots(&self, doctor: i64, date: NaiveDate) -> Vec<(String, String)> {
        let path = format!("/api/appointments/doctor/{doctor}/schedule/?date={date}");
        let day = self.get(DESK, &path).await.expect(200).body["days"][0].clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let slots = day["slots"].as_array().unwrap();
        slots.iter().map(|slot| (text(&slot["time_slot"]), text(&slot["status"]))).collect()
    }

    /// What waits to be told to billing, in order: the type of each event, and the appointment in it.
    pub async fn told(&self) -> Vec<(String, AppointmentSnapshot)> {
        #[derive(diesel::QueryableByName)]
        struct Waiting {
            #[diesel(sql_type = diesel::sql_types::Bytea)]
            body: Vec<u8>,
        }
        let query = diesel::sql_query("SELECT body FROM outbox WHERE subscriber = 'billing' ORDER BY id");
        let waiting: Vec<Waiting> = query.load(&mut self.db.connect().await).await.unwrap();
        let events = waiting.iter().map(|row| Envelope::decode(row.body.as_slice()).unwrap());
        let about = |event: Envelope| match event.payload.unwrap() {
            Payload::AppointmentBooked(it) | Payload::AppointmentUpdated(it) | Payload::AppointmentCompleted(it) => {
                Some((event.r#type, it))
            }
            _ => None,
        };
        events.filter_map(about).collect()
    }

    pub async fn rows(&self) -> i64 {
        self.db.number("SELECT count(*) FROM appointments").await
    }
}

pub fn role_of(user: i64) -> Role {
    match user {
        ADMIN => Role::Admin,
        10..20 => Role::Doctor,
        20..30 => Role::Nurse,
        DESK => Role::Receptionist,
        CASHIER => Role::Accountant,
        AUDITOR => Role::Auditor,
        _ => Role::Patient,
    }
}

/// The hospital's wall clock, without holidays.
pub fn calendar() -> Calendar {
    Calendar { zone: Kolkata, holidays: Arc::default() }
}

/// As a test's worker runs.
pub fn pace() -> Pace {
    Pace { calendar: calendar(), no_show_grace: TimeDelta::minutes(60), waitlist_hold: TimeDelta::minutes(15) }
}

/// Who hears events.
pub fn subscriber() -> Subscriber {
    Subscriber { calendar: calendar() }
}

/// So many days from now, in the hospital's zone.
pub fn day(days: u64) -> NaiveDate {
    Utc::now().with_timezone(&Kolkata).date_naive() + Days::new(days)
}

pub fn slot(patient: i64, doctor: i64, date: NaiveDate, time: &str) -> Value {
    json!({"patient": patient, "doctor": doctor, "date": date, "time_slot": time})
}
