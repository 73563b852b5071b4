//! Every operation leaves its row, and the row says who and what, also where no access token says it.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Audited, Tokens};
use users::mail::post::Post;
use uuid::Uuid;

use crate::mfa::{App, early_in_a_step};
use crate::password::token as mailed_token;
use crate::post_office::PostOffice;
use crate::service::{PASSWORD, Service, patient, revocations};

const OTHER: &str = "another horse battery";

fn member(answer: &Answer, which: &str) -> String {
    answer.body[which].as_str().unwrap_or_else(|| panic!("no {which} in {}", answer.text)).to_owned()
}

/// How the newest row reads: `action outcome actor role session?`.
async fn newest(service: &Service) -> String {
    let row = "SELECT concat_ws(' ', action, outcome, coalesce(actor::text, '-'), coalesce(role, '-'), \
               CASE WHEN session IS NULL THEN 'sessionless' ELSE 'session' END) AS text \
               FROM audit_log ORDER BY id DESC LIMIT 1";
    text(service, row).await
}

async fn text(service: &Service, sql: &str) -> String {
    use diesel::sql_types::Text;
    use diesel_async::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let row: Row = diesel::sql_query(sql).get_result(&mut service.db.connect().await).await.unwrap();
    row.text
}

async fn session_of(service: &Service, access: &str) -> Uuid {
    auth::Verifier::fixed(&service.keys.jwks(), "ehs", "ehs-api").verify(access).await.unwrap().sid
}

#[tokio::test]
async fn a_sign_in_and_what_becomes_of_it_say_whose_it_is() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    assert_eq!(newest(&service).await, format!("Registration SUCCESS {id} PATIENT sessionless"));

    service.login("asha", "wrong horse battery").await.expect(401);
    assert_eq!(newest(&service).await, format!("SignInWrongPassword UNAUTHENTICATED {id} PATIENT sessionless"));
    service.login("nobody", PASSWORD).await.expect(401);
    assert_eq!(newest(&service).await, "SignInUnknownUser UNAUTHENTICATED - - sessionless");
    let first = service.login("asha", PASSWORD).await.expect(200);
    assert_eq!(newest(&service).await, format!("SignIn SUCCESS {id} PATIENT session"));
    let session = session_of(&service, &member(&first, "access")).await;
    let named = format!("SELECT count(*) FROM audit_log WHERE session = '{session}' AND address IS NOT NULL");
    assert_eq!(service.db.number(&named).await, 1);

    service.refresh(&member(&first, "refresh")).await.expect(200);
    assert_eq!(newest(&service).await, format!("SessionRenewed SUCCESS {id} PATIENT session"));
    service.refresh(&member(&first, "refresh")).await.expect(401);
    assert_eq!(newest(&service).await, format!("RefreshTokenReused UNAUTHENTICATED {id} PATIENT session"));
    service.refresh("x").await.expect(401);
    assert_eq!(newest(&service).await, "RefreshTokenRefused UNAUTHENTICATED - - sessionless");

    let access = member(&service.login("asha", PASSWORD).await.expect(200), "access");
    let wrong = json!({"old_password": OTHER, "new_password": "a third horse battery"});
    service.server.post("/api/users/password/change/", &access, &wrong).await.expect(400);
    assert_eq!(newest(&service).await, format!("PasswordChangeRefused REFUSED {id} PATIENT session"));
    service.server.call(Method::POST, "/api/users/logout/").token(&access).send().await.expect(204);
    assert_eq!(newest(&service).await, format!("SignOut SUCCESS {id} PATIENT session"));

    let path = format!("/api/users/{id}/");
    for (change, deed) in [
        (json!({"role": "ACCOUNTANT"}), "RoleChange"),
        (json!({"is_active": false}), "Deactivation"),
        (json!({"is_active": true}), "Activation"),
        (json!({"role": "NURSE", "department": "ICU"}), "RoleChange"),
        (json!({"department": "Ward"}), "AccountChange"),
    ] {
        service.server.patch(&path, &service.admin(), &change).await.expect(200);
        assert_eq!(newest(&service).await, format!("{deed} SUCCESS 1000000 ADMIN session"));
    }
    service.server.patch(&path, &service.admin(), &json!({"is_active": false})).await.expect(200);
    service.login("asha", PASSWORD).await.expect(401);
    assert_eq!(newest(&service).await, format!("SignInInactive UNAUTHENTICATED {id} NURSE sessionless"));
    let secrets = format!(
        "SELECT count(*) FROM audit_log WHERE audit_log::text LIKE '%horse%' OR audit_log::text LIKE '%{access}%'"
    );
    assert_eq!(service.db.number(&secrets).await, 0);
}

#[tokio::test]
async fn second_factors_and_mailed_passwords_are_on_the_record() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    early_in_a_step().await;
    let id = service.patient("asha").await;
    let access = member(&service.login("asha", PASSWORD).await.expect(200), "access");
    let app = App::of(&service.server.post("/api/users/mfa/enable/", &access, &json!({})).await.expect(200));
    assert_eq!(newest(&service).await, format!("SecondFactorBegun SUCCESS {id} PATIENT session"));
    let verify = async |body: Value, token: &str| service.server.post("/api/users/mfa/verify/", token, &body).await;
    verify(json!({"code": app.wrong()}), &access).await.expect(400);
    assert_eq!(newest(&service).await, format!("SecondFactorWrong REFUSED {id} PATIENT session"));
    verify(json!({"code": app.code(-1)}), &access).await.expect(200);
    assert_eq!(newest(&service).await, format!("SecondFactorOn SUCCESS {id} PATIENT session"));

    let mfa_token = member(&service.login("asha", PASSWORD).await.expect(200), "mfa_token");
    assert_eq!(newest(&service).await, format!("SecondFactorAsked SUCCESS {id} PATIENT sessionless"));
    verify(json!({"mfa_token": mfa_token, "code": app.wrong()}), "").await.expect(401);
    assert_eq!(newest(&service).await, format!("SecondFactorWrong UNAUTHENTICATED {id} PATIENT sessionless"));
    verify(json!({"mfa_token": "x", "code": app.code(0)}), "").await.expect(401);
    assert_eq!(newest(&service).await, "SecondFactorUnknownToken UNAUTHENTICATED - - sessionless");
    verify(json!({"mfa_token": mfa_token, "code": app.code(0)}), "").await.expect(200);
    assert_eq!(newest(&service).await, format!("SignIn SUCCESS {id} PATIENT session"));

    service.server.post("/api/users/password/reset/", "", &json!({"email": "asha@example.in"})).await.expect(202);
    assert_eq!(newest(&service).await, "PasswordResetAsked SUCCESS - - sessionless");
    Post::new(office.config()).unwrap().send_due(&service.db.pool().await).await.unwrap();
    assert_eq!(newest(&service).await, format!("PasswordResetMailed SUCCESS {id} PATIENT sessionless"));
    let body = json!({"token": mailed_token(&office), "new_password": OTHER});
    service.server.post("/api/users/password/reset/confirm/", "", &body).await.expect(204);
    assert_eq!(newest(&service).await, format!("PasswordReset SUCCESS {id} PATIENT sessionless"));
}

#[tokio::test]
async fn a_change_whose_row_cannot_be_written_does_not_happen() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let access = member(&service.login("asha", PASSWORD).await.expect(200), "access");
    let refuse = "CREATE FUNCTION no_rows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END'; \
                  CREATE TRIGGER no_rows BEFORE INSERT ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION no_rows()";
    service.db.sql(refuse).await;
    for answer in [
        service.server.patch("/api/users/me/", &access, &json!({"first_name": "Other"})).await,
        service.server.patch(&format!("/api/users/{id}/"), &service.admin(), &json!({"role": "AUDITOR"})).await,
        service.register(&patient("other")).await,
        service.login("asha", PASSWORD).await,
        service.server.call(Method::POST, "/api/users/logout/").token(&access).send().await,
        service.server.get("/api/users/me/", &access).await,
    ] {
        assert!(answer.status.is_server_error(), "{} {}", answer.status, answer.text);
    }
    service.db.sql("DROP TRIGGER no_rows ON audit_log").await;
    let unchanged = "SELECT count(*) FROM users WHERE first_name = 'Asha' AND role = 'PATIENT'";
    assert_eq!((service.db.number(unchanged).await, service.users().await), (1, 1));
    assert_eq!(service.db.number("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await, 1);
    assert!(!revocations().is_revoked(session_of(&service, &access).await).await.unwrap());
}

/// Operations that ask for no access token: whoever calls them is known by what they send, or not at all.
const TOKENLESS: [&str; 4] = [
    "POST /api/users/login/",
    "POST /api/users/refresh-token/",
    "POST /api/users/password/reset/",
    "POST /api/users/password/reset/confirm/",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_leaves_a_row() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    early_in_a_step().await;
    let mut document = serde_json::to_value(chassis::openapi::document("EHS users", users::routes)).unwrap();
    let tokens = Tokens::of(auth::SigningKeys::parse(&service.keys.to_file().unwrap()).unwrap());
    let audited = Audited { server: &service.server, db: &service.db, tokens: &tokens };
    let paths = document["paths"].as_object_mut().unwrap();
    let open: Vec<String> =
        paths.keys().filter(|path| TOKENLESS.contains(&format!("POST {path}").as_str())).cloned().collect();
    assert_eq!(open.len(), TOKENLESS.len());
    for path in &open {
        paths.remove(path);
    }
    audited.refusals(&document, "4242").await;

    let admin = service.patient("root").await;
    service.db.sql("UPDATE users SET role = 'ADMIN'").await;
    let token = service.token(admin, Role::Admin);
    let rows = async |object: &str| {
        let row = format!(
            "SELECT count(*) FROM (SELECT * FROM audit_log ORDER BY id DESC LIMIT 1) AS newest \
                           WHERE object = '{object}' AND outcome = 'SUCCESS'"
        );
        service.db.number(&row).await
    };
    let doctor = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    service.db.sql("INSERT INTO break_glass_reviews (id, user_id, role, reason, patients, granted_at) VALUES (1, 99, 'DOCTOR', 'x', '{7}', now())").await;
    let signed_in = service.login("root", PASSWORD).await.expect(200);
    let session = session_of(&service, &member(&signed_in, "access")).await;
    service.server.post("/api/users/password/reset/", "", &json!({"email": "root@example.in"})).await.expect(202);
    assert_eq!(rows("POST /api/users/password/reset/").await, 1);
    Post::new(office.config()).unwrap().send_due(&service.db.pool().await).await.unwrap();
    let reset = json!({"token": mailed_token(&office), "new_password": OTHER});
    service.server.post("/api/users/password/reset/confirm/", "", &reset).await.expect(204);
    assert_eq!(rows("POST /api/users/password/reset/confirm/").await, 1);
    let signed_in_again = service.login("root", OTHER).await.expect(200);
    assert_eq!(rows("POST /api/users/login/").await, 1);
    service.refresh(&member(&signed_in_again, "refresh")).await.expect(200);
    assert_eq!(rows("POST /api/users/refresh-token/").await, 1);
    let still = session_of(&service, &member(&signed_in_again, "access")).await;
    assert_ne!(session, still);

    let secret = service.server.post("/api/users/mfa/enable/", &token, &json!({})).await.expect(200);
    let app = App::of(&secret);
    let auditor = service.token(2_000_000, Role::Auditor);
    let good: Vec<(&str, String, &str, Value)> = vec![
        ("POST", "/api/users/mfa/verify/".into(), &token, json!({"code": app.code(-1)})),
        ("POST", "/api/users/mfa/disable/".into(), &token, json!({"password": OTHER, "code": app.code(0)})),
        ("POST", "/api/users/mfa/enable/".into(), &token, json!({})),
        ("POST", "/api/users/register/".into(), &token, patient("asha")),
        ("GET", "/api/users/me/".into(), &token, Value::Null),
        ("PATCH", "/api/users/me/".into(), &token, json!({"last_name": "Other"})),
        ("GET", "/api/users/me/sessions/".into(), &token, Value::Null),
        ("DELETE", format!("/api/users/me/sessions/{still}/"), &token, Value::Null),
        (
            "POST",
            "/api/users/password/change/".into(),
            &token,
            json!({"old_password": OTHER, "new_password": PASSWORD}),
        ),
        ("POST", "/api/users/logout/".into(), &token, json!({})),
        ("GET", "/api/users/doctors/".into(), &token, Value::Null),
        ("GET", format!("/api/users/doctors/{doctor}/"), &token, Value::Null),
        ("GET", "/api/users/break-glass/".into(), &token, Value::Null),
        ("GET", "/api/users/break-glass/1/".into(), &token, Value::Null),
        ("PATCH", "/api/users/break-glass/1/".into(), &auditor, json!({"status": "JUSTIFIED"})),
        ("GET", "/api/users/".into(), &token, Value::Null),
        ("GET", format!("/api/users/{doctor}/"), &token, Value::Null),
        ("PATCH", format!("/api/users/{doctor}/"), &token, json!({"is_active": false})),
        ("GET", "/api/users/audit/".into(), &token, Value::Null),
        ("GET", "/api/users/audit/verify/".into(), &token, Value::Null),
    ];
    let mut left: Vec<String> = operations(&document);
    for (method, path, token, body) in good {
        let answer = match method {
            "GET" => service.server.get(&path, token).await,
            "DELETE" => service.server.delete(&path, token).await,
            "PATCH" => service.server.patch(&path, token, &body).await,
            _ => service.server.post(&path, token, &body).await,
        };
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text);
        assert_eq!(rows(&format!("{method} {path}")).await, 1, "{method} {path}");
        assert!(!newest(&service).await.contains(" - "), "{}", newest(&service).await);
        left.retain(|operation| !fits(operation, &format!("{method} {path}")));
    }
    assert!(left.is_empty(), "no good request for {left:?}");
}

fn operations(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, methods): (&String, &Value)| -> Vec<String> {
        methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())).collect()
    };
    paths.iter().filter(|(path, _)| path.starts_with("/api/")).flat_map(of).collect()
}

fn fits(pattern: &str, operation: &str) -> bool {
    pattern.split('/').count() == operation.split('/').count()
        && pattern.split('/').zip(operation.split('/')).all(|(part, given)| part == given || part.starts_with('{'))
}
