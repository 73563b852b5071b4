//! Billing's settings.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_CONSULTATION_FEE` | fee of a consultation in rupees, for the draft of a completed appointment | required |
//! | `EHS_PATIENTS_URL` | base address of the patients service | required |
//! | `EHS_APPOINTMENTS_URL` | base address of the appointments service | required |
//! | `EHS_DOCTOR_SHARE_PERCENT` | doctors' part of their consultations and procedures, for the report of it | none |
//!
//! The hospital's particulars are in [`Supplier`], the payment provider's settings in [`RazorpayConfig`], the roles' limits in
//! [`RefundLimits`]; the rest is in [`chassis::base`], [`auth::AuthConfig`] and
//! [`events::QueueConfig`].

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::{ConfigFaults, Env};
use events::QueueConfig;
use reqwest::Url;

use crate::money::Paise;
use crate::payments::limits::RefundLimits;
use crate::razorpay::RazorpayConfig;
use crate::supplier::Supplier;
use crate::tax::Rate;

/// Everything that billing is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service is told.
    pub base: BaseConfig,
    /// Whose tokens are good.
    pub auth: AuthConfig,
    /// Where events go and come from.
    pub queues: QueueConfig,
    /// Who supplies.
    pub supplier: Supplier,
    /// Of a consultation.
    pub consultation_fee: Paise,
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
        let supplier = Supplier::read(&mut env);
        let consultation_fee = env.required("EHS_CONSULTATION_FEE");
        let patients_url = env.required("EHS_PATIENTS_URL");
        let appointments_url = env.required("EHS_APPOINTMENTS_URL");
        let provider = RazorpayConfig::read(&mut env);
        let refund_limits = RefundLimits::read(&mut env);
        let doctor_share = env.optional("EHS_DOCTOR_SHARE_PERCENT");
        let config = (|| {
            Some(Self {
                base: base?,
                auth: auth?,
                queues: queues?,
                supplier: supplier?,
                consultation_fee: consultation_fee?,
                patients_url: patients_url?,
                appointments_url: appointments_url?,
                provider: provider?,
                refund_limits: refund_limits?,
                doctor_share: doctor_share?,
            })
        })();
        env.finish(config)
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
            ("EHS_RAZORPAY_KEY_ID", "rzp_test_1"),
            ("EHS_REFUND_LIMIT_ACCOUNTANT", "-1"),
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
            "EHS_RAZORPAY_KEY_SECRET",
            "EHS_REFUND_LIMIT_ACCOUNTANT",
        ] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
    }
}
