//! The keys that seal second factors, and which roles must have one.
//!
//! A sealed secret names its key, so that a new key is put before the old one in `EHS_MFA_KEYS`, secrets move to it as
//! their owners sign in, and the old one is taken away when no row names it any more.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::anyhow;
use auth::Role;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use chassis::env::Env;
use secrecy::{ExposeSecret, SecretString};

use super::totp::{SECRET, Secret};
use crate::error::Error;

const NONCE: usize = 12;
const TAG: usize = 16;

/// How second factors are kept, and who must have one.
#[derive(Clone, Debug)]
pub struct MfaConfig {
    /// `EHS_MFA_KEYS`.
    pub keys: MfaKeys,
    /// `EHS_MFA_REQUIRED_ROLES`.
    pub required: RequiredRoles,
}

impl MfaConfig {
    /// Reads it; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let keys = env.secret("EHS_MFA_KEYS").and_then(|text| {
            MfaKeys::parse(&text).map_err(|why| env.fault("EHS_MFA_KEYS", format_args!("is not valid: {why}"))).ok()
        });
        let required = env.or("EHS_MFA_REQUIRED_ROLES", RequiredRoles::default());
        Some(Self { keys: keys?, required: required? })
    }
}

/// The roles that may not do without a second factor.
#[derive(Clone, Debug, Default)]
pub struct RequiredRoles(Vec<Role>);

impl RequiredRoles {
    /// Whether this role is one.
    #[must_use]
    pub fn contains(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

impl FromStr for RequiredRoles {
    type Err = auth::roles::UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// One key or several, the current one first.
#[derive(Clone)]
pub struct MfaKeys(Arc<Vec<Key>>);

struct Key {
    id: String,
    cipher: RandomizedNonceKey,
}

/// A secret as the database has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key's id.
    pub key_id: String,
    /// Nonce, ciphertext, tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for MfaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl MfaKeys {
    /// Reads `id:hex,id:hex`: ids of letters and digits, keys of 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let pairs = text.expose_secret().split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let keys: Vec<Key> = pairs.map(key).collect::<Result<_, _>>()?;
        let ids: BTreeSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        match keys.len() {
            0 => Err("there is no key in it"),
            many if ids.len() < many => Err("two keys have one id"),
            _ => Ok(Self(Arc::new(keys))),
        }
    }

    /// Seals a user's secret with the current key; nobody else's row can hold it.
    ///
    /// # Errors
    /// When the library fails.
    pub fn seal(&self, secret: &Secret, user_id: i64) -> Result<Sealed, Error> {
        let key = self.0.first().ok_or_else(|| Error::Crypto(anyhow!("no key")))?;
        let mut text = secret.0.to_vec();
        let nonce = key.cipher.seal_in_place_append_tag(whose(user_id), &mut text);
        let nonce = nonce.map_err(|_unspecified| Error::Crypto(anyhow!("AES-256-GCM does not seal")))?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.extend(text);
        Ok(Sealed { key_id: key.id.clone(), bytes })
    }

    /// The secret again.
    ///
    /// # Errors
    /// When its key is gone, or the row was tampered with or is somebody else's.
    pub fn open(&self, sealed: &Sealed, user_id: i64) -> Result<Secret, Error> {
        let key = self.0.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| Error::Crypto(anyhow!("EHS_MFA_KEYS lacks the key {}", sealed.key_id)))?;
        let opened = sealed.bytes.split_at_checked(NONCE).and_then(|(nonce, text)| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = text.to_vec();
            let secret = key.cipher.open_in_place(nonce, whose(user_id), &mut text).ok()?;
            <[u8; SECRET]>::try_from(&*secret).ok()
        });
        opened.map(Secret).ok_or_else(|| Error::Crypto(anyhow!("the second factor of user {user_id} cannot be opened")))
    }

    /// Whether another key than the current one seals it.
    #[must_use]
    pub fn is_old(&self, sealed: &Sealed) -> bool {
        self.0.first().is_none_or(|key| key.id != sealed.key_id)
    }
}

fn key(pair: &str) -> Result<Key, &'static str> {
    const WRONG: &str = "it is id:key pairs, with keys of 64 hexadecimal digits";
    let (id, hex) = pair.split_once(':').ok_or(WRONG)?;
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        return Err("a key's id has 1 to 64 letters, digits, dots and dashes");
    }
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(WRONG);
    }
    let bytes = (0..32).map(|place| hex.get(2 * place..2 * place + 2).and_then(|two| u8::from_str_radix(two, 16).ok()));
    let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or(WRONG)?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_unspecified| WRONG)?;
    Ok(Key { id: id.to_owned(), cipher })
}

fn whose(user_id: i64) -> Aad<Vec<u8>> {
    Aad::from(format!("ehs second factor of user {user_id}").into_bytes())
}

/// Bytes of a sealed secret, as the schema checks them.
pub const SEALED: usize = NONCE + SECRET + TAG;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Result<MfaKeys, &'static str> {
        MfaKeys::parse(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn a_sealed_secret_is_its_users_alone_and_survives_a_new_key() {
        let (old, new) = (format!("k1:{}", "0a".repeat(32)), format!("k2:{}", "0b".repeat(32)));
        let secret = Secret::random().unwrap();
        let sealed = keys(&old).unwrap().seal(&secret, 7).unwrap();
        assert_eq!((sealed.key_id.as_str(), sealed.bytes.len()), ("k1", SEALED));
        let both = keys(&format!("{new}, {old}")).unwrap();
        assert!(both.open(&sealed, 7).unwrap().0 == secret.0 && both.is_old(&sealed));
        assert!(both.open(&sealed, 8).is_err());
        assert!(keys(&new).unwrap().open(&sealed, 7).is_err());
        let mut tampered = sealed.clone();
        tampered.bytes.iter_mut().for_each(|byte| *byte ^= 1);
        assert!(both.open(&tampered, 7).is_err());
        assert_ne!(both.seal(&secret, 7).unwrap().bytes, both.seal(&secret, 7).unwrap().bytes);
    }

    #[test]
    fn bad_keys_are_named_without_being_repeated() {
        let good = "0a".repeat(32);
        for text in [
            "",
            "k1",
            "k1:",
            &good,
            &format!("k1:{good}0"),
            &format!(":{good}"),
            &format!("k1:{good},k1:{good}"),
            "k1:zz",
        ] {
            let mut env = Env::of([("EHS_MFA_KEYS", text), ("EHS_MFA_REQUIRED_ROLES", "ADMIN, KING")]);
            assert!(MfaConfig::read(&mut env).is_none(), "{text}");
            let faults = env.finish::<()>(None).unwrap_err().to_string();
            assert!(faults.contains("EHS_MFA_KEYS") && faults.contains("EHS_MFA_REQUIRED_ROLES"), "{faults}");
            assert!(!faults.contains(&good));
        }
        let mut env = Env::of([("EHS_MFA_KEYS", &format!("k1:{good}")), ("EHS_MFA_REQUIRED_ROLES", "ADMIN, DOCTOR")]);
        assert!(MfaConfig::read(&mut env).unwrap().required.contains(Role::Doctor));
    }
}
