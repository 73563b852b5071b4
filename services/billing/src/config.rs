//! Billing's settings.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_CONSULTATION_FEE` | fee of a consultation in rupees, for the draft of a completed appointment | required |
//! | `EHS_GST_RATES_FILE` | a table of rates in the place of the one that comes with this version | none |
//! | `EHS_DISCOUNT_LIMITS` | percent of a bill that each role may take off | `ADMIN=100,ACCOUNTANT=100,RECEPTIONIST=10` |
//! | `EHS_DISCOUNT_COURTESY` | percent of a line up to which a discount needs no reason | `10` |
//! | `EHS_PATIENTS_URL` | base address of the patients service | required |
//! | `EHS_APPOINTMENTS_URL` | base address of the appointments service | required |
//! | `EHS_DOCTOR_SHARE_PERCENT` | doctors' part of their consultations and procedures, for the report of it | none |
//! | `EHS_REPORTS_KEPT_DAYS` | for how many days reports made in the background are kept, 1 to 366 | `7` |
//!
//! The hospital's particulars are in [`Supplier`], its UPI address is in [`Payee`], the payment provider's settings in
//! [`RazorpayConfig`], the roles' limits in [`RefundLimits`]; the rest is in [`chassis::base`], [`auth::AuthConfig`],
//! [`events::QueueConfig`] and [`object_store::StoreConfig`].

use std::path::PathBuf;
use std::sync::Arc;

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::{ConfigFaults, Env};
use chrono::Days;
use events::QueueConfig;
use object_store::StoreConfig;
use reqwest::Url;

use crate::invoices::discounts::{Limits, Percent};
use crate::money::Paise;
use crate::payments::limits::RefundLimits;
use crate::razorpay::RazorpayConfig;
use crate::supplier::Supplier;
use crate::tax::{Rate, RateTable};
use crate::upi::Payee;

/// Everything that billing is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service is told.
    pub base: BaseConfig,
    /// Whose tokens are good.
    pub auth: AuthConfig,
    /// Where events go and come from.
    pub queues: QueueConfig,
    /// Where papers and reports are kept.
    pub store: StoreConfig,
    /// Who supplies.
    pub supplier: Supplier,
    /// Of a consultation.
    pub consultation_fee: Paise,
    /// The law's rates.
    pub rates: Arc<RateTable>,
    /// How much each role may take off a bill.
    pub discounts: Limits,
    /// Up to how many percent a discount needs no reason.
    pub courtesy: Percent,
    /// Who is paid by UPI.
    pub payee: Option<Payee>,
    /// Base address of the patients service.
    pub patients_url: Url,
    /// Base address of the appointments service.
    pub appointments_url: Url,
    /// The payment provider, where the hospital has one.
    pub provider: Option<RazorpayConfig>,
    /// How much of a payment a role may refund.
    pub refund_limits: RefundLimits,
    /// The doctors' part of their consultations and procedures.
    pub doctor_share: Option<Rate>,
    /// For how many days reports made in the background are kept.
    pub reports_kept: Days,
}

impl Config {
    /// Reads all of it.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let base = BaseConfig::read(&mut env);
        let auth = AuthConfig::read(&mut env);
        let queues = QueueConfig::read(&mut env);
        let store = StoreConfig::read(&mut env);
        let supplier = Supplier::read(&mut env);
        let consultation_fee = env.required("EHS_CONSULTATION_FEE");
        let hospital = supplier.as_ref().map(|supplier| supplier.name.clone()).unwrap_or_default();
        let payee = Payee::read(&mut env, &hospital);
        let rates = rates(&mut env);
        let discounts = env.or("EHS_DISCOUNT_LIMITS", Limits::default());
        let courtesy = env.or("EHS_DISCOUNT_COURTESY", Percent::new(10));
        let patients_url = env.required("EHS_PATIENTS_URL");
        let appointments_url = env.required("EHS_APPOINTMENTS_URL");
        let provider = RazorpayConfig::read(&mut env);
        let refund_limits = RefundLimits::read(&mut env);
        let doctor_share = env.optional("EHS_DOCTOR_SHARE_PERCENT");
        let reports_kept = reports_kept(&mut env);
        let config = (|| {
            Some(Self {
                base: base?,
                auth: auth?,
                queues: queues?,
                store: store?,
                supplier: supplier?,
                consultation_fee: consultation_fee?,
                rates: rates?,
                discounts: discounts?,
                courtesy: courtesy?,
                payee: payee?,
                patients_url: patients_url?,
                appointments_url: appointments_url?,
                provider: provider?,
                refund_limits: refund_limits?,
                doctor_share: doctor_share?,
                reports_kept: reports_kept?,
            })
        })();
        env.finish(config)
    }
}

fn reports_kept(env: &mut Env) -> Option<Days> {
    const DAYS: &str = "EHS_REPORTS_KEPT_DAYS";
    let days = env.or(DAYS, 7)?;
    if !(1..=366).contains(&days) {
        env.fault(DAYS, "must be 1 to 366");
    }
    Some(Days::new(days))
}

/// The table of the file that is named, or the one that comes with this version.
fn rates(env: &mut Env) -> Option<Arc<RateTable>> {
    const FILE: &str = "EHS_GST_RATES_FILE";
    let table = match env.optional::<PathBuf>(FILE)? {
        None => RateTable::built_in().map_err(|wrong| wrong.to_string()),
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => text.parse::<RateTable>().map_err(|wrong| wrong.to_string()),
            Err(why) => Err(format!("cannot be read: {why}")),
        },
    };
    match table {
        Ok(table) => Some(Arc::new(table)),
        Err(why) => {
            env.fault(FILE, why);
            None
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = Config::read(Env::of([
            ("EHS_CONSULTATION_FEE", "1e3"),
            ("EHS_HOSPITAL_GSTIN", "27AAPFU0939F1ZW"),
            ("EHS_GST_RATES_FILE", "/no/such/file"),
            ("EHS_DISCOUNT_LIMITS", "ADMIN=1000"),
            ("EHS_DISCOUNT_COURTESY", "ten"),
            ("EHS_UPI_VPA", "hospital"),
            ("EHS_RAZORPAY_KEY_ID", "rzp_test_1"),
            ("EHS_REFUND_LIMIT_ACCOUNTANT", "-1"),
            ("EHS_REPORTS_KEPT_DAYS", "0"),
        ]))
        .unwrap_err();
        let text = faults.to_string();
        for name in [
            "DATABASE_URL",
            "EHS_JWKS_URL",
            "EHS_CONSULTATION_FEE",
            "EHS_HOSPITAL_GSTIN",
            "EHS_HOSPITAL_NAME",
            "EHS_PATIENTS_URL",
            "EHS_GST_RATES_FILE",
            "EHS_DISCOUNT_LIMITS",
            "EHS_DISCOUNT_COURTESY",
            "EHS_UPI_VPA",
            "EHS_RAZORPAY_KEY_SECRET",
            "EHS_REFUND_LIMIT_ACCOUNTANT",
            "EHS_REPORTS_KEPT_DAYS",
            "EHS_S3_BUCKET",
        ] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
    }
}
