//! Refresh tokens: 256 random bits, opaque to clients. The database knows their SHA-256.

use anyhow::anyhow;
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

const LENGTH: usize = 32;

/// A refresh token. It has no `Debug`.
pub struct RefreshToken([u8; LENGTH]);

impl RefreshToken {
    /// The first one of a session.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn random() -> Result<Self, Error> {
        random().map(Self)
    }

    /// What a client sent; `None` where it cannot be one of ours.
    #[must_use]
    pub fn read(text: &SecretString) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The next one. It follows from this one and the salt, so that neither has to be stored for the answer to be given
    /// again to somebody who still has this one.
    ///
    /// # Errors
    /// Never in practice: the length is fixed.
    pub fn successor(&self, salt: &[u8]) -> Result<Self, Error> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, salt);
        let bytes =
            tag.as_ref().try_into().map_err(|_length| Error::Crypto(anyhow!("HMAC-SHA-256 of another length")))?;
        Ok(Self(bytes))
    }

    /// What the database knows it by.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        sha256(&self.0)
    }

    /// For the client.
    #[must_use]
    pub fn into_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// A salt for [`RefreshToken::successor`].
///
/// # Errors
/// When the system has no randomness.
pub fn salt() -> Result<Vec<u8>, Error> {
    random().map(Vec::from)
}

/// SHA-256 of something.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

fn random() -> Result<[u8; LENGTH], Error> {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes).map_err(|_unspecified| Error::Crypto(anyhow!("the system has no randomness")))?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        let token = RefreshToken::random().unwrap();
        let digest = token.digest();
        let text = SecretString::from(token.into_text());
        assert_eq!(text.expose_secret().len(), 43);
        assert_eq!(RefreshToken::read(&text).unwrap().digest(), digest);
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "x", "a.b.c", &"A".repeat(44), &"A".repeat(42), "' OR 1=1 --", &"=".repeat(43)] {
            assert!(RefreshToken::read(&SecretString::from((*text).to_owned())).is_none(), "{text}");
        }
    }

    #[test]
    fn the_successor_follows_from_both() {
        let (one, other) = (RefreshToken::random().unwrap(), RefreshToken::random().unwrap());
        let digest = |token: &RefreshToken, salt: &[u8]| token.successor(salt).unwrap().digest();
        assert_eq!(digest(&one, b"salt"), digest(&one, b"salt"));
        assert_ne!(digest(&one, b"salt"), digest(&one, b"other"));
        assert_ne!(digest(&one, b"salt"), digest(&other, b"salt"));
    }
}
