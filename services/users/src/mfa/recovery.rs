//! Recovery codes: ten, each good once. They have 120 random bits, so that a plain SHA-256 keeps them (ASVS 6.5.2).

use anyhow::anyhow;
use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::base32;
use crate::error::Error;
use crate::schema::mfa_recovery_codes;
use crate::sign_in::refresh_token::sha256;

/// How many there are.
pub const CODES: usize = 10;
/// Letters and digits of one, without its dashes.
pub const LENGTH: usize = 24;
const BYTES: usize = 15;
const GROUP: usize = 4;

/// Gives the account new codes instead of those it has, and says them, once.
///
/// # Errors
/// When PostgreSQL refuses or the system has no randomness.
pub async fn renew(conn: &mut AsyncPgConnection, user_id: i64) -> Result<Vec<String>, Error> {
    use mfa_recovery_codes::dsl;
    let bare: Vec<String> = (0..CODES).map(|_| random()).collect::<Result<_, _>>()?;
    diesel::delete(dsl::mfa_recovery_codes.filter(dsl::user_id.eq(user_id))).execute(conn).await?;
    let rows: Vec<_> =
        bare.iter().map(|code| (dsl::user_id.eq(user_id), dsl::digest.eq(sha256(code.as_bytes())))).collect();
    diesel::insert_into(dsl::mfa_recovery_codes).values(rows).execute(conn).await?;
    Ok(bare.iter().map(|code| grouped(code)).collect())
}

/// Uses one up. Of two uses at the same instant one succeeds.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn spend(conn: &mut AsyncPgConnection, user_id: i64, bare: &str, now: DateTime<Utc>) -> QueryResult<bool> {
    use mfa_recovery_codes::dsl;
    let unused = dsl::mfa_recovery_codes.find((user_id, sha256(bare.as_bytes()))).filter(dsl::used_at.is_null());
    let spent = diesel::update(unused).set(dsl::used_at.eq(now)).execute(conn).await?;
    Ok(spent == 1)
}

fn random() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_unspecified| Error::Crypto(anyhow!("the system has no randomness")))?;
    Ok(base32::encode(&bytes))
}

fn grouped(code: &str) -> String {
    let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (place, letter) in code.chars().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_groups_of_four() {
        let code = random().unwrap();
        assert_eq!(code.len(), LENGTH);
        assert_eq!(grouped(&code).split('-').map(str::len).collect::<Vec<_>>(), [4; 6]);
        assert_eq!(grouped(&code).replace('-', ""), code);
    }
}
