//! The worker's side: makes the token, writes the mail, hands it to the SMTP relay.

use std::time::Duration;

use anyhow::Context;
use chassis::db::Pool;
use chassis::shutdown::CancellationToken;
use chassis::trail::{Facts, Trail};
use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use secrecy::ExposeSecret;

use super::MailConfig;
use super::queue::{self, Due, Kind};
use super::relay::{self, Relay};
use crate::break_glass::review::Review;
use crate::deed::{self, Deed};
use crate::error::Error;
use crate::password::reset;
use crate::user::User;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Mails in a row before the loop looks whether it is to stop.
const MOST_AT_ONCE: usize = 50;

/// Sends mails.
pub struct Post {
    config: MailConfig,
    relay: Relay,
}

impl Post {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn new(config: MailConfig) -> anyhow::Result<Self> {
        let relay = Relay::new(&config)?;
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
        match due.kind {
            Kind::PasswordReset => self.send_token(pool, due).await?,
            Kind::BreakGlassUsed => self.send_notice(pool, due).await?,
        }
        queue::done(&mut *pool.get().await?, due.id).await?;
        Ok(())
    }

    async fn send_token(&self, pool: &Pool, due: &Due) -> anyhow::Result<()> {
        let mut conn = pool.get().await?;
        let account = User::find_by_login(&mut conn, &due.address).await?.filter(|user| user.is_active);
        if let Some(user) = account {
            let token = self.issue(&mut conn, &user, due.id).await?;
            drop(conn);
            let link = format!("{}#token={token}", self.config.reset_url);
            self.relay.send(self.letter(&user, &link)?).await?;
        }
        Ok(())
    }

    async fn send_notice(&self, pool: &Pool, due: &Due) -> anyhow::Result<()> {
        let mut conn = pool.get().await?;
        let Some(review) = Review::find(&mut conn, due.about.unwrap_or_default()).await? else { return Ok(()) };
        let who = User::find(&mut conn, review.user_id).await?;
        drop(conn);
        let username = who.map_or_else(|| "an account that is not here".to_owned(), |user| user.username);
        let letter = Message::builder().from(self.config.from.clone()).to(Mailbox::new(None, due.address.parse()?));
        let letter = letter.subject(format!("Break-glass was used: review {}", review.id));
        self.relay.send(letter.header(ContentType::TEXT_PLAIN).body(review.notice(&username))?).await
    }

    /// The token, and that one went out, in one transaction: the row may say so of a mail that the relay refused.
    async fn issue(&self, conn: &mut AsyncPgConnection, user: &User, mail: i64) -> Result<String, Error> {
        let object = format!("MAIL {mail}");
        let trail = Trail::of_facts(Facts { operation: "MAIL".to_owned(), object, ..Facts::default() });
        deed::is_of(&trail, user, None)?;
        conn.transaction(async |conn| -> Result<String, Error> {
            let token = reset::issue(conn, user.id, Utc::now()).await?;
            Deed::PasswordResetMailed.write(conn, &trail).await?;
            Ok(token)
        })
        .await
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
    if relay::is_in_the_clear(config.smtp_url.expose_secret()) {
        tracing::warn!("EHS_SMTP_URL asks for no TLS: mails, and the tokens in them, travel in the clear");
    }
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
