use testkit::TestDb;
use users::config::{CreateAdminConfig, HashingConfig};
use users::create_admin::{Admin, Outcome, create_admin};

use crate::service::{PASSWORD, Service};

fn config(db: &TestDb, password: &str) -> CreateAdminConfig {
    CreateAdminConfig { db: db.config(), hashing: HashingConfig::default(), password: password.to_owned().into() }
}

fn admin(username: &str) -> Admin {
    Admin {
        username: username.to_owned(),
        email: format!("{username}@example.in"),
        first_name: "Root".to_owned(),
        last_name: String::new(),
    }
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let service = Service::start().await;
    let made = create_admin(&config(&service.db, PASSWORD), admin("root")).await.unwrap();
    let Outcome::Created(id) = made else { panic!("{made:?}") };
    let again = create_admin(&config(&service.db, "another horse battery"), admin("Root")).await.unwrap();
    assert_eq!(again, Outcome::Present(id));
    let answer = service.login("root", PASSWORD).await.expect(200);
    let token = answer.body["access"].as_str().unwrap();
    assert_eq!(service.server.get("/api/users/me/", token).await.expect(200).body["role"], "ADMIN");
    service.server.get("/api/users/", token).await.expect(200);
    assert_eq!(service.db.number("SELECT count(*) FROM outbox WHERE event_type = 'UserRegistered'").await, 3);
}

#[tokio::test]
async fn an_administrator_follows_the_rules_of_registration() {
    let service = Service::start().await;
    let fault = create_admin(&config(&service.db, "short"), admin("a b")).await.unwrap_err().to_string();
    assert!(fault.contains("username") && fault.contains("password must have at least 12"), "{fault}");
    assert!(!fault.contains("short"), "{fault}");
    service.patient("asha").await;
    assert!(create_admin(&config(&service.db, PASSWORD), admin("asha")).await.is_err());
    let other = Admin { email: "asha@example.in".to_owned(), ..admin("root") };
    assert!(create_admin(&config(&service.db, PASSWORD), other).await.is_err());
    assert_eq!(service.users().await, 1);
}

#[tokio::test]
async fn what_has_expired_is_forgotten() {
    let service = Service::start().await;
    service.patient("asha").await;
    for _ in 0..2 {
        service.login("asha", PASSWORD).await.expect(200);
    }
    service
        .db
        .sql(
            "UPDATE sessions SET last_used_at = now() - interval '9 days' WHERE id = (SELECT id FROM sessions LIMIT 1)",
        )
        .await;
    assert_eq!(users::worker::forget_once(&service.db.pool().await).await.unwrap(), 1);
    assert_eq!(service.db.number("SELECT count(*) FROM refresh_tokens").await, 1);
}

#[tokio::test]
async fn the_database_itself_refuses_nonsense() {
    let service = Service::start().await;
    service.patient("asha").await;
    let mut conn = service.db.connect().await;
    for change in [
        "username = 'a@b'",
        "username = ''",
        "email = 'x'",
        "password_hash = 'plain'",
        "role = 'ROOT'",
        "role = 'DOCTOR'",
        "first_name = ''",
        "phone = '98765'",
        "department = 'ICU'",
        "specialization = 'Cardiology'",
        "version = 0",
    ] {
        let refused =
            diesel_async::SimpleAsyncConnection::batch_execute(&mut conn, &format!("UPDATE users SET {change}")).await;
        assert!(refused.is_err(), "{change}");
    }
    for other in ["DROP TABLE users", "CREATE TABLE x (i int)", "TRUNCATE users"] {
        let refused = diesel_async::SimpleAsyncConnection::batch_execute(&mut conn, other).await;
        assert!(refused.is_err(), "{other}");
    }
}
