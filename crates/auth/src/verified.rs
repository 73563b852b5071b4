//! Tokens that were found good, so that a signature is checked once and not at every request. It belongs to one key set:
//! other keys, another cache, and a key that `users` has dropped takes what it signed with it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};

use crate::Claims;

/// Tokens that are remembered at most; some 3 MB.
const AT_MOST: usize = 8_192;

/// Their claims, by the SHA-256 of the whole token: the token itself is not kept.
#[derive(Default)]
pub struct Verified(RwLock<HashMap<Digest, Arc<Claims>>>);

/// Names a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a whole token, its signature included; none is never remembered.
    pub fn of(token: &str) -> Option<Self> {
        digest(&SHA256, token.as_bytes()).as_ref().try_into().map(Self).ok()
    }
}

impl Verified {
    /// The claims of a token that was found good, until it ends; `now` in seconds since 1970.
    pub fn get(&self, token: Digest, now: i64) -> Option<Arc<Claims>> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&token).filter(|claims| now < claims.exp).cloned()
    }

    /// Remembers a token that was just found good.
    pub fn insert(&self, token: Digest, claims: Arc<Claims>, now: i64) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= AT_MOST {
            tokens.retain(|_, claims| now < claims.exp);
        }
        // all of them still stand: to begin anew costs one check each, to look for the oldest would cost every newcomer
        if tokens.len() >= AT_MOST {
            tokens.clear();
        }
        tokens.insert(token, claims);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{Duration, Utc};
    use uuid::Uuid;

    use super::*;
    use crate::Role;
    use crate::claims::Issued;

    fn claims() -> Arc<Claims> {
        let issued = Issued { issuer: "ehs", audience: "ehs-api", at: Utc::now(), lifetime: Duration::hours(1) };
        Arc::new(Claims::new(&issued, 7, Role::Nurse, Uuid::new_v4()))
    }

    #[test]
    fn a_token_is_known_until_it_ends_and_no_other_is() {
        let (verified, claims) = (Verified::default(), claims());
        let token = Digest::of("a.b.c").unwrap();
        verified.insert(token, claims.clone(), claims.iat);
        assert_eq!(verified.get(token, claims.exp - 1), Some(claims.clone()));
        assert_eq!(verified.get(token, claims.exp), None);
        assert_eq!(verified.get(Digest::of("a.b.d").unwrap(), claims.iat), None);
    }

    #[test]
    fn it_is_bounded_and_lets_go_of_what_ended_first() {
        let (verified, claims) = (Verified::default(), claims());
        let token = |n: usize| Digest::of(&n.to_string()).unwrap();
        let lasting = Arc::new(Claims { exp: claims.exp + 60, ..(*claims).clone() });
        verified.insert(token(0), lasting.clone(), claims.iat);
        for n in 1..AT_MOST {
            verified.insert(token(n), claims.clone(), claims.iat);
        }
        verified.insert(token(AT_MOST), lasting, claims.exp);
        assert!(verified.get(token(0), claims.exp).is_some() && verified.get(token(1), claims.iat).is_none());
        for n in 0..2 * AT_MOST {
            verified.insert(token(n), claims.clone(), claims.iat);
        }
        assert!(verified.0.read().unwrap().len() <= AT_MOST);
    }
}
