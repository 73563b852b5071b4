//! A clinic in Pune with a billing service, its database and its people.

use std::sync::Arc;
use std::time::Duration;

use ::events::Outbox;
use actix_web::{HttpRequest, HttpResponse, web};
use audit::routes::AuditLog;
use auth::{Actor, Role};
use billing::app::App;
use billing::invoices::discounts::Percent;
use billing::known::Owners;
use billing::payments::limits::RefundLimits;
use billing::pdf::kept::Papers;
use billing::supplier::Supplier;
use billing::tax::RateTable;
use billing::upi::Payee;
use chassis::env::Env;
use object_store::{Store, StoreConfig};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Bucket, Server, TestDb, Tokens};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

/// A patient with an account of their own, number 70.
pub const ASHA: i64 = 7;
/// A patient without an account.
pub const RAVI: i64 = 8;
/// Asha's appointment.
pub const VISIT: i64 = 501;

pub struct Clinic {
    pub db: TestDb,
    pub tokens: Tokens,
    pub app: App,
    pub server: Server,
    pub bucket: Bucket,
    _owners: Server,
}

impl Clinic {
    pub async fn new() -> Self {
        let owners = Server::start("owners", owners).await;
        let url = owners.url.clone();
        Self::asking(&url, owners).await
    }

    /// A clinic whose other services are down.
    pub async fn alone() -> Self {
        Self::asking("http://127.0.0.1:9", Server::start("owners", owners).await).await
    }

    async fn asking(url: &str, owners: Server) -> Self {
        let db = TestDb::new("billing", billing::migrations()).await;
        let (tokens, bucket) = (Tokens::new(), Bucket::new().await);
        let store = store(&bucket);
        let app = App {
            audit: audit::Recorder::start(chassis::db::pool(&db.config(), "audit").unwrap()).unwrap(),
            db: db.pool().await,
            store: store.clone(),
            verifier: tokens.verifier(),
            cursor_key: "0123456789abcdef".repeat(4).parse().unwrap(),
            supplier: supplier(),
            rates: rates(),
            discounts: Default::default(),
            courtesy: Percent::new(10),
            payee: Some(payee()),
            papers: Papers::new(Some(payee()), store).unwrap(),
            owners: Owners::new(url.parse().unwrap(), url.parse().unwrap()).unwrap(),
            outbox: Outbox::new(),
            provider: None,
            refund_limits: RefundLimits::default(),
            doctor_share: None,
        };
        let server = serve(&app).await;
        db.sql(
            "INSERT INTO patients VALUES (7, 'P00007', 'Asha Rao', '1 MG Road, Pune, Maharashtra', 70, true, 1), \
             (8, 'P00008', 'Ravi', '', NULL, true, 1); \
             INSERT INTO appointments VALUES (501, 7, 40, 1)",
        )
        .await;
        Self { db, tokens, app, server, bucket, _owners: owners }
    }

    pub fn token(&self, role: Role) -> String {
        self.tokens.mint(user_of(role), role)
    }

    pub fn admin(&self) -> String {
        self.token(Role::Admin)
    }

    pub fn accountant(&self) -> String {
        self.token(Role::Accountant)
    }

    pub fn receptionist(&self) -> String {
        self.token(Role::Receptionist)
    }

    /// Posts an invoice as the accountant.
    pub async fn bill(&self, invoice: &Value) -> Answer {
        self.server.post("/api/billing/invoices/", &self.accountant(), invoice).await
    }

    /// An issued invoice of ₹500: its id.
    pub async fn issued(&self) -> i64 {
        self.bill(&invoice(ASHA)).await.expect(201).body["id"].as_i64().unwrap()
    }

    /// A draft of ₹500: its id.
    pub async fn draft(&self) -> i64 {
        let draft = with(&invoice(ASHA), json!({"draft": true}));
        self.bill(&draft).await.expect(201).body["id"].as_i64().unwrap()
    }

    /// Cancels an invoice as the accountant.
    pub async fn cancel(&self, id: i64) -> Answer {
        let path = format!("/api/billing/invoices/{id}/cancel/");
        self.server.post(&path, &self.accountant(), &json!({"reason": "billed twice"})).await
    }

    pub async fn read(&self, id: i64) -> Value {
        self.server.get(&format!("/api/billing/invoices/{id}/"), &self.accountant()).await.expect(200).body
    }

    pub async fn pay(&self, key: &str, payment: &Value) -> Answer {
        let call = self.server.call(Method::POST, "/api/billing/payments/").token(&self.receptionist());
        call.header("Idempotency-Key", key).json(payment).send().await
    }
}

/// A billing service with this state.
pub async fn serve(app: &App) -> Server {
    Server::start(billing::TITLE, routes(app)).await
}

pub fn store(bucket: &Bucket) -> Store {
    // a busy machine is slow
    let (attempt, deadline) = (Duration::from_secs(60), Duration::from_secs(200));
    let config =
        StoreConfig { endpoint: Some(bucket.endpoint.clone()), attempt, deadline, ..StoreConfig::of(&bucket.name) };
    Store::with_key(&config, "test", "test")
}

/// A store that nobody answers for.
pub fn store_away() -> Store {
    store_at("http://127.0.0.1:9".to_owned())
}

/// A store somewhere else, with little patience.
pub fn store_at(endpoint: String) -> Store {
    let (attempt, deadline) = (Duration::from_secs(2), Duration::from_secs(4));
    Store::with_key(
        &StoreConfig { endpoint: Some(endpoint), attempt, deadline, ..StoreConfig::of("away") },
        "test",
        "test",
    )
}

/// Every role has one user.
pub fn user_of(role: Role) -> i64 {
    match role {
        Role::Admin => 1,
        Role::Accountant => 2,
        Role::Receptionist => 3,
        Role::Doctor => 40,
        Role::Nurse => 50,
        Role::Auditor => 60,
        Role::Patient => 70,
    }
}

pub fn actor(role: Role) -> Actor {
    Actor { user_id: user_of(role), role, session: Uuid::new_v4(), bearer: "a token".into(), trail: Default::default() }
}

pub fn payee() -> Payee {
    Payee { vpa: "asha@okbank".parse().unwrap(), name: "Asha Hospital".into() }
}

pub fn rates() -> Arc<RateTable> {
    Arc::new(RateTable::built_in().unwrap())
}

pub fn supplier() -> Supplier {
    let mut env = Env::of([
        ("EHS_HOSPITAL_NAME", "Asha Hospital"),
        ("EHS_HOSPITAL_ADDRESS", "12 FC Road, Pune 411004"),
        ("EHS_HOSPITAL_GSTIN", "27AAPFU0939F1ZV"),
        ("EHS_HOSPITAL_STATE_CODE", "27"),
    ]);
    let supplier = Supplier::read(&mut env);
    env.finish(supplier).unwrap()
}

pub fn item(kind: &str, quantity: &str, unit_price: &str) -> Value {
    let code = if kind == "PHARMACY" { "30049099" } else { "999312" };
    json!({"description": "As agreed", "sac_hsn": code, "kind": kind, "quantity": quantity, "unit_price": unit_price})
}

/// One consultation of ₹500.
pub fn invoice(patient: i64) -> Value {
    json!({"patient": patient, "items": [item("CONSULTATION", "1", "500.00")]})
}

pub fn cash(invoice: i64, amount: &str) -> Value {
    json!({"invoice": invoice, "amount": amount, "method": "CASH"})
}

/// `value` with more or other members.
pub fn with(value: &Value, more: Value) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

fn routes(app: &App) -> impl chassis::http::Routes + Sync + use<> {
    let (verifier, app) = (app.verifier.clone(), web::Data::new(app.clone()));
    move |config: &mut ServiceConfig<'_>| {
        config.app_data(verifier.clone()).app_data(app.clone());
        app.audit.install(config, AuditLog::new(app.db.clone(), app.cursor_key.clone()));
        billing::routes(config);
    }
}

/// Patients and appointments as their owners answer: 404 for ids from 900 on, trouble for 666.
fn owners(config: &mut ServiceConfig<'_>) {
    config
        .route("/api/patients/{id}/", web::get().to(patient))
        .route("/api/appointments/{id}/", web::get().to(appointment));
}

async fn patient(id: web::Path<i64>, request: HttpRequest) -> HttpResponse {
    let body = json!({
        "id": *id, "patient_id": format!("P{:05}", *id), "first_name": "Meera", "last_name": "Iyer", "phone": "+919876543210",
        "address": {"line1": "4 Hill Road", "line2": null, "city": "Thane", "district": "Thane", "state": "Maharashtra", "pin_code": "400601", "country": "IN"},
    });
    owned(*id, &request, &body)
}

async fn appointment(id: web::Path<i64>, request: HttpRequest) -> HttpResponse {
    owned(*id, &request, &json!({"id": *id, "patient": ASHA, "doctor": 40, "status": "COMPLETED"}))
}

fn owned(id: i64, request: &HttpRequest, body: &Value) -> HttpResponse {
    assert!(
        request.headers().get("authorization").unwrap().to_str().unwrap().starts_with("Bearer ey"),
        "the caller's own token"
    );
    match id {
        666 => HttpResponse::InternalServerError().finish(),
        900.. => HttpResponse::NotFound().finish(),
        _ => HttpResponse::Ok().insert_header(("etag", "\"3\"")).json(body),
    }
}
