//! What every handler has at hand.

use std::sync::Arc;

use audit::Recorder;
use auth::Verifier;
use chassis::db::{self, Pool};
use chassis::page::CursorKey;
use events::Outbox;
use object_store::Store;

use crate::config::Config;
use crate::invoices::discounts::{Limits, Percent};
use crate::known::Owners;
use crate::payments::limits::RefundLimits;
use crate::pdf::kept::Papers;
use crate::razorpay::Razorpay;
use crate::supplier::Supplier;
use crate::tax::{Rate, RateTable};
use crate::upi::Payee;

/// The state of the service.
#[derive(Clone)]
pub struct App {
    /// PostgreSQL.
    pub db: Pool,
    /// Where papers and reports are kept.
    pub store: Store,
    /// Writes down who did what.
    pub audit: Recorder,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Seals pages' cursors.
    pub cursor_key: CursorKey,
    /// Who supplies.
    pub supplier: Supplier,
    /// The law's rates.
    pub rates: Arc<RateTable>,
    /// How much each role may take off a bill.
    pub discounts: Limits,
    /// Up to how many percent a discount needs no reason.
    pub courtesy: Percent,
    /// Who is paid by UPI.
    pub payee: Option<Payee>,
    /// Makes bills as PDF and keeps them.
    pub papers: Papers,
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
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let store = Store::connect(&config.store).await;
        Ok(Self {
            db: db::pool(&config.base.db, "billing")?,
            store: store.clone(),
            audit: audit::config::recorder(&config.base, "billing")?,
            verifier: config.auth.verifier()?,
            cursor_key: config.base.cursor_key.clone(),
            supplier: config.supplier.clone(),
            rates: config.rates.clone(),
            discounts: config.discounts.clone(),
            courtesy: config.courtesy,
            payee: config.payee.clone(),
            papers: Papers::new(config.payee.clone(), store)?,
            owners: Owners::new(config.patients_url.clone(), config.appointments_url.clone())?,
            outbox: Outbox::new(),
            provider: config.provider.as_ref().map(Razorpay::new).transpose()?,
            refund_limits: config.refund_limits,
            doctor_share: config.doctor_share,
        })
    }
}
