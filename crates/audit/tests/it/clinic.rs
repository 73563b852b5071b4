//! A service with a few handlers, of which one forgets to say whose records it shows.

use std::time::Duration;

use actix_web::{HttpResponse, get, post, web};
use audit::Recorder;
use audit::link::link;
use audit::routes::AuditLog;
use audit::verify::verify;
use auth::permissions::{PatientRead, PatientWrite};
use auth::{Permit, Role};
use chassis::db::{self, DbConfig, Pool};
use chassis::problem::Problem;
use chassis::trail::{Facts, Trail};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::EmbeddedMigrations;
use testkit::{Server, TestDb, Tokens, eventually};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn migrations() -> Vec<EmbeddedMigrations> {
    vec![chassis::MIGRATIONS, audit::MIGRATIONS]
}

pub mod audit_log {
    audit::routes!("/api/patients/audit/", "/api/patients/audit/verify/");
}

#[utoipa::path()]
#[get("/api/patients/{id}/")]
async fn read(permit: Permit<PatientRead>, id: web::Path<i64>) -> Result<HttpResponse, Problem> {
    if *id == 404 {
        return Err(Problem::not_found("There is no such patient."));
    }
    permit.actor.trail.shows([*id]);
    Ok(HttpResponse::Ok().body("a patient"))
}

#[utoipa::path()]
#[get("/api/patients/{id}/forgetful/")]
async fn forgetful(_permit: Permit<PatientRead>, _id: web::Path<i64>) -> HttpResponse {
    HttpResponse::Ok().body("a patient whom nobody named")
}

#[utoipa::path()]
#[post("/api/patients/{id}/")]
async fn change(
    permit: Permit<PatientWrite>,
    id: web::Path<i64>,
    pool: web::Data<Pool>,
) -> Result<HttpResponse, Problem> {
    let mut conn = db::get(&pool).await?;
    conn.transaction(async |conn| {
        audit::write(conn, &permit.actor.trail, [*id]).await?;
        if *id == 409 { Err(Problem::conflict("It cannot be.")) } else { Ok(()) }
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Settings like a service's own, on one database.
pub fn config(url: &str) -> DbConfig {
    DbConfig {
        url: url.to_owned().into(),
        pool_size: 4,
        wait: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
    }
}

pub fn recorder(url: &str) -> Recorder {
    Recorder::start(db::pool(&config(url), "audit").unwrap()).unwrap()
}

pub fn routes(url: &str, tokens: &Tokens) -> impl chassis::http::Routes + Sync + use<> {
    let pool = db::pool(&config(url), "clinic").unwrap();
    let (recorder, verifier) = (recorder(url), tokens.verifier());
    move |config: &mut ServiceConfig<'_>| {
        // An answer verifies a link, so that a few make a long log.
        let log = AuditLog::new(pool.clone(), "07".repeat(32).parse().unwrap()).verifying_for(Duration::ZERO);
        recorder.install(config, log);
        config.app_data(verifier.clone()).app_data(web::Data::new(pool.clone()));
        config.service(audit_log::list).service(audit_log::verify).service(read).service(forgetful).service(change);
    }
}

pub struct Clinic {
    pub db: TestDb,
    pub tokens: Tokens,
    pub server: Server,
}

impl Clinic {
    pub async fn open() -> Self {
        let db = TestDb::new("patients", migrations()).await;
        let tokens = Tokens::new();
        let server = Server::start("clinic", routes(&db.app_url, &tokens)).await;
        Self { db, tokens, server }
    }

    pub fn token(&self, role: Role) -> String {
        self.tokens.mint(1, role)
    }

    /// Links what is written.
    pub async fn link_all(&self) {
        link_all(&self.db.app_url).await;
    }

    /// How many rows there are where this is so.
    pub async fn rows(&self, condition: &str) -> i64 {
        self.db.number(&format!("SELECT count(*) FROM audit_log WHERE {condition}")).await
    }
}

/// Links what is written. A transaction of another test may be older; linking waits for it.
pub async fn link_all(app_url: &str) {
    eventually(|| async {
        let mut conn = AsyncPgConnection::establish(app_url).await.unwrap();
        link(&mut conn).await.unwrap();
        verify(&mut conn, None).await.unwrap().unlinked == 0
    })
    .await;
}

/// A trail as a request leaves it.
pub fn trail(object: &str, patients: impl IntoIterator<Item = i64>) -> Trail {
    let trail = Trail::of_facts(Facts { operation: object.into(), object: object.into(), ..Facts::default() });
    trail.shows(patients);
    trail
}

/// Each of these patients was shown or changed in an answer that somebody received: there is a row, and the chain holds.
pub async fn every_answer_has_its_row(app_url: &str, received: &[i64]) {
    #[derive(QueryableByName)]
    struct Missing {
        #[diesel(sql_type = BigInt)]
        patient: i64,
    }
    let mut conn = AsyncPgConnection::establish(app_url).await.unwrap();
    let missing: Vec<Missing> = diesel::sql_query(
        "SELECT patient FROM unnest($1) AS received (patient) WHERE NOT EXISTS \
         (SELECT FROM audit_log WHERE outcome = 'SUCCESS' AND patients = ARRAY[patient])",
    )
    .bind::<Array<BigInt>, _>(received)
    .load(&mut conn)
    .await
    .unwrap();
    let missing: Vec<i64> = missing.iter().map(|one| one.patient).collect();
    assert!(missing.is_empty(), "answers without a row: {missing:?}");
    link_all(app_url).await;
    let verdict = verify(&mut conn, None).await.unwrap();
    assert!(verdict.holds && verdict.rows >= i64::try_from(received.len()).unwrap(), "{verdict:?}");
}
