//! What every handler has at hand.

use audit::Recorder;
use auth::Verifier;
use chassis::db::{self, Pool};
use chassis::page::CursorKey;
use events::Outbox;

use crate::config::Config;
use crate::known::Owners;
use crate::supplier::Supplier;

/// The state of the service.
#[derive(Clone)]
pub struct App {
    /// PostgreSQL.
    pub db: Pool,
    /// Writes down who did what.
    pub audit: Recorder,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Seals pages' cursors.
    pub cursor_key: CursorKey,
    /// Who supplies.
    pub supplier: Supplier,
    /// Whom to ask about what no event has told yet.
    pub owners: Owners,
    /// Where events are written.
    pub outbox: Outbox,
}

impl App {
    /// Builds the state; connects to nothing yet.
    ///
    /// # Errors
    /// When the pool or an HTTP client cannot be made.
    pub fn build(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            db: db::pool(&config.base.db, "billing")?,
            audit: audit::config::recorder(&config.base, "billing")?,
            verifier: config.auth.verifier()?,
            cursor_key: config.base.cursor_key.clone(),
            supplier: config.supplier.clone(),
            owners: Owners::new(config.patients_url.clone(), config.appointments_url.clone())?,
            outbox: Outbox::new(),
        })
    }
}
