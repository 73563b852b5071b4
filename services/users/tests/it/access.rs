//! Every operation of the OpenAPI document, with nobody, with bad tokens, and with every role.

use auth::{Action, Role, reach};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Tokens;

use crate::service::Service;

/// What stands at the door of an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Door {
    Public,
    Only(Action),
}

/// An operation that is not here fails the tests: whoever adds one says who may call it.
const DOORS: [(&str, &str, Door); 25] = [
    ("GET", "/.well-known/jwks.json", Door::Public),
    ("POST", "/api/users/register/", Door::Public),
    ("POST", "/api/users/login/", Door::Public),
    ("POST", "/api/users/refresh-token/", Door::Public),
    // who is signed in, or holds an mfa_token
    ("POST", "/api/users/mfa/enable/", Door::Public),
    ("POST", "/api/users/mfa/verify/", Door::Public),
    ("POST", "/api/users/mfa/disable/", Door::Only(Action::OwnProfile)),
    ("GET", "/api/users/me/", Door::Only(Action::OwnProfile)),
    ("PATCH", "/api/users/me/", Door::Only(Action::OwnProfile)),
    ("POST", "/api/users/password/reset/", Door::Public),
    ("POST", "/api/users/password/reset/confirm/", Door::Public),
    ("POST", "/api/users/password/change/", Door::Only(Action::OwnProfile)),
    ("POST", "/api/users/logout/", Door::Only(Action::OwnProfile)),
    ("GET", "/api/users/me/sessions/", Door::Only(Action::OwnProfile)),
    ("DELETE", "/api/users/me/sessions/{id}/", Door::Only(Action::OwnProfile)),
    ("GET", "/api/users/doctors/", Door::Only(Action::DoctorList)),
    ("GET", "/api/users/doctors/{id}/", Door::Only(Action::DoctorList)),
    ("GET", "/api/users/break-glass/", Door::Only(Action::BreakGlassRead)),
    ("GET", "/api/users/break-glass/{id}/", Door::Only(Action::BreakGlassRead)),
    ("PATCH", "/api/users/break-glass/{id}/", Door::Only(Action::BreakGlassReview)),
    ("GET", "/api/users/audit/", Door::Only(Action::AuditRead)),
    ("GET", "/api/users/audit/verify/", Door::Only(Action::AuditRead)),
    ("GET", "/api/users/", Door::Only(Action::UserAdmin)),
    ("GET", "/api/users/{id}/", Door::Only(Action::UserAdmin)),
    ("PATCH", "/api/users/{id}/", Door::Only(Action::UserAdmin)),
];

/// Method, path and whether it says that anyone may call it.
fn operations() -> Vec<(String, String, bool)> {
    let document: Value =
        serde_json::from_str(&chassis::openapi::document("EHS users", users::routes).to_json().unwrap()).unwrap();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation["security"].as_array().expect("every operation says who may call it");
            found.push((method.to_uppercase(), path.clone(), security.contains(&json!({}))));
        }
    }
    found
}

fn door(method: &str, path: &str) -> Door {
    let door = DOORS.iter().find(|(m, p, _)| (*m, *p) == (method, path));
    door.unwrap_or_else(|| panic!("nobody said who may {method} {path}")).2
}

async fn knock(service: &Service, method: &str, path: &str, token: &str) -> testkit::Answer {
    let method: Method = method.parse().unwrap();
    let call = service.server.call(method.clone(), &path.replace("{id}", "1")).token(token);
    if method == Method::GET { call.send().await } else { call.json(&json!({})).send().await }
}

#[test]
fn the_document_says_what_is_public() {
    let operations = operations();
    assert_eq!(operations.len(), DOORS.len());
    for (method, path, public) in operations {
        assert_eq!(public, door(&method, &path) == Door::Public, "{method} {path}");
    }
}

#[tokio::test]
async fn nobody_and_bad_tokens_are_kept_out() {
    let service = Service::start().await;
    let mut bad: Vec<(&str, String)> = Tokens::new().bad(1, Role::Admin);
    bad.push(("no token at all", String::new()));
    for (method, path, public) in operations() {
        for (what, token) in &bad {
            let answer = knock(&service, &method, &path, token).await;
            if public {
                assert!(matches!(answer.status.as_u16(), 200 | 400 | 401), "{what} {method} {path}: {}", answer.text);
                continue;
            }
            assert_eq!(answer.status, 401, "{what} {method} {path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer realm=\"ehs\""), "{what} {method} {path}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
    }
}

#[tokio::test]
async fn every_role_passes_exactly_where_the_table_lets_it() {
    let service = Service::start().await;
    let id = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    for (method, path, _) in operations() {
        let Door::Only(action) = door(&method, &path) else { continue };
        for role in Role::ALL {
            let answer = knock(&service, &method, &path, &service.token(id, role)).await;
            let passed = answer.status != 403 && answer.status != 401;
            assert_eq!(passed, reach(role, action).is_some(), "{role} {method} {path}: {}", answer.text);
            assert!(!answer.status.is_server_error(), "{role} {method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn identity_headers_of_a_client_mean_nothing() {
    let service = Service::start().await;
    let call = service.server.call(Method::GET, "/api/users/");
    let call = call.header("x-user-id", "1").header("x-user-role", "ADMIN").header("x-forwarded-user", "admin");
    call.send().await.expect(401);
}
