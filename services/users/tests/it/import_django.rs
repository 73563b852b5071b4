use std::io::BufReader;

use auth::Role;
use serde_json::Value;
use users::import_django::account::Roles;
use users::import_django::{Import, Refused, Tally};

use crate::service::{PASSWORD, Service};

const DUMP: &str = include_str!("fixtures/django-users.json");

fn import(dry_run: bool) -> Import {
    let groups =
        [("Doctors", Role::Doctor), ("2", Role::Nurse), ("Nurses", Role::Nurse), ("Front desk", Role::Receptionist)];
    let of_groups = groups.into_iter().map(|(group, role)| (group.to_owned(), role)).collect();
    Import { roles: Roles { of_groups, superusers_are_admins: true }, model: "auth.user".to_owned(), dry_run }
}

async fn run(service: &Service, import: &Import, dump: &str) -> (anyhow::Result<Tally>, Vec<Refused>) {
    let mut refused = Vec::new();
    let mut conn = service.db.connect().await;
    let tally = import.run(&mut conn, BufReader::with_capacity(7, dump.as_bytes()), &mut |one| refused.push(one)).await;
    (tally, refused)
}

#[tokio::test]
async fn a_dump_comes_over_once_and_its_people_sign_in() {
    let service = Service::start().await;
    let (dry, refused) = run(&service, &import(true), DUMP).await;
    let expected = Tally { imported: 7, present: 0, refused: 11, others: 5 };
    assert_eq!((dry.unwrap(), refused.len()), (expected, 11));
    for table in ["users", "django_users", "outbox", "audit_log"] {
        assert_eq!(service.db.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table} after a dry run");
    }

    let (tally, refused_again) = run(&service, &import(false), DUMP).await;
    assert_eq!((tally.unwrap(), &refused_again), (expected, &refused));
    assert_eq!(service.db.number("SELECT count(*) FROM outbox WHERE event_type = 'UserRegistered'").await, 7 * 3);
    assert_eq!(service.db.number("SELECT count(*) FROM audit_log WHERE action = 'AccountImport'").await, 7);
    for (username, role) in [
        ("root", "ADMIN"),
        ("asha", "PATIENT"),
        ("dr.mehta", "DOCTOR"),
        ("sr.leela", "NURSE"),
        ("desk1", "RECEPTIONIST"),
    ] {
        let answer = service.login(username, PASSWORD).await.expect(200);
        let me = service.server.get("/api/users/me/", answer.body["access"].as_str().unwrap()).await.expect(200).body;
        assert_eq!(
            (me["role"].as_str().unwrap(), &me["created_at"]),
            (role, &Value::from("2021-06-14T05:30:00Z")),
            "{username}"
        );
    }
    let renewed = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$%'";
    assert_eq!(service.db.number(renewed).await, 5, "who signed in has another hash now");
    service.login("gone", PASSWORD).await.expect(401);
    for password in ["!", "", "!VhJ5OQH5iCbDB0Zk3bS7BD1uKZ2wpLpNOmYd8m0c", PASSWORD] {
        assert_ne!(service.login("sso.user", password).await.status, 200);
    }

    // again, from an object a line: nothing changes, the new hashes least of all
    let before = service.db.number("SELECT count(*) FROM outbox").await;
    let lines: Vec<String> =
        serde_json::from_str::<Vec<Value>>(DUMP).unwrap().iter().map(ToString::to_string).collect();
    let (tally, _) = run(&service, &import(false), &lines.join("\n")).await;
    assert_eq!(tally.unwrap(), Tally { imported: 0, present: 7, ..expected });
    assert_eq!(service.db.number("SELECT count(*) FROM outbox").await, before);
    assert_eq!(service.db.number(renewed).await, 5);
}

#[tokio::test]
async fn each_refusal_says_why_and_shows_no_password() {
    let service = Service::start().await;
    let (_, refused) = run(&service, &import(false), DUMP).await;
    let told: Vec<String> = refused.iter().map(|one| format!("{}: {}", one.who, one.faults.join("; "))).collect();
    let expected = [
        ("8 ASHA", "username is another account's"),
        ("9 asha2", "email is another account's"),
        ("10 noemail", "email"),
        ("11 with@sign", "username"),
        ("12 md5", "password is hashed in a way"),
        (
            "13 dr.unknown",
            "department is required for a DOCTOR; specialization is required for a DOCTOR; registration_number",
        ),
        ("14 intern", "role is not known: no --role for Interns"),
        ("15 both", "role is not known: its groups say NURSE and RECEPTIONIST"),
        ("16 stafflonely", "role is not known: staff of no group"),
        ("17 cheaphash", "password is a hash with more than"),
        ("18", "is no user"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, (who, why)) in told.iter().zip(expected) {
        assert!(told.starts_with(&format!("{who}: ")) && told.contains(why), "{told}");
        assert!(!told.contains("secret") && !told.contains("seasalt") && !told.contains("5f4dcc3b"), "{told}");
    }
}

#[tokio::test]
async fn a_superuser_is_an_administrator_only_where_that_was_said() {
    let service = Service::start().await;
    let mut import = import(false);
    import.roles.superusers_are_admins = false;
    let (tally, refused) = run(&service, &import, DUMP).await;
    assert_eq!(tally.unwrap().imported, 6);
    assert_eq!(refused[0].faults, ["role is not known: a superuser, and --superusers-are-admins was not said"]);
    assert_eq!(service.db.number("SELECT count(*) FROM users WHERE role = 'ADMIN'").await, 0);
}

#[tokio::test]
async fn what_breaks_off_is_taken_up_again_and_people_who_are_there_stay_as_they_are() {
    let service = Service::start().await;
    let asha = service.patient("asha").await;
    let broken = &DUMP[..DUMP.find("\"dr.mehta\"").unwrap()];
    let (tally, refused) = run(&service, &import(false), broken).await;
    assert!(tally.unwrap_err().to_string().contains("has no end"));
    assert_eq!((refused.len(), refused[0].faults.join("")), (1, "username is another account's".to_owned()));
    let (tally, _) = run(&service, &import(false), DUMP).await;
    // the email of the one who was refused is free now for the one who shares it
    assert_eq!(tally.unwrap(), Tally { imported: 6, present: 1, refused: 11, others: 5 });
    let untouched =
        format!("SELECT count(*) FROM users WHERE id = {asha} AND email = 'asha@example.in' AND version = 1");
    assert_eq!(service.db.number(&untouched).await, 1);
}
