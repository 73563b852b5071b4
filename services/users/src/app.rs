//! The state that handlers share.

use std::sync::Arc;

use actix_web::web;
use audit::Recorder;
use audit::routes::AuditLog;
use auth::{Revocations, SigningKeys, Verifier};
use chassis::db::{self, Conn, Pool};
use chassis::page::CursorKey;
use chassis::problem::Problem;
use chassis::redis::Redis;
use events::Outbox;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::config::{ServeConfig, TokenConfig};
use crate::mfa::MfaConfig;
use crate::sign_in::defence::Defence;
use crate::sign_in::passwords::Passwords;

/// State of `serve`.
#[derive(Clone)]
pub struct App {
    /// Rows.
    pub db: Pool,
    /// Writes down who did what.
    pub audit: Recorder,
    /// Events out.
    pub outbox: Outbox,
    /// Sign access tokens.
    pub keys: Arc<SigningKeys>,
    /// What access tokens say of themselves, and how long they live.
    pub tokens: TokenConfig,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Seals second factors, and says who must have one.
    pub mfa: MfaConfig,
    /// Slows the guessing of passwords.
    pub defence: Defence,
    /// Tells the gateway which sessions are over.
    pub revocations: Revocations,
    /// Seals page cursors.
    pub cursor_key: CursorKey,
}

impl App {
    /// Puts it together. Connects to nothing yet.
    ///
    /// # Errors
    /// When the URL of the database or of Redis cannot be read, or the system has no randomness.
    pub fn build(config: ServeConfig) -> anyhow::Result<Self> {
        let redis = Redis::new(&config.base.redis)?;
        Ok(Self {
            db: db::pool(&config.base.db, "users-serve")?,
            audit: audit::config::recorder(&config.base, "users")?,
            outbox: Outbox::new(),
            keys: Arc::new(config.keys),
            tokens: config.tokens,
            passwords: Passwords::new(&config.hashing)?,
            mfa: config.mfa,
            defence: Defence::new(redis.clone(), config.allowance),
            revocations: Revocations::new(redis),
            cursor_key: config.base.cursor_key,
        })
    }

    /// A connection.
    ///
    /// # Errors
    /// 503 when none is free in time.
    pub async fn conn(&self) -> Result<Conn, Problem> {
        db::get(&self.db).await
    }

    /// Checks tokens with this service's own keys.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier::fixed(&self.keys.jwks(), &self.tokens.issuer, &self.tokens.audience)
    }

    /// All routes with this state.
    pub fn routes(self) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
        let verifier = self.verifier();
        move |config| {
            config.app_data(web::Data::new(self.clone())).app_data(verifier.clone());
            self.audit.install(config, AuditLog::new(self.db.clone(), self.cursor_key.clone()));
            crate::routes(config);
        }
    }
}
