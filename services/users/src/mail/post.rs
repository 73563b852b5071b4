//! The worker's side: makes the token, writes the mail, hands it to the SMTP relay.

use std::time::Duration;

use anyhow::Context;
use chassis::db::Pool;
use chassis::shutdown::CancellationToken;
use chrono::Utc;
use diesel_async::AsyncConnection;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::MailConfig;
use super::queue::{self, Due};
use crate::password::reset;
use crate::user::User;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const RELAY_ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Mails in a row before the loop looks whether it is to stop.
const MOST_AT_ONCE: usize = 50;

/// Sends mails.
pub struct Post {
    config: MailConfig,
    relay: AsyncSmtpTransport<Tokio1Executor>,
}

impl Post {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn new(config: MailConfig) -> anyhow::Result<Self> {
        let relay = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.smtp_url.expose_secret())?
            .timeout(Some(RELAY_ANSWERS_WITHIN))
            .build();
        Ok(Self { config, relay })
    }

    /// Sends what is due. Returns how many were looked at.
    ///
    /// # Errors
    /// When PostgreSQL refuses, or the relay: the mail comes back later.
    pub async fn send_due(&self, pool: &Pool) -> anyhow::Result<usize> {
        let mut looked_at = 0_usize;
        while looked_at < MOST_AT_ONCE {
            let mut conn = pool.get().await?;
            let taken = conn.transaction(async |conn| queue::take(conn, Utc::now()).await).await?;
            drop(conn);
            let Some(due) = taken else { break };
            looked_at = looked_at.saturating_add(1);
            let sent = self.send(pool, &due).await;
            metrics::counter!("mails_total", "outcome" => if sent.is_ok() { "ok" } else { "failed" }).increment(1);
            sent.with_context(|| format!("mail {} was not sent", due.id))?;
        }
        Ok(looked_at)
    }

    async fn send(&self, pool: &Pool, due: &Due) -> anyhow::Result<()> {
        let mut conn = pool.get().await?;
        let account = User::find_by_login(&mut conn, &due.address).await?.filter(|user| user.is_active);
        if let Some(user) = account {
            let token = reset::issue(&mut conn, user.id, Utc::now()).await?;
            drop(conn);
            let link = format!("{}#token={token}", self.config.reset_url);
            self.relay.send(self.letter(&user, &link)?).await?;
            conn = pool.get().await?;
        }
        queue::done(&mut conn, due.id).await?;
        Ok(())
    }

    /// To the address as the account has it, never as somebody typed it.
    fn letter(&self, user: &User, link: &str) -> anyhow::Result<Message> {
        let to = Mailbox::new(None, user.email.expose().parse()?);
        let text = format!(
            "Somebody, perhaps you, asked for a new password for your account.\n\n\
             This link sets one. It works once, within 30 minutes:\n\n{link}\n\n\
             If it was not you, do nothing: your password stays as it is.\n"
        );
        let letter = Message::builder().from(self.config.from.clone()).to(to).subject("Your new password");
        Ok(letter.header(ContentType::TEXT_PLAIN).body(text)?)
    }
}

/// Sends mails until `stop` is cancelled. Without a relay they wait.
///
/// # Errors
/// When the relay's URL cannot be used.
pub async fn run(pool: Pool, config: Option<MailConfig>, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(config) = config else {
        tracing::warn!("no EHS_SMTP_URL: mails wait");
        stop.cancelled().await;
        return Ok(());
    };
    let post = Post::new(config)?;
    while !stop.is_cancelled() {
        if let Err(fault) = post.send_due(&pool).await {
            tracing::warn!(fault = format!("{fault:#}"), "mails wait for the next attempt");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    Ok(())
}
