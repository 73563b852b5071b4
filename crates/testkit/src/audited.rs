//! Walks every operation of a service and looks for the audit rows.

use auth::Role;
use serde_json::{Value, json};

use crate::{Answer, Server, TestDb, Tokens};

/// A service to be walked.
pub struct Audited<'a> {
    /// It.
    pub server: &'a Server,
    /// Its database.
    pub db: &'a TestDb,
    /// Tokens that it takes.
    pub tokens: &'a Tokens,
}

/// A request that succeeds: method, path, body. A body that is text is a calendar, or a form, whose boundary is `b`.
pub type Good = (&'static str, String, Value);

impl Audited<'_> {
    /// Calls every operation of the document without a token and as every role, as a user of whom nothing is known: each
    /// answer leaves one row that says how it ended.
    pub async fn refusals(&self, document: &Value, id: &str) {
        for (method, path) in operations(document) {
            let path = path.replace("{id}", id).replace("{entry}", id).replace("{document}", id);
            let object = format!("{method} {path}");
            let answer = self.call(&method, &path, "", &json!({})).await;
            self.expect_row(&object, &answer, "actor IS NULL").await;
            for role in Role::ALL {
                let answer = self.call(&method, &path, &self.tokens.mint(4242, role), &json!({})).await;
                let who = format!("actor = 4242 AND role = '{role}' AND session IS NOT NULL");
                self.expect_row(&object, &answer, &who).await;
            }
        }
    }

    /// Makes these requests as an administrator; they are all that the document offers, and each leaves a row.
    pub async fn successes(&self, document: &Value, good: &[Good]) {
        let admin = self.tokens.mint(1, Role::Admin);
        let mut left: Vec<(String, String)> = operations(document);
        for (method, path, body) in good {
            let answer = self.call(method, path, &admin, body).await;
            assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text);
            let path = path.split('?').next().unwrap_or_default();
            self.expect_row(&format!("{method} {path}"), &answer, "actor = 1 AND role = 'ADMIN'").await;
            left.retain(|(other, pattern)| other != method || !fits(pattern, path));
        }
        assert!(left.is_empty(), "no good request for {left:?}");
    }

    async fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let call = self.server.call(method.parse().expect("a method"), path).token(token);
        let call = call.header("idempotency-key", &uuid::Uuid::new_v4().to_string());
        match method {
            "GET" | "DELETE" => call.send().await,
            "PATCH" => call.body("application/merge-patch+json", body.to_string()).send().await,
            _ => match body.as_str() {
                Some(text) if text.starts_with("BEGIN:VCALENDAR") => call.body("text/calendar", text).send().await,
                Some(form) => call.body("multipart/form-data; boundary=b", form).send().await,
                None => call.json(body).send().await,
            },
        }
    }

    /// The newest row is about this answer.
    async fn expect_row(&self, object: &str, answer: &Answer, who: &str) {
        let outcome = match answer.status.as_u16() {
            200..=399 => "SUCCESS",
            401 => "UNAUTHENTICATED",
            403 => "DENIED",
            404 => "NOT_FOUND",
            400..=499 => "REFUSED",
            status => panic!("{object}: {status} {}", answer.text),
        };
        let row = format!(
            "SELECT count(*) FROM (SELECT * FROM audit_log ORDER BY id DESC LIMIT 1) AS newest \
             WHERE object = '{object}' AND outcome = '{outcome}' AND {who}"
        );
        assert_eq!(
            self.db.number(&row).await,
            1,
            "{object} was answered {} and left no such row: {who}",
            answer.status
        );
    }
}

fn operations(document: &Value) -> Vec<(String, String)> {
    let paths = document.get("paths").and_then(Value::as_object).expect("paths");
    let of = |(path, methods): (&String, &Value)| -> Vec<(String, String)> {
        let methods = methods.as_object().into_iter().flat_map(|methods| methods.keys());
        methods.map(|method| (method.to_uppercase(), path.clone())).collect()
    };
    paths.iter().filter(|(path, _)| path.starts_with("/api/")).flat_map(of).collect()
}

fn fits(pattern: &str, path: &str) -> bool {
    pattern.split('/').count() == path.split('/').count()
        && pattern.split('/').zip(path.split('/')).all(|(part, given)| part == given || part.starts_with('{'))
}
