//! The payment provider, Razorpay, by its public API (<https://razorpay.com/docs/api/>): orders, payments, refunds, webhooks.
//!
//! - [`config`]: its settings; - [`client`]: what is asked of it; - [`breaker`]: when it is not asked;
//! - [`signature`], [`event`]: whether a webhook is its word, and what it says; - [`webhook`]: the route;
//! - [`reconcile`]: the worker asks for what no webhook brought, and has refunds sent.
//!
//! Nothing of the payer's (card, contact, bank) is read from its answers, let alone kept.

pub mod config;
pub mod signature;

pub mod breaker;
pub mod client;

pub mod event;
pub mod reconcile;
pub mod webhook;

pub use client::{Fault, NewOrder, Razorpay};
pub use config::RazorpayConfig;
