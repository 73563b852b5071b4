//! People whom a test registers for itself, so that no other test meets them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Hospital;

/// Somebody new, signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account's id.
    pub id: i64,
    /// The role, as in the contract.
    pub role: String,
    /// The name to sign in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// An access token.
    pub access: String,
    /// The session's refresh token.
    pub refresh: String,
}

impl Hospital {
    /// Registers somebody and signs them in. A department is for a `DOCTOR` or `NURSE`; a `PATIENT` needs no
    /// administrator, but may have one.
    pub async fn newcomer(&self, admin: &str, role: &str, department: &str) -> Person {
        let (body, username, password) = newcomer(role, department);
        let id = self.post(admin, "/api/users/register/", &body).await.expect(201).body["id"].as_i64().expect("an id");
        let (access, refresh) = self.sign_in_as(&username, &password).await;
        Person { id, role: role.to_owned(), username, password, access, refresh }
    }

    /// An access token and a refresh token.
    pub async fn sign_in_as(&self, username: &str, password: &str) -> (String, String) {
        let body = json!({"username": username, "password": password});
        let body = self.send(self.request(Method::POST, "/api/users/login/").json(&body)).await.expect(200).body;
        (text(&body["access"]), text(&body["refresh"]))
    }
}

/// What registers somebody new, with the username and the password in it.
pub fn newcomer(role: &str, department: &str) -> (Value, String, String) {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let (username, password) = (format!("j{unique}"), format!("{unique}-Journey"));
    let mut body = json!({"username": username, "email": format!("{username}@example.in"), "password": password,
        "first_name": "Asha", "last_name": "Journey", "role": role});
    match role {
        "DOCTOR" => {
            let doctor =
                json!({"specialization": "General medicine", "registration_number": unique, "department": department});
            body["doctor"] = doctor;
        }
        "NURSE" => body["department"] = department.into(),
        _ => {}
    }
    (body, username, password)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
