//! The people and the records that the matrix is about: one side is the callers' own or in their care, the other is not.

use std::sync::atomic::{AtomicU64, Ordering};

use journeys::people::Person;
use journeys::{Hospital, day};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use super::decisions::CALLERS;

/// Whose object a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own, or of a patient in their care.
    Own,
    /// Somebody else's.
    Anothers,
}

/// A doctor, their patient, and what there is of that patient.
pub struct Side {
    pub doctor: i64,
    pub patient: i64,
    /// The `P…` number.
    pub number: String,
    /// Of the medical history.
    pub entry: i64,
    /// Inspected, with a small picture of it.
    pub document: i64,
    pub appointment: i64,
    /// On the waitlist, and never offered anything.
    pub waiting: i64,
    pub invoice: i64,
    pub draft: i64,
    pub credit_note: i64,
    /// Of the invoice.
    pub payment: i64,
    pub advance: i64,
    /// Of the advance.
    pub refund_voucher: i64,
    /// Of one's own side, asked for by its doctor; of the other, by an administrator.
    pub report: i64,
}

/// Somebody who calls, or nobody.
pub struct Caller {
    pub column: usize,
    pub name: &'static str,
    pub person: Option<Person>,
    /// The id of another session of theirs.
    pub elsewhere: String,
}

/// All of it.
pub struct World {
    pub hospital: Hospital,
    /// An administrator who is no caller, for what has to be made on the way.
    pub admin: String,
    pub callers: Vec<Caller>,
    pub own: Side,
    pub anothers: Side,
    /// A service of the catalogue.
    pub service: i64,
    /// A use of break-glass.
    pub glass: i64,
    /// A cashier's closed day.
    pub day_close: i64,
    /// A session of the other doctor's.
    pub strangers_session: String,
    slots: AtomicU64,
    waits: AtomicU64,
}

/// Slots of forty days.
const AFTER_ALL: u64 = 40 * 64;

/// The first day of the appointments.
pub fn first_day() -> String {
    day(3)
}

/// A day after all of them.
pub fn last_day() -> String {
    day(30)
}

impl World {
    pub async fn new() -> Self {
        let hospital = Hospital::open();
        let admin = hospital.token("ADMIN").await;
        let department = format!("Ward {}", uuid::Uuid::new_v4().simple());
        let mut callers = vec![Caller { column: 0, name: "nobody", person: None, elsewhere: "1".to_owned() }];
        for (column, name) in CALLERS.into_iter().enumerate().skip(1) {
            let person = hospital.newcomer(&admin, name, &department).await;
            hospital.sign_in_as(&person.username, &person.password).await;
            let elsewhere = session(&hospital, &person.access, false).await;
            callers.push(Caller { column, name, person: Some(person), elsewhere });
        }
        let stranger = hospital.newcomer(&admin, "DOCTOR", "Another ward").await;
        let strangers_session = session(&hospital, &stranger.access, true).await;
        let of = |name: &str| callers.iter().find(|caller| caller.name == name).unwrap().person.as_ref().unwrap();
        let (slots, waits) = (AtomicU64::new(2), AtomicU64::new(1));
        let mut own = side(&hospital, &admin, of("DOCTOR").id, Some(of("PATIENT").id), 0).await;
        own.report = report(&hospital, &of("DOCTOR").access).await;
        let anothers = side(&hospital, &admin, stranger.id, None, 1).await;
        let glass = used_break_glass(&hospital, &admin, &stranger, own.patient).await;
        let nurse = of("NURSE").access.clone();
        for path in [format!("/api/patients/{}/", own.patient), format!("/api/appointments/{}/", own.appointment)] {
            // her department comes by an event
            eventually(|| async { hospital.get(&nurse, &path).await.status == 200 }).await;
        }
        let service = id(&hospital.post(&admin, "/api/billing/services/", &service()).await.expect(201).body);
        let closed = hospital.post(&admin, "/api/billing/day-close/", &day_close()).await.expect(201);
        let day_close = id(&closed.body);
        Self { hospital, admin, callers, own, anothers, service, glass, day_close, strangers_session, slots, waits }
    }

    pub fn side(&self, whose: Whose) -> &Side {
        match whose {
            Whose::Own => &self.own,
            Whose::Anothers => &self.anothers,
        }
    }

    /// A time that nobody has booked yet.
    pub fn slot(&self) -> (String, String) {
        time(self.slots.fetch_add(1, Ordering::Relaxed))
    }

    /// Somebody new in the side's care.
    pub async fn new_patient(&self, whose: Whose) -> i64 {
        patient(&self.hospital, &self.admin, self.side(whose).doctor, None).await.0
    }

    /// Somebody whose record is merged into that of the side's patient.
    pub async fn new_merged(&self, whose: Whose) -> i64 {
        let (source, path) =
            (self.new_patient(whose).await, format!("/api/patients/{}/merge/", self.side(whose).patient));
        self.hospital.post(&self.admin, &path, &json!({"source": source})).await.expect(200);
        source
    }

    /// An appointment of the side's.
    pub async fn new_appointment(&self, whose: Whose) -> i64 {
        let Side { doctor, patient, .. } = self.side(whose);
        book(&self.hospital, &self.admin, *doctor, *patient, self.slot()).await
    }

    /// An appointment of the side's patient with the other side's doctor, on a day that no list is asked for.
    pub async fn new_appointment_elsewhere(&self, whose: Whose) -> i64 {
        let at = time(AFTER_ALL + self.slots.fetch_add(1, Ordering::Relaxed));
        book(&self.hospital, &self.admin, self.anothers.doctor, self.side(whose).patient, at).await
    }

    /// What puts a patient on the waitlist, for a day that they do not wait for yet.
    pub fn wait(&self, patient: i64, doctor: i64) -> Value {
        waits(patient, doctor, self.waits.fetch_add(1, Ordering::Relaxed))
    }

    /// The side's patient on the waitlist.
    pub async fn new_waiting(&self, whose: Whose) -> i64 {
        let Side { doctor, patient, .. } = self.side(whose);
        let body = self.wait(*patient, *doctor);
        id(&self.hospital.post(&self.admin, "/api/appointments/waitlist/", &body).await.expect(201).body)
    }

    /// Leave of the side's doctor.
    pub async fn new_time_off(&self, whose: Whose) -> i64 {
        let path = format!("/api/appointments/doctor/{}/time-off/", self.side(whose).doctor);
        id(&self.hospital.post(&self.admin, &path, &time_off()).await.expect(201).body)
    }

    /// The secret in the address of the side's doctor's calendar, a new one.
    pub async fn new_feed(&self, whose: Whose) -> String {
        let path = format!("/api/appointments/doctor/{}/feed/", self.side(whose).doctor);
        let made = self.hospital.post(&self.admin, &path, &json!({"replace": true})).await.expect(201).body;
        made["address"].as_str().unwrap().rsplit('/').nth(1).unwrap().to_owned()
    }

    /// A calendar of the side's doctor, to be forgotten.
    pub async fn import_calendar(&self, whose: Whose) {
        let path = format!("/api/appointments/doctor/{}/busy-times/?source=Matrix", self.side(whose).doctor);
        let request = self.hospital.request(Method::POST, &path).bearer_auth(&self.admin);
        let request = request.header("content-type", "text/calendar").body(calendar());
        self.hospital.send(request).await.expect(200);
    }

    /// An issued invoice of the side's.
    pub async fn new_invoice(&self, whose: Whose) -> i64 {
        bill(&self.hospital, &self.admin, self.side(whose).patient, false).await
    }

    /// An HL7 message that cannot be read, and waits for a person.
    pub async fn new_parked(&self) -> i64 {
        let control_id = Uuid::new_v4().to_string();
        let damaged = format!("MSH|^~\\&|HIS|MATRIX|EHS|EHS|||ADT^A28|{control_id}|P|2.5.1\rZZZ|1\r");
        self.hospital.post(&self.admin, "/api/patients/hl7/import/", &json!({"message": damaged})).await.expect(400);
        let parked = self.hospital.get(&self.admin, "/api/patients/hl7/parked/?page_size=100").await.expect(200).body;
        let ours = parked["results"].as_array().unwrap().iter().find(|one| one["message_control_id"] == control_id);
        id(ours.expect("it waits"))
    }

    /// A draft of the side's.
    pub async fn new_draft(&self, whose: Whose) -> i64 {
        bill(&self.hospital, &self.admin, self.side(whose).patient, true).await
    }
}

/// A doctor's patient with hours, an appointment, an invoice and a draft.
async fn side(hospital: &Hospital, admin: &str, doctor: i64, user: Option<i64>, slot: u64) -> Side {
    let (patient, number) = patient(hospital, admin, doctor, user).await;
    let path = format!("/api/appointments/doctor/{doctor}/availability/");
    hospital.put(admin, &path, &hours()).await.expect(200);
    let appointment = book(hospital, admin, doctor, patient, time(slot)).await;
    let body = waits(patient, doctor, 0);
    let waiting = id(&hospital.post(admin, "/api/appointments/waitlist/", &body).await.expect(201).body);
    let invoice = bill(hospital, admin, patient, false).await;
    let draft = bill(hospital, admin, patient, true).await;
    let note = json!({"kind": "NOTE", "note": "Speaks Tamil"});
    let entry =
        id(&hospital.post(admin, &format!("/api/patients/{patient}/medical-history/"), &note).await.expect(201).body);
    let credit_note = cancelled(hospital, admin, patient).await;
    let payment = pay(hospital, admin, invoice).await;
    let advance = send(hospital, admin, "/api/billing/advances/", &deposit(patient)).await;
    let back = json!({"amount": "1.00", "reason": "Went home early"});
    let refund_voucher = send(hospital, admin, &format!("/api/billing/advances/{advance}/refund/"), &back).await;
    let document = document(hospital, admin, patient).await;
    let report = report(hospital, admin).await;
    Side {
        doctor,
        patient,
        number,
        entry,
        document,
        appointment,
        waiting,
        invoice,
        draft,
        credit_note,
        payment,
        advance,
        refund_voucher,
        report,
    }
}

/// A document that can be read.
async fn document(hospital: &Hospital, admin: &str, patient: i64) -> i64 {
    let path = format!("/api/patients/{patient}/documents/");
    let request = hospital.request(reqwest::Method::POST, &path).bearer_auth(admin);
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let form = form().as_str().unwrap().to_owned();
    let document = id(&hospital.send(request.body(form)).await.expect(201).body);
    let path = format!("{path}{document}/");
    eventually(|| async { hospital.get(admin, &path).await.expect(200).body["status"] == "READY" }).await;
    document
}

/// A picture of one pixel, as a form whose boundary is `b`.
pub fn form() -> Value {
    let part =
        |headers: &str, content: &str| format!("--b\r\nContent-Disposition: form-data; {headers}\r\n\r\n{content}\r\n");
    let parts = [
        part("name=\"title\"", "Consent"),
        part("name=\"document_type\"", "CONSENT"),
        part("name=\"file\"; filename=\"a.tif\"\r\nContent-Type: image/tiff", &pixel()),
    ];
    json!(format!("{}--b--\r\n", parts.concat()))
}

/// TIFF, all of whose bytes are ASCII, so that it can stand in a text: nine tags, then the pixel.
fn pixel() -> String {
    let entries =
        [(0, 3, 1), (1, 3, 1), (2, 3, 8), (3, 3, 1), (6, 3, 1), (17, 4, 122), (21, 3, 1), (22, 3, 1), (23, 4, 1)];
    let entry = |(tag, kind, value): (u8, u8, u8)| [tag, 1, kind, 0, 1, 0, 0, 0, value, 0, 0, 0];
    let bytes = [b"II*\0\x08\0\0\0\x09\0".to_vec(), entries.map(entry).concat(), vec![0; 4], vec![64]].concat();
    String::from_utf8(bytes).unwrap()
}

/// The id of the session that asks, or of another one.
async fn session(hospital: &Hospital, token: &str, current: bool) -> String {
    let sessions = hospital.get(token, "/api/users/me/sessions/").await.expect(200).body["results"].clone();
    let found = sessions.as_array().unwrap().iter().find(|session| session["current"] == current).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn used_break_glass(hospital: &Hospital, admin: &str, doctor: &Person, patient: i64) -> i64 {
    let path = format!("/api/patients/{patient}/");
    let request = hospital.request(reqwest::Method::GET, &path).bearer_auth(&doctor.access);
    hospital.send(request.header("x-break-glass", "unconscious in the emergency room")).await.expect(200);
    let path = format!("/api/users/break-glass/?user={}", doctor.id);
    eventually(|| async { hospital.get(admin, &path).await.expect(200).body["count"] == 1 }).await;
    id(&hospital.get(admin, &path).await.body["results"][0])
}

async fn patient(hospital: &Hospital, admin: &str, doctor: i64, user: Option<i64>) -> (i64, String) {
    let body = json!({"first_name": "Meena", "last_name": "Matrix", "gender": "FEMALE", "date_of_birth": "1991-04-12",
        "primary_doctor": doctor, "user": user});
    let made = hospital.post(admin, "/api/patients/", &body).await.expect(201).body;
    (id(&made), made["patient_id"].as_str().unwrap().to_owned())
}

async fn book(hospital: &Hospital, admin: &str, doctor: i64, patient: i64, at: (String, String)) -> i64 {
    let body = json!({"patient": patient, "doctor": doctor, "date": at.0, "time_slot": at.1});
    id(&hospital.post(admin, "/api/appointments/", &body).await.expect(201).body)
}

async fn bill(hospital: &Hospital, admin: &str, patient: i64, draft: bool) -> i64 {
    id(&hospital.post(admin, "/api/billing/invoices/", &invoice(patient, draft)).await.expect(201).body)
}

/// The credit note of an invoice that was cancelled.
async fn cancelled(hospital: &Hospital, admin: &str, patient: i64) -> i64 {
    let path = format!("/api/billing/invoices/{}/cancel/", bill(hospital, admin, patient, false).await);
    let body = hospital.post(admin, &path, &json!({"reason": "billed twice"})).await.expect(200).body;
    id(&body["credit_note"])
}

/// What makes a service of the catalogue, under a code that nobody has used.
pub fn service() -> Value {
    let code = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    json!({"code": code, "description": "Chest X-ray", "sac_hsn": "999317", "kind": "IMAGING", "price": "450.00"})
}

async fn pay(hospital: &Hospital, admin: &str, invoice: i64) -> i64 {
    let body = json!({"invoice": invoice, "amount": "100.00", "method": "CARD"});
    send(hospital, admin, "/api/billing/payments/", &body).await
}

/// Makes something that wants an Idempotency-Key.
async fn send(hospital: &Hospital, admin: &str, path: &str, body: &Value) -> i64 {
    let request = hospital.request(reqwest::Method::POST, path).bearer_auth(admin).json(body);
    let key = uuid::Uuid::new_v4().to_string();
    id(&hospital.send(request.header("idempotency-key", key)).await.expect(201).body)
}

/// What makes an advance.
pub fn deposit(patient: i64) -> Value {
    json!({"patient": patient, "amount": "100.00", "method": "CARD", "kind": "OTHER"})
}

async fn report(hospital: &Hospital, token: &str) -> i64 {
    id(&hospital.post(token, "/api/billing/reports/", &revenue()).await.expect(202).body)
}

/// What asks for a report.
pub fn revenue() -> Value {
    json!({"report": "revenue", "parameters": {"start_date": day(0), "end_date": day(0)}})
}

/// What closes the day of a cashier who took nothing.
pub fn day_close() -> Value {
    let cashier = 1_000_000_000 + uuid::Uuid::new_v4().as_u128() % 1_000_000_000;
    json!({"cashier": u64::try_from(cashier).unwrap(), "date": day(0), "counted": "0.00"})
}

/// What makes an invoice.
pub fn invoice(patient: i64, draft: bool) -> Value {
    json!({"patient": patient, "draft": draft, "items": [{"description": "Consultation", "sac_hsn": "999312",
        "kind": "CONSULTATION", "quantity": "1", "unit_price": "10000.00"}]})
}

/// Every day from 6 to 22, a quarter of an hour each.
pub fn hours() -> Value {
    let days = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let weekly = days.map(|day| json!({"weekday": day, "start": "06:00:00", "end": "22:00:00"}));
    json!({"slot_minutes": 15, "weekly": weekly, "works_on_holidays": true})
}

/// What puts a patient on the waitlist for the nth of some days, at an hour when the doctor is never there.
fn waits(patient: i64, doctor: i64, nth: u64) -> Value {
    json!({"patient": patient, "doctor": doctor, "start_date": day(60 + nth), "end_date": day(60 + nth),
        "earliest_time": "22:00:00"})
}

/// Leave long after all appointments.
pub fn time_off() -> Value {
    json!({"start_date": day(300), "end_date": day(300)})
}

/// A calendar in which somebody is busy on a day that no list is asked for.
pub fn calendar() -> String {
    let day = day(300).replace('-', "");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:matrix\r\nDTSTAMP:20261101T000000Z\r\n\
         DTSTART;VALUE=DATE:{day}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// The nth slot of those hours.
fn time(slot: u64) -> (String, String) {
    let (ahead, quarter) = (slot / 64, slot % 64);
    (day(3 + ahead), format!("{:02}:{:02}:00", 6 + quarter / 4, quarter % 4 * 15))
}

fn id(body: &Value) -> i64 {
    body["id"].as_i64().unwrap()
}
