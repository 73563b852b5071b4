//! Mails: asked for in the caller's transaction, sent by the worker over SMTP.
//!
//! A mail says nothing clinical, and its token exists only from the moment it is sent: the table has neither.

pub mod post;
pub mod queue;
pub mod relay;

use chassis::env::Env;
use lettre::message::Mailbox;
use secrecy::SecretString;

use self::relay::Relay;

/// Where mails go out, and what they say of us.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `smtp://…` or `smtps://…`.
    pub smtp_url: SecretString,
    /// Who they are from.
    pub from: Mailbox,
    /// The page that a reset link leads to; the token follows as its fragment, which reaches no server's log.
    pub reset_url: String,
    /// Certificate in PEM of an authority of one's own, which the relay's may come from.
    pub authority: Option<Vec<u8>>,
}

impl MailConfig {
    /// Reads it: `Some(None)` without `EHS_SMTP_URL`, and mails wait. `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Option<Self>> {
        const URL: &str = "EHS_SMTP_URL";
        let Some(smtp_url) = env.optional::<String>(URL)?.map(SecretString::from) else { return Some(None) };
        let from = env.required("EHS_MAIL_FROM");
        let reset_url = env.required("EHS_PASSWORD_RESET_URL");
        let authority = authority(env);
        let config = Self { smtp_url, from: from?, reset_url: reset_url?, authority: authority? };
        match Relay::new(&config) {
            Ok(_) => Some(Some(config)),
            Err(why) => {
                env.fault(URL, format_args!("cannot be used: {why}"));
                None
            }
        }
    }
}

fn authority(env: &mut Env) -> Option<Option<Vec<u8>>> {
    const NAME: &str = "EHS_SMTP_CA_FILE";
    let Some(path) = env.optional::<String>(NAME)? else { return Some(None) };
    let read = std::fs::read(&path);
    read.map_err(|fault| env.fault(NAME, format_args!("({path}) cannot be read: {fault}"))).ok().map(Some)
}
