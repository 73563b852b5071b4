//! What every handler has at hand.

use audit::Recorder;
use auth::Verifier;
use chassis::db::{self, Pool};
use chassis::page::CursorKey;
use events::Outbox;

use crate::config::Config;
use crate::known::Owners;
use crate::payments::limits::RefundLimits;
use crate::razorpay::Razorpay;
use crate::supplier::Supplier;
use crate::tax::Rate;

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
    /// The payment provider, where the hospital has one.
    pub provider: Option<Razorpay>,
    /// How much of a payment a role may refund.
    pub refund_limits: RefundLimits,
    /// The doctors' part of their consultations and procedures.
    pub doctor_share: Option<Rate>,
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
            provider: config.provider.as_ref().map(Razorpay::new).transpose()?,
            refund_limits: config.refund_limits,
            doctor_share: config.doctor_share,
        })
    }
}
