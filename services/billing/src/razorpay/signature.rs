//! Whether a webhook is the provider's word: `X-Razorpay-Signature` is the HMAC-SHA256 of the body as it came, in hexadecimal
//! (<https://razorpay.com/docs/webhooks/validate-test/>).

use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};

/// Compares in constant time, with each of the keys.
pub fn is_signed(keys: &[Key], body: &[u8], signature: &str) -> bool {
    bytes(signature).is_some_and(|signature| keys.iter().any(|key| verify(key, body, &signature).is_ok()))
}

/// The key that a webhook secret is.
pub fn key(secret: &str) -> Key {
    Key::new(HMAC_SHA256, secret.as_bytes())
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    if hexadecimal.len() != 64 || !hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(hexadecimal.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const SIGNED: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const BODY: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn the_published_example() {
        assert!(is_signed(&[key("Jefe")], BODY, SIGNED));
        assert!(is_signed(&[key("another"), key("Jefe")], BODY, &SIGNED.to_uppercase()));
    }

    #[test]
    fn what_is_not_signed() {
        let changed = SIGNED.replace('5', "6");
        for signature in ["", "00", &SIGNED[..62], &changed, "z", &format!("{SIGNED}00"), "é", &"é".repeat(32)] {
            assert!(!is_signed(&[key("Jefe")], BODY, signature), "{signature}");
        }
        assert!(!is_signed(&[key("Jefe")], b"what do ya want for nothing? ", SIGNED));
        assert!(!is_signed(&[key("jefe")], BODY, SIGNED));
        assert!(!is_signed(&[], BODY, SIGNED));
    }
}
