//! The provider's settings. Without a key there is no provider, and `ONLINE` is not offered.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_RAZORPAY_KEY_ID` | the hospital's key there | none: `ONLINE` is not offered |
//! | `EHS_RAZORPAY_KEY_SECRET` | its secret | required with a key |
//! | `EHS_RAZORPAY_WEBHOOK_SECRET` | signs webhooks | required with a key |
//! | `EHS_RAZORPAY_OLD_WEBHOOK_SECRET` | signed them before: what is delivered again is signed as the first time | none |
//! | `EHS_RAZORPAY_URL` | base address of the API; HTTPS, but on this machine | `https://api.razorpay.com/` |
//! | `EHS_RAZORPAY_DEADLINE_MS` | from the first byte sent to the last one read | `5000` |

use std::time::Duration;

use chassis::env::Env;
use reqwest::Url;
use secrecy::SecretString;

const URL: &str = "https://api.razorpay.com/";

/// Everything that the provider's client is told.
#[derive(Clone, Debug)]
pub struct RazorpayConfig {
    /// The hospital's key.
    pub key_id: String,
    /// Its secret.
    pub key_secret: SecretString,
    /// Those that sign webhooks: the present one, and the one before it.
    pub webhook_secrets: Vec<SecretString>,
    /// Base address of the API.
    pub url: Url,
    /// Of a call.
    pub deadline: Duration,
}

impl RazorpayConfig {
    /// Reads the variables above; `Some(None)` without a key, `None` where faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Option<Self>> {
        let key_id = env.optional::<String>("EHS_RAZORPAY_KEY_ID")?;
        let Some(key_id) = key_id else { return Some(None) };
        let key_secret = env.secret("EHS_RAZORPAY_KEY_SECRET");
        let secret = env.secret("EHS_RAZORPAY_WEBHOOK_SECRET");
        let old = env.optional::<String>("EHS_RAZORPAY_OLD_WEBHOOK_SECRET");
        let url = env.or("EHS_RAZORPAY_URL", Url::parse(URL).ok()?);
        let deadline = env.or("EHS_RAZORPAY_DEADLINE_MS", 5_000_u64);
        let url = url?;
        if url.scheme() != "https" && !is_this_machine(&url) {
            env.fault("EHS_RAZORPAY_URL", "must be HTTPS: it carries the key's secret");
        }
        let deadline = deadline?;
        if !(100..=30_000).contains(&deadline) {
            env.fault("EHS_RAZORPAY_DEADLINE_MS", "must lie between 100 and 30000");
        }
        let webhook_secrets = [Some(secret?), old?.map(SecretString::from)].into_iter().flatten().collect();
        let deadline = Duration::from_millis(deadline);
        Some(Some(Self { key_id, key_secret: key_secret?, webhook_secrets, url, deadline }))
    }
}

fn is_this_machine(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_there_is_no_provider() {
        let mut env = Env::of([("EHS_RAZORPAY_KEY_SECRET", "s")]);
        assert!(RazorpayConfig::read(&mut env).unwrap().is_none());
    }

    #[test]
    fn a_key_needs_its_secrets_and_no_secret_is_shown() {
        let mut env = Env::of([("EHS_RAZORPAY_KEY_ID", "rzp_test_1"), ("EHS_RAZORPAY_URL", "http://pay.example/")]);
        let read = RazorpayConfig::read(&mut env);
        let faults = env.finish(read).unwrap_err().to_string();
        for name in ["EHS_RAZORPAY_KEY_SECRET", "EHS_RAZORPAY_WEBHOOK_SECRET", "EHS_RAZORPAY_URL"] {
            assert!(faults.contains(name), "{name} is missing in {faults}");
        }
        let mut env = Env::of([
            ("EHS_RAZORPAY_KEY_ID", "rzp_test_1"),
            ("EHS_RAZORPAY_KEY_SECRET", "hush"),
            ("EHS_RAZORPAY_WEBHOOK_SECRET", "hush"),
            ("EHS_RAZORPAY_URL", "http://127.0.0.1:9000/"),
        ]);
        let config = RazorpayConfig::read(&mut env).unwrap().unwrap();
        assert!(!format!("{config:?}").contains("hush"));
        assert_eq!(config.webhook_secrets.len(), 1);
    }
}
