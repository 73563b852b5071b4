//! Time-based one-time passwords: RFC 6238 over RFC 4226, with HMAC-SHA-1, 6 digits and 30 seconds, which is what every
//! authenticator app knows. Pure. Written here rather than taken from a crate, since replay is refused by the *step* that
//! a code belongs to, and crates only say whether it fits.

use aws_lc_rs::{constant_time, hmac, rand};
use chrono::{DateTime, Utc};

use super::base32;
use crate::error::Error;

/// Seconds for which a code is shown.
pub const PERIOD: i64 = 30;
/// Bytes of a secret: RFC 4226 asks for 128 bits and recommends 160.
pub const SECRET: usize = 20;

/// What an authenticator app and we share. It has no `Debug`.
pub struct Secret(pub(super) [u8; SECRET]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; SECRET];
        rand::fill(&mut bytes)
            .map_err(|_unspecified| Error::Crypto(anyhow::anyhow!("the system has no randomness")))?;
        Ok(Self(bytes))
    }

    /// For those who type it.
    #[must_use]
    pub fn base32(&self) -> String {
        base32::encode(&self.0)
    }

    /// For those who scan it.
    #[must_use]
    pub fn url(&self, account: &str) -> String {
        let account: String = account.bytes().map(percent_encoded).collect();
        format!(
            "otpauth://totp/EHS:{account}?secret={}&issuer=EHS&algorithm=SHA1&digits=6&period={PERIOD}",
            self.base32()
        )
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        format!("{:06}", truncated(tag.as_ref()) % 1_000_000)
    }

    /// The step that a code is of: the present one, the one before or the one after, so that clocks may differ by half a
    /// minute. A step at or before `last` was used.
    #[must_use]
    pub fn step_of(&self, code: &str, now: DateTime<Utc>, last: Option<i64>) -> Option<i64> {
        let present = step_at(now);
        let steps = [present, present.saturating_sub(1), present.saturating_add(1)];
        // all three are compared, so that time does not tell which it was
        let fitting = steps.map(|step| same(&self.code(step), code).then_some(step));
        fitting.into_iter().flatten().find(|step| last.is_none_or(|last| *step > last))
    }
}

/// The step of an instant.
#[must_use]
pub fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(PERIOD)
}

fn same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// RFC 4226, 5.3: four bytes from where the last half byte points, without their sign.
fn truncated(tag: &[u8]) -> u32 {
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let word = tag.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    u32::from_be_bytes(word) & 0x7fff_ffff
}

fn percent_encoded(byte: u8) -> String {
    let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rfc() -> Secret {
        Secret(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        // appendix B gives eight digits; six are their end
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc().code(step_at(at(seconds))), code);
            assert_eq!(rfc().step_of(code, at(seconds), None), Some(step_at(at(seconds))));
        }
    }

    #[test]
    fn clocks_may_differ_by_a_step_and_no_more() {
        let now = at(1_000_000_000);
        let step = step_at(now);
        for (drift, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(rfc().step_of(&rfc().code(step + drift), now, None).is_some(), taken, "{drift}");
        }
    }

    #[test]
    fn a_step_is_used_once_and_none_before_it_is_taken() {
        let now = at(1_000_000_000);
        let step = step_at(now);
        let code = |drift| rfc().code(step + drift);
        assert_eq!(rfc().step_of(&code(0), now, Some(step)), None);
        assert_eq!(rfc().step_of(&code(-1), now, Some(step)), None);
        assert_eq!(rfc().step_of(&code(1), now, Some(step)), Some(step + 1));
    }

    #[test]
    fn the_url_holds_any_account_name() {
        let url = rfc().url("asha+rao ü@x");
        assert!(url.starts_with(
            "otpauth://totp/EHS:asha%2Brao%20%C3%BC%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=EHS&"
        ));
    }
}
