//! Django's `pbkdf2_sha256$rounds$salt$hash`: checked once more, and then replaced by argon2id.

use std::num::NonZeroU32;

use anyhow::{Context, ensure};
use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "pbkdf2_sha256$";
/// Above what any Django asks for; beyond, one sign-in would be an attack on ourselves.
const MOST_ROUNDS: u32 = 2_000_000;

struct Hash<'a> {
    rounds: NonZeroU32,
    salt: &'a str,
    output: Vec<u8>,
}

/// Whether a stored hash is of this kind.
#[must_use]
pub fn is_one(stored: &str) -> bool {
    stored.starts_with(PREFIX)
}

/// Whether a hash of this kind can be checked here.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(stored: &str) -> anyhow::Result<()> {
    read(stored).map(|_hash| ())
}

/// Whether `stored` is a hash of `password`. Compares in constant time.
///
/// # Errors
/// When `stored` is no hash of this kind.
pub fn matches(password: &[u8], stored: &str) -> anyhow::Result<bool> {
    let hash = read(stored)?;
    let salt = hash.salt.as_bytes();
    Ok(pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, hash.rounds, salt, password, &hash.output).is_ok())
}

fn read(stored: &str) -> anyhow::Result<Hash<'_>> {
    let mut parts = stored.strip_prefix(PREFIX).context("a hash of another kind")?.split('$');
    let (rounds, salt, output) = (parts.next(), parts.next(), parts.next());
    ensure!(parts.next().is_none(), "a hash with too many parts");
    let rounds: NonZeroU32 = rounds.unwrap_or_default().parse().context("a hash without rounds")?;
    ensure!(rounds.get() <= MOST_ROUNDS, "a hash with more than {MOST_ROUNDS} rounds");
    let output =
        STANDARD.decode(output.context("a hash without output")?).context("a hash whose output is no base64")?;
    ensure!(output.len() == 32, "a hash of another length");
    let salt = salt.filter(|salt| !salt.is_empty()).context("a hash without salt")?;
    Ok(Hash { rounds, salt, output })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What Python's `hashlib.pbkdf2_hmac` gives.
    const OF_CORRECT_HORSE: &str = "pbkdf2_sha256$1000$seasalt$DrdiWD40lyBuydnjvZiDrdQMx1S1mOA9O0QYex0R6ww=";

    #[test]
    fn only_the_password_matches() {
        assert!(matches(b"correct horse battery", OF_CORRECT_HORSE).unwrap());
        assert!(!matches(b"Correct horse battery", OF_CORRECT_HORSE).unwrap());
    }

    #[test]
    fn nonsense_is_an_error_and_no_match() {
        for bad in [
            "",
            "pbkdf2_sha256$",
            "pbkdf2_sha256$0$salt$AAAA",
            "pbkdf2_sha256$-1$salt$AAAA",
            "pbkdf2_sha256$4000000000$salt$AAAA",
            "pbkdf2_sha256$1000$salt$!!",
            "pbkdf2_sha256$1000$salt$AAAA",
            "pbkdf2_sha1$1000$salt$AAAA",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
