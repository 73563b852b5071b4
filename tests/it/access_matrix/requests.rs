//! What is sent for a line of the table: good enough that only who asks decides.

use journeys::{day, people};
use serde_json::{Value, json};
use uuid::Uuid;

use super::decisions::Line;
use super::world::{
    self, Caller, Side, Whose, World, day_close, first_day, hours, invoice, last_day, service, time_off,
};

/// A path with its query, and a body. One that is text is a calendar, or a form, whose boundary is `b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub path: String,
    pub body: Option<Value>,
}

/// For this caller, about this side's object.
pub async fn sent(world: &World, line: &Line, caller: &Caller, whose: Whose) -> Sent {
    let object = object(world, line, caller, whose).await;
    if (line.method, line.path) == ("DELETE", "/api/appointments/doctor/{id}/busy-times/") {
        world.import_calendar(whose).await;
    }
    let entry = match line.path {
        "/api/appointments/doctor/{id}/time-off/{entry}/" => world.new_time_off(whose).await,
        _ => world.side(whose).entry,
    };
    let entry = entry.to_string();
    let path = line.path.replace("{id}", &object).replace("{entry}", &entry);
    let path = path.replace("{document}", &world.side(whose).document.to_string());
    let path = match line.path {
        path if path.ends_with("/feed/") || path.contains("{secret}") => {
            let secret = world.new_feed(whose).await;
            line.path.replace("{id}", &object).replace("{secret}", &secret)
        }
        _ => path,
    };
    let path = format!("{path}{}", query(line, world.side(whose)));
    Sent { path, body: body(world, line, caller, whose, &object).await }
}

/// What is in the path.
async fn object(world: &World, line: &Line, caller: &Caller, whose: Whose) -> String {
    let side = world.side(whose);
    let id = match (line.method, line.path, line.what) {
        (_, "/api/users/me/sessions/{id}/", _) => match whose {
            Whose::Own => return caller.elsewhere.clone(),
            Whose::Anothers => return world.strangers_session.clone(),
        },
        (_, "/api/users/{id}/", _) => match (whose, &caller.person) {
            (Whose::Own, Some(person)) => person.id,
            _ => world.anothers.doctor,
        },
        (_, "/api/users/break-glass/{id}/", _) => world.glass,
        (_, _, "deactivate") if caller.name == "PATIENT" => side.patient,
        ("DELETE", "/api/patients/{id}/", _) | (_, _, "deactivate") => world.new_patient(whose).await,
        (_, _, "another doctor's") => world.new_appointment_elsewhere(whose).await,
        (_, _, "leave") => world.new_waiting(whose).await,
        (_, _, "confirm" | "cancel") => world.new_appointment(whose).await,
        ("POST", "/api/billing/invoices/{id}/issue/", _) => world.new_draft(whose).await,
        ("POST", "/api/billing/invoices/{id}/cancel/", _) => world.new_invoice(whose).await,
        (_, "/api/billing/services/{id}/", _) => world.service,
        (_, path, _) if path.starts_with("/api/billing/credit-notes/{id}/") => side.credit_note,
        ("PUT" | "PATCH", "/api/billing/invoices/{id}/", _) | ("GET", "/api/billing/invoices/{id}/", "a draft") => {
            side.draft
        }
        (_, path, _) if path.contains("/doctor/{id}/") || path.contains("/doctors/{id}/") => side.doctor,
        (_, path, _) if path.starts_with("/api/patients/hl7/parked/{id}/") => world.new_parked().await,
        (_, path, _) if path.starts_with("/api/patients/{id}/") || path.starts_with("/fhir/Patient/{id}/") => {
            side.patient
        }
        (_, path, _) if path.starts_with("/api/appointments/waitlist/{id}/") => side.waiting,
        (_, path, _) if path.starts_with("/api/appointments/{id}/") => side.appointment,
        (_, path, _) if path.starts_with("/api/billing/invoices/{id}/") => side.invoice,
        (_, path, _) if path.starts_with("/api/billing/payments/{id}/") => side.payment,
        (_, path, _) if path.starts_with("/api/billing/advances/{id}/") => side.advance,
        (_, path, _) if path.starts_with("/api/billing/refund-vouchers/{id}/") => side.refund_voucher,
        (_, "/api/billing/day-close/{id}/", _) => world.day_close,
        (_, "/api/billing/reports/{id}/", _) => side.report,
        _ => 1,
    };
    id.to_string()
}

/// What narrows a list to the side's object, or a view to what is meant.
fn query(line: &Line, side: &Side) -> String {
    match line.what {
        "everything" => return "?view=everything".to_owned(),
        "a document" if line.path.ends_with("/fhir/") => return "?view=document&type=HealthDocumentRecord".to_owned(),
        _ => {}
    }
    match line.path {
        "/fhir/Patient/" | "/fhir/Patient/_search/" => format!("?identifier={}", side.number),
        "/api/patients/" => format!("?search={}", side.number),
        "/api/appointments/"
        | "/api/appointments/waitlist/"
        | "/api/billing/invoices/"
        | "/api/billing/credit-notes/"
        | "/api/billing/advances/"
        | "/api/billing/refund-vouchers/" => {
            format!("?patient={}", side.patient)
        }
        "/api/appointments/date-range/" => {
            format!("?start_date={}&end_date={}&doctor_id={}", first_day(), last_day(), side.doctor)
        }
        "/api/appointments/availability/" => format!("?date={}&doctor={}", first_day(), side.doctor),
        "/api/appointments/doctor/{id}/schedule/" => format!("?date={}", first_day()),
        "/api/appointments/doctor/{id}/busy-times/" if line.method != "GET" => "?source=Matrix".to_owned(),
        "/api/billing/reports/revenue/" | "/api/billing/reports/doctor-share/" | "/api/billing/reports/gst/" => {
            format!("?start_date={0}&end_date={0}", day(0))
        }
        "/api/billing/reports/day-book/" => format!("?date={}", day(0)),
        _ => String::new(),
    }
}

async fn body(world: &World, line: &Line, caller: &Caller, whose: Whose, object: &str) -> Option<Value> {
    if line.method == "GET" || line.method == "DELETE" {
        return None;
    }
    let side = world.side(whose);
    let password = caller.person.as_ref().map(|person| person.password.clone()).unwrap_or_default();
    Some(match (line.method, line.path, line.what) {
        (_, "/api/users/register/", "staff") => people::newcomer("RECEPTIONIST", "").0,
        (_, "/api/users/register/", _) => people::newcomer("PATIENT", "").0,
        (_, "/api/users/me/", _) => json!({"first_name": "Usha"}),
        (_, "/api/users/mfa/verify/", _) => json!({"code": "000000"}),
        (_, "/api/users/mfa/disable/", _) => json!({"password": password, "code": "000000"}),
        (_, "/api/users/password/change/", _) => {
            json!({"old_password": password, "new_password": format!("{password}-2")})
        }
        (_, "/api/users/break-glass/{id}/", _) => json!({"status": "JUSTIFIED"}),
        ("POST", "/api/patients/", _) => {
            json!({"first_name": "Ravi", "last_name": "Matrix", "primary_doctor": side.doctor})
        }
        ("PUT", "/api/patients/{id}/", _) => changed(as_it_is(world, line, object).await, &json!({"phone": phone()})),
        (_, "/api/patients/{id}/", "contact") => json!({"phone": phone()}),
        (_, "/api/patients/{id}/", "name") => json!({"last_name": letters()}),
        (_, "/api/patients/{id}/", "deactivate") => json!({"is_active": false}),
        (_, "/api/patients/{id}/merge/", _) => json!({"source": world.new_patient(whose).await}),
        (_, "/api/patients/{id}/unmerge/", _) => json!({"source": world.new_merged(whose).await}),
        ("POST", "/api/patients/{id}/documents/", _) => world::form(),
        ("POST", "/api/patients/{id}/medical-history/", _) => json!({"kind": "NOTE", "note": unique()}),
        (_, "/api/patients/{id}/medical-history/{entry}/", _) => json!({"note": unique()}),
        (_, "/api/patients/hl7/import/", _) => json!({"message": MESSAGE}),
        (_, "/api/patients/hl7/parked/{id}/replay/", _) => {
            json!({"message": MESSAGE.replace("|MATRIX-1|", &format!("|{}|", unique()))})
        }
        (_, "/api/patients/hl7/parked/{id}/discard/", _) => json!({"reason": "a test of the matrix"}),
        ("POST", "/api/appointments/", what) => {
            let (date, time_slot) = world.slot();
            let mut body =
                json!({"patient": side.patient, "doctor": side.doctor, "date": date, "time_slot": time_slot});
            if what == "over another" {
                body["overbooking_reason"] = json!("an emergency");
            }
            body
        }
        (_, "/api/appointments/waitlist/", _) => world.wait(side.patient, side.doctor),
        (_, "/api/appointments/waitlist/{id}/", _) => json!({"status": "LEFT", "leaving_reason": "travels"}),
        (_, "/api/appointments/series/", _) => {
            json!({"patient": i64::MAX, "doctor": side.doctor, "date": first_day(), "time_slot": "07:00:00",
                "rrule": "FREQ=DAILY;COUNT=2"})
        }
        // Whether the doctor is there at this hour decides otherwise.
        (_, "/api/appointments/walk-in/", _) => json!({"patient": i64::MAX, "doctor": side.doctor}),
        (_, "/api/appointments/doctor/{id}/time-off/", _) => time_off(),
        (_, "/api/appointments/doctor/{id}/feed/", _) => json!({"replace": true}),
        (_, "/api/appointments/doctor/{id}/busy-times/", _) => json!(world::calendar()),
        ("PUT", "/api/appointments/{id}/", _) => {
            let now = as_it_is(world, line, object).await;
            let mut rewrite = json!({"reason": unique()});
            for member in ["patient", "doctor", "date", "time_slot"] {
                rewrite[member] = now[member].clone();
            }
            rewrite
        }
        (_, "/api/appointments/{id}/", "reason") => json!({"reason": unique()}),
        (_, "/api/appointments/{id}/", "confirm" | "another doctor's") => json!({"status": "CONFIRMED"}),
        (_, "/api/appointments/{id}/", "cancel") => json!({"status": "CANCELLED", "cancellation_reason": "travels"}),
        (_, "/api/appointments/doctor/{id}/availability/", _) => hours(),
        ("POST", "/api/billing/services/", _) => service(),
        ("PATCH", "/api/billing/services/{id}/", _) => json!({"price": "500.00"}),
        ("PUT", "/api/billing/invoices/{id}/insurance/", _) => json!({"payer": "Suraksha", "policy_number": "S1"}),
        (_, "/api/billing/invoices/{id}/insurance/", _) => json!({"claim_number": "C1"}),
        (_, "/api/billing/invoices/{id}/cancel/", _) => json!({"reason": "billed twice"}),
        ("POST", "/api/billing/invoices/", what) => invoice(side.patient, what == "a draft"),
        ("PUT", "/api/billing/invoices/{id}/", _) => invoice(side.patient, true),
        ("PATCH", "/api/billing/invoices/{id}/", _) => json!({"due_date": last_day()}),
        (_, "/api/billing/payments/", what) => {
            let method = if what == "cash" { "CASH" } else { "ONLINE" };
            json!({"invoice": side.invoice, "amount": "1.00", "method": method})
        }
        (_, "/api/billing/payments/{id}/refund/", _) => json!({"amount": "0.50", "reason": "Charged twice"}),
        (_, "/api/billing/advances/", _) => world::deposit(side.patient),
        (_, "/api/billing/advances/{id}/use/", _) => json!({"invoice": side.invoice, "amount": "1.00"}),
        (_, "/api/billing/advances/{id}/refund/", _) => json!({"amount": "0.50", "reason": "Went home early"}),
        (_, "/api/billing/webhooks/razorpay/", _) => json!({"event": "payment.captured", "payload": {}}),
        (_, "/api/billing/day-close/", _) => day_close(),
        (_, "/api/billing/reports/", "the day book") => json!({"report": "day-book", "parameters": {"date": day(0)}}),
        (_, "/api/billing/reports/", _) => world::revenue(),
        _ => json!({}),
    })
}

/// What PUT replaces, as an administrator reads it now.
async fn as_it_is(world: &World, line: &Line, object: &str) -> Value {
    world.hospital.get(&world.admin, &line.path.replace("{id}", object)).await.expect(200).body
}

fn changed(mut body: Value, change: &Value) -> Value {
    for (member, value) in change.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

fn unique() -> String {
    Uuid::new_v4().to_string()
}

fn phone() -> String {
    format!("98{:08}", Uuid::new_v4().as_u128() % 100_000_000)
}

/// A name has no digits.
fn letters() -> String {
    let name: String = unique().chars().filter(char::is_ascii_alphabetic).collect();
    format!("M{name}")
}

/// Sent again, it changes nothing.
const MESSAGE: &str = "MSH|^~\\&|HIS|MATRIX|EHS|EHS|20261123091500+0530||ADT^A28^ADT_A05|MATRIX-1|P|2.5.1\r\
                       EVN|A28|20261123091500+0530\r\
                       PID|1||MATRIX1^^^MATRIX^MR||Matrix^Hema||19800412|F\r\
                       PV1|1|N\r";
