//! A running service with its own database, and people to call it.

use auth::Role;
use chassis::page::CursorKey;
use chassis::redis::RedisConfig;
use events::Outbox;
use object_store::{Store, StoreConfig};
use patients::app::App;
use patients::documents::Documents;
use patients::documents::receive::Limits;
use patients::history::cache::Histories;
use patients::staff::UsersService;
use serde_json::{Value, json};
use testkit::{Endpoints, Server, TestDb, Tokens};
use uuid::Uuid;

pub const ADMIN: i64 = 1;
pub const DOCTOR: i64 = 2;
pub const OTHER_DOCTOR: i64 = 3;
pub const NURSE: i64 = 4;
pub const RECEPTIONIST: i64 = 5;
pub const ACCOUNTANT: i64 = 6;
pub const AUDITOR: i64 = 7;
pub const PATIENT: i64 = 8;
/// Nobody listens there.
const NO_USERS_SERVICE: &str = "http://127.0.0.1:9/";

pub struct Hospital {
    pub server: Server,
    pub tokens: Tokens,
    pub db: TestDb,
    redis: RedisConfig,
    documents: Documents,
    /// Of this hospital alone: the others' copies in the same Redis have other names.
    key: CursorKey,
}

impl Hospital {
    pub async fn open() -> Self {
        Self::open_beside(NO_USERS_SERVICE).await
    }

    /// With a users service at this address.
    pub async fn open_beside(users_url: &str) -> Self {
        Self::open_with(users_url, Endpoints::get().redis_config()).await
    }

    /// With a Redis of its own.
    pub async fn open_on(redis: RedisConfig) -> Self {
        Self::open_with(NO_USERS_SERVICE, redis).await
    }

    async fn open_with(users_url: &str, redis: RedisConfig) -> Self {
        let nowhere = StoreConfig { endpoint: Some("http://127.0.0.1:9".to_owned()), ..StoreConfig::of("nowhere") };
        let documents = Documents::new(Store::with_key(&nowhere, "test", "test"), Limits::default());
        Self::open_all(users_url, redis, documents).await
    }

    /// With a store of documents.
    pub async fn open_storing(documents: Documents) -> Self {
        Self::open_all(NO_USERS_SERVICE, Endpoints::get().redis_config(), documents).await
    }

    async fn open_all(users_url: &str, redis: RedisConfig, documents: Documents) -> Self {
        let db = TestDb::new("patients", patients::migrations()).await;
        let tokens = Tokens::new();
        let key: CursorKey = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).parse().unwrap();
        let server = serve(&db, &tokens, users_url, &redis, &key, &documents).await;
        let hospital = Self { server, tokens, db, redis, documents, key };
        hospital
            .db
            .sql(
                "INSERT INTO staff (id, role, department, is_active, version) VALUES (2, 'DOCTOR', 'Cardiology', true, 1), \
                 (3, 'DOCTOR', 'Surgery', true, 1), (4, 'NURSE', 'Cardiology', true, 1), (9, 'DOCTOR', 'Surgery', false, 1), (8, 'PATIENT', '', true, 1), (10, 'PATIENT', '', false, 1)",
            )
            .await;
        hospital
    }

    /// Another process of the same service.
    pub async fn another_process(&self) -> Server {
        serve(&self.db, &self.tokens, NO_USERS_SERVICE, &self.redis, &self.key, &self.documents).await
    }

    pub fn admin(&self) -> String {
        self.tokens.mint(ADMIN, Role::Admin)
    }

    pub fn doctor(&self) -> String {
        self.tokens.mint(DOCTOR, Role::Doctor)
    }

    pub fn nurse(&self) -> String {
        self.tokens.mint(NURSE, Role::Nurse)
    }

    pub fn receptionist(&self) -> String {
        self.tokens.mint(RECEPTIONIST, Role::Receptionist)
    }

    pub fn accountant(&self) -> String {
        self.tokens.mint(ACCOUNTANT, Role::Accountant)
    }

    pub fn patient(&self) -> String {
        self.tokens.mint(PATIENT, Role::Patient)
    }

    /// Registers somebody; gives the answer's body.
    pub async fn register(&self, patient: &Value) -> Value {
        self.server.post("/api/patients/", &self.receptionist(), patient).await.expect(201).body
    }

    /// Registers somebody by name; gives the id.
    pub async fn register_named(&self, first_name: &str, last_name: &str) -> i64 {
        id(&self.register(&json!({"first_name": first_name, "last_name": last_name})).await)
    }

    /// An appointment that this service has heard of.
    pub async fn visit(&self, patient: i64, doctor: i64, in_days: i32, status: &str) {
        let sql = format!(
            "INSERT INTO care_appointments (id, patient, doctor, starts_at, status, version) \
             SELECT count(*) + 1, {patient}, {doctor}, now() + interval '{in_days} days', '{status}', 1 FROM care_appointments"
        );
        self.db.sql(&sql).await;
    }

    pub async fn count(&self, table_and_condition: &str) -> i64 {
        self.db.number(&format!("SELECT count(*) FROM {table_and_condition}")).await
    }
}

async fn serve(
    db: &TestDb,
    tokens: &Tokens,
    users_url: &str,
    redis: &RedisConfig,
    key: &CursorKey,
    documents: &Documents,
) -> Server {
    let zone = chrono_tz::Asia::Kolkata;
    let app = App {
        audit: audit::Recorder::start(chassis::db::pool(&db.config(), "audit").unwrap()).unwrap(),
        histories: Histories::new(db.pool().await, redis, key, zone).unwrap(),
        db: db.pool().await,
        outbox: Outbox::new(),
        verifier: tokens.verifier(),
        users: UsersService::at(users_url.parse().unwrap()).unwrap(),
        documents: documents.clone(),
        cursor_key: key.clone(),
        time_zone: zone,
        patient_id_system: "urn:ehs:patient-id".to_owned(),
        hospital: patients::config::Hospital { name: "Asha Demo Hospital".to_owned(), facility_id: None },
    };
    Server::start(patients::TITLE, patients::with_state(app)).await
}

pub fn id(body: &Value) -> i64 {
    body["id"].as_i64().expect("an id")
}

/// Somebody with every field filled.
pub fn lakshmi() -> Value {
    json!({
        "first_name": "Lakshmi", "last_name": "Raman", "date_of_birth": "1980-04-12", "gender": "FEMALE",
        "email": "Lakshmi.Raman@example.in", "phone": "98765 43210", "blood_group": "o+",
        "address": {"line1": "12 MG Road", "line2": "Near SBI", "city": "Chennai", "district": "Chennai", "state": "Tamil Nadu",
            "pin_code": "600 001", "country": "India"},
        "abha_number": "91123456789012", "abha_address": "lakshmi.r@abdm",
        "emergency_contact": {"name": "Raman", "relationship": "Husband", "phone": "+91-98400-12345"},
        "preferred_language": "ta-in", "primary_doctor": 2, "user": PATIENT,
    })
}
