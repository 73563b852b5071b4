//! Every operation of the OpenAPI document, by every role, and by nobody. An operation that nobody thought of fails here.

use auth::{Action, Role, reach};
use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{Hospital, LAKSHMI, RAO, day, slot};

/// Of whoever knows the address, token or not.
const OPEN: &str = "/api/appointments/feeds/{secret}/calendar.ics";

fn action_of(method: &str, path: &str) -> Action {
    match (method, path) {
        (
            "get",
            "/api/appointments/"
            | "/api/appointments/{id}/"
            | "/api/appointments/{id}/history/"
            | "/api/appointments/{id}/calendar.ics"
            | "/api/appointments/date-range/",
        ) => Action::AppointmentRead,
        ("get", "/api/appointments/waitlist/" | "/api/appointments/waitlist/{id}/") => Action::WaitlistRead,
        ("post", "/api/appointments/waitlist/")
        | ("patch", "/api/appointments/waitlist/{id}/")
        | ("post", "/api/appointments/waitlist/{id}/accept/" | "/api/appointments/waitlist/{id}/decline/") => {
            Action::WaitlistWrite
        }
        ("get", "/api/appointments/external/") => Action::ExternalAppointmentRead,
        ("post", "/api/appointments/series/") => Action::AppointmentSeries,
        ("post", "/api/appointments/walk-in/") => Action::AppointmentWalkIn,
        ("get", "/api/appointments/availability/" | "/api/appointments/doctor/{id}/next-available/") => {
            Action::ScheduleRead
        }
        ("get", "/api/appointments/doctor/{id}/calendar.ics") => Action::AvailabilityRead,
        ("get", "/api/appointments/doctor/{id}/time-off/" | "/api/appointments/doctor/{id}/time-off/{entry}/") => {
            Action::AvailabilityRead
        }
        ("post", "/api/appointments/doctor/{id}/time-off/")
        | ("delete", "/api/appointments/doctor/{id}/time-off/{entry}/") => Action::AvailabilityWrite,
        ("post", "/api/appointments/") => Action::AppointmentBook,
        ("put" | "patch", "/api/appointments/{id}/") => Action::AppointmentChange,
        ("get", "/api/appointments/doctor/{id}/schedule/") => Action::ScheduleRead,
        ("get", "/api/appointments/doctor/{id}/availability/") => Action::AvailabilityRead,
        ("put", "/api/appointments/doctor/{id}/availability/") => Action::AvailabilityWrite,
        ("get" | "post" | "delete", "/api/appointments/doctor/{id}/feed/") => Action::CalendarFeed,
        ("get", "/api/appointments/doctor/{id}/busy-times/") => Action::AvailabilityRead,
        ("post" | "delete", "/api/appointments/doctor/{id}/busy-times/") => Action::AvailabilityWrite,
        ("get", "/api/appointments/audit/" | "/api/appointments/audit/verify/") => Action::AuditRead,
        _ => panic!("{method} {path}: which action is that?"),
    }
}

fn operations() -> Vec<(Method, String, Action)> {
    let document = chassis::openapi::document("appointments", appointments::operations);
    let document: Value = serde_json::to_value(document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations =
        paths.iter().flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method, path)));
    operations
        .filter(|(_, path)| *path != OPEN)
        .map(|(method, path)| (method.to_uppercase().parse().unwrap(), path.clone(), action_of(method, path)))
        .collect()
}

#[tokio::test]
async fn every_operation_by_every_role() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let users = [
        (1, Role::Admin),
        (RAO, Role::Doctor),
        (20, Role::Nurse),
        (30, Role::Receptionist),
        (40, Role::Accountant),
        (50, Role::Auditor),
        (1000, Role::Patient),
    ];
    let operations = operations();
    assert_eq!(operations.len(), 35);
    for (method, path, action) in operations {
        let subject = if path.contains("doctor/{id}") { RAO.to_string() } else { id.to_string() };
        let path = path.replace("{id}", &subject).replace("{entry}", "1");
        for (user, role) in users {
            let call = hospital.server.call(method.clone(), &path).token(&hospital.tokens.mint(user, role));
            let answer = call.json(&json!({"nonsense": 1})).send().await;
            let forbidden = answer.status.as_u16() == 403;
            assert_eq!(forbidden, reach(role, action).is_none(), "{role} {method} {path}: {}", answer.text);
            assert!(!answer.status.is_server_error(), "{role} {method} {path}: {}", answer.text);
        }
        let nobody = hospital.server.call(method.clone(), &path).json(&json!({})).send().await.expect(401);
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
        for (what, token) in hospital.tokens.bad(1, Role::Admin) {
            let answer = hospital.server.call(method.clone(), &path).token(&token).json(&json!({})).send().await;
            assert_eq!(answer.status.as_u16(), 401, "{what} {method} {path}");
        }
    }
}
