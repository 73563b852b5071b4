//! The way to the SMTP relay, as its URL says: in the clear, STARTTLS, or TLS from the first byte.

use std::time::Duration;

use actix_web::http::Uri;
use anyhow::{Context, anyhow};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;

use super::MailConfig;

/// For each step of the conversation.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// For the whole of it: a relay that answers each step just in time holds nobody up for long.
const TAKES_WITHIN: Duration = Duration::from_secs(30);

/// The relay.
pub struct Relay(AsyncSmtpTransport<Tokio1Executor>);

impl Relay {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the URL or the authority's certificate cannot be used.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        let url = config.smtp_url.expose_secret();
        let mut relay = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_quoting| anyhow!("no smtp:// or smtps:// URL"))?;
        if let Some(authority) = &config.authority {
            relay = relay.tls(trusting(url, authority)?);
        }
        Ok(Self(relay.timeout(Some(ANSWERS_WITHIN)).build()))
    }

    /// Hands a letter over.
    ///
    /// # Errors
    /// When the relay is away, too slow, refuses the letter, or shows a certificate that is not trusted.
    pub async fn send(&self, letter: Message) -> anyhow::Result<()> {
        let sent = tokio::time::timeout(TAKES_WITHIN, self.0.send(letter));
        sent.await.context("the relay took too long")??;
        Ok(())
    }
}

/// Whether letters travel unencrypted, or would if somebody on the way asked for it.
#[must_use]
pub fn is_in_the_clear(url: &str) -> bool {
    !url.starts_with("smtps://") && !url.contains("tls=required")
}

/// What the URL says of TLS, with an authority of one's own beside the system's.
fn trusting(url: &str, authority: &[u8]) -> anyhow::Result<Tls> {
    let uri: Uri = url.parse().map_err(|_quoting| anyhow!("no URL"))?;
    let host = uri.host().context("a URL without a host")?.trim_matches(['[', ']']).to_owned();
    let certificate = Certificate::from_pem(authority).context("no certificate in PEM")?;
    let trusted = || TlsParameters::builder(host).add_root_certificate(certificate).build();
    Ok(match (uri.scheme_str(), uri.query()) {
        (Some("smtps"), _) => Tls::Wrapper(trusted()?),
        (_, Some("tls=required")) => Tls::Required(trusted()?),
        (_, Some("tls=opportunistic")) => Tls::Opportunistic(trusted()?),
        _ => Tls::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_clear_is_known() {
        for (url, clear) in [
            ("smtp://mail.example.in", true),
            ("smtp://mail.example.in?tls=opportunistic", true),
            ("smtp://user:password@mail.example.in:587?tls=required", false),
            ("smtps://mail.example.in", false),
        ] {
            assert_eq!(is_in_the_clear(url), clear, "{url}");
        }
    }
}
