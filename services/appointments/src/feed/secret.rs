//! The secret in the address of a feed: 256 random bits, of which only the SHA-256 is kept.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chassis::problem::Problem;
use chassis::strict_json::digest;

/// Characters of a secret.
const LENGTH: usize = 43;

/// A secret; it can be shown, and never printed.
pub struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// 500 when the system has no random bits.
    pub fn random() -> Result<Self, Problem> {
        let mut bits = [0; 32];
        rand::fill(&mut bits).map_err(Problem::internal)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }

    /// What is kept of it, and what it is found by.
    pub fn hash(&self) -> [u8; 32] {
        digest(self.0.as_bytes())
    }

    /// The text, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Why a text is no secret of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSecret;

impl FromStr for Secret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if text.len() == LENGTH && plain { Ok(Self(text.to_owned())) } else { Err(NoSecret) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_random_and_never_printed() {
        let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(one.expose().len(), LENGTH);
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.expose().parse::<Secret>().unwrap().hash(), one.hash());
        assert_eq!(format!("{one:?}"), "***");
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        for text in ["", "7", &"x".repeat(42), &"x".repeat(44), &"é".repeat(22), &format!("{}/", "x".repeat(42))] {
            assert_eq!(text.parse::<Secret>().err(), Some(NoSecret), "{text}");
        }
    }
}
