//! A running users service and people in it.

use std::sync::Arc;

use auth::claims::Issued;
use auth::{Claims, Role, SigningKeys};
use chrono::{Duration, Utc};
use serde_json::{Value, json};
use testkit::{Answer, Endpoints, Server, TestDb};
use users::app::App;
use users::config::{HashingConfig, TokenConfig};
use users::mfa::{MfaConfig, MfaKeys};
use users::sign_in::defence::{Allowance, Defence};
use users::sign_in::passwords::Passwords;
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse battery";
/// An administrator who is in no database: the token says enough.
pub const ADMIN: i64 = 1_000_000;

pub struct Service {
    pub db: TestDb,
    pub server: Server,
    pub keys: Arc<SigningKeys>,
}

impl Service {
    pub async fn start() -> Self {
        Self::hashing(&HashingConfig::default()).await
    }

    pub async fn hashing(config: &HashingConfig) -> Self {
        Self::with(config, "", revocations(), lenient()).await
    }

    /// With roles that must have a second factor.
    pub async fn requiring(roles: &str) -> Self {
        Self::with(&HashingConfig::default(), roles, revocations(), lenient()).await
    }

    /// That counts wrong passwords this way.
    pub async fn defended(config: &HashingConfig, defence: Defence) -> Self {
        Self::with(config, "", revocations(), defence).await
    }

    /// Whose word reaches the gateway this way.
    pub async fn revoking(revocations: auth::Revocations) -> Self {
        Self::with(&HashingConfig::default(), "", revocations, lenient()).await
    }

    /// Whose limits and whose word to the gateway are kept this way.
    pub async fn leaning_on(defence: Defence, revocations: auth::Revocations) -> Self {
        Self::with(&HashingConfig::default(), "", revocations, defence).await
    }

    /// With these keys.
    pub async fn signing(keys: SigningKeys) -> Self {
        let db = TestDb::new("users", users::migrations()).await;
        Self::on(db, Arc::new(keys), &HashingConfig::default(), "", revocations(), lenient()).await
    }

    /// The same people, and a service that started with other keys.
    pub async fn started_anew(self, keys: SigningKeys) -> Self {
        Self::on(self.db, Arc::new(keys), &HashingConfig::default(), "", revocations(), lenient()).await
    }

    /// The same people and keys, and other roles that must have a second factor.
    pub async fn now_requiring(self, roles: &str) -> Self {
        Self::on(self.db, self.keys, &HashingConfig::default(), roles, revocations(), lenient()).await
    }

    async fn with(config: &HashingConfig, required: &str, revocations: auth::Revocations, defence: Defence) -> Self {
        let db = TestDb::new("users", users::migrations()).await;
        let keys = Arc::new(SigningKeys::generate().unwrap());
        Self::on(db, keys, config, required, revocations, defence).await
    }

    async fn on(
        db: TestDb,
        keys: Arc<SigningKeys>,
        config: &HashingConfig,
        required: &str,
        revocations: auth::Revocations,
        defence: Defence,
    ) -> Self {
        let app = App {
            audit: audit::Recorder::start(chassis::db::pool(&db.config(), "audit").unwrap()).unwrap(),
            // of its own: connections end with the server that opened them, and another may follow on this database
            db: chassis::db::pool(&db.config(), "users").unwrap(),
            outbox: ::events::Outbox::new(),
            keys: Arc::clone(&keys),
            tokens: TokenConfig::new("ehs".to_owned(), "ehs-api".to_owned()),
            passwords: Passwords::new(config).unwrap(),
            mfa: MfaConfig { keys: mfa_keys(), required: required.parse().unwrap() },
            defence,
            revocations,
            cursor_key: "00".repeat(32).parse().unwrap(),
        };
        let server = Server::start("EHS users", app.routes()).await;
        Self { db, server, keys }
    }

    pub fn token(&self, user_id: i64, role: Role) -> String {
        let issued = Issued { issuer: "ehs", audience: "ehs-api", at: Utc::now(), lifetime: Duration::hours(1) };
        self.keys.sign(&Claims::new(&issued, user_id, role, Uuid::new_v4())).unwrap()
    }

    pub fn admin(&self) -> String {
        self.token(ADMIN, Role::Admin)
    }

    pub async fn register(&self, body: &Value) -> Answer {
        self.server.post("/api/users/register/", "", body).await
    }

    /// A patient who can sign in with [`PASSWORD`].
    pub async fn patient(&self, username: &str) -> i64 {
        self.register(&patient(username)).await.expect(201).body["id"].as_i64().unwrap()
    }

    pub async fn doctor(&self, username: &str, first: &str, last: &str, specialization: &str) -> i64 {
        let body = doctor(username, first, last, specialization);
        let answer = self.server.post("/api/users/register/", &self.admin(), &body).await;
        answer.expect(201).body["id"].as_i64().unwrap()
    }

    pub async fn login(&self, username: &str, password: &str) -> Answer {
        self.server.post("/api/users/login/", "", &json!({"username": username, "password": password})).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.server.post("/api/users/refresh-token/", "", &json!({"refresh": token})).await
    }

    pub async fn users(&self) -> i64 {
        self.db.number("SELECT count(*) FROM users").await
    }
}

/// All tests come from one address.
fn lenient() -> Defence {
    let free = Allowance { per_address: u32::MAX, per_account: u32::MAX, resets_per_address: u32::MAX };
    Defence::new(chassis::redis::Redis::new(&Endpoints::get().redis_config()).unwrap(), free)
}

pub fn revocations() -> auth::Revocations {
    auth::Revocations::new(chassis::redis::Redis::new(&Endpoints::get().redis_config()).unwrap())
}

pub fn mfa_keys() -> MfaKeys {
    MfaKeys::parse(&format!("k1:{},k0:{}", "0a".repeat(32), "0b".repeat(32)).into()).unwrap()
}

pub fn patient(username: &str) -> Value {
    json!({"username": username, "email": format!("{username}@example.in"), "password": PASSWORD,
           "first_name": "Asha", "last_name": "Rao", "phone": "98765 43210"})
}

pub fn doctor(username: &str, first: &str, last: &str, specialization: &str) -> Value {
    json!({"username": username, "email": format!("{username}@example.in"), "password": PASSWORD,
           "first_name": first, "last_name": last, "role": "DOCTOR",
           "doctor": {"specialization": specialization, "registration_number": "KMC-12345", "department": specialization}})
}

/// `value` with some members changed.
pub fn with(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}
