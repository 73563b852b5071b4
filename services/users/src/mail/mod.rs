//! Mails: asked for in the caller's transaction, sent by the worker over SMTP.
//!
//! A mail says nothing clinical, and its token exists only from the moment it is sent: the table has neither.

pub mod post;
pub mod queue;

use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use chassis::env::Env;

/// Where mails go out, and what they say of us.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `smtp://…` or `smtps://…`.
    pub smtp_url: SecretString,
    /// Who they are from.
    pub from: Mailbox,
    /// The page that a reset link leads to; the token follows as its fragment, which reaches no server's log.
    pub reset_url: String,
}

impl MailConfig {
    /// Reads it: `Some(None)` without `EHS_SMTP_URL`, and mails wait. `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Option<Self>> {
        const URL: &str = "EHS_SMTP_URL";
        let Some(smtp_url) = env.optional::<String>(URL)?.map(SecretString::from) else { return Some(None) };
        let from = env.required("EHS_MAIL_FROM");
        let reset_url = env.required("EHS_PASSWORD_RESET_URL");
        if AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url.expose_secret()).is_err() {
            env.fault(URL, "is no smtp:// or smtps:// URL");
            return None;
        }
        Some(Some(Self { smtp_url, from: from?, reset_url: reset_url? }))
    }
}
