//! Tokens that set a new password: 256 random bits, good once and for half an hour. The database knows their SHA-256.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;

use crate::error::Error;
use crate::schema::password_resets;
use crate::sign_in::refresh_token::RefreshToken;

const LIFETIME: Duration = Duration::minutes(30);

/// Makes a token for this account.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn issue(conn: &mut AsyncPgConnection, user_id: i64, now: DateTime<Utc>) -> Result<String, Error> {
    let token = RefreshToken::random()?;
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::digest.eq(token.digest()),
            password_resets::user_id.eq(user_id),
            password_resets::expires_at.eq(now.checked_add_signed(LIFETIME).unwrap_or(now)),
        ))
        .execute(conn)
        .await?;
    Ok(token.into_text())
}

/// Whose token it is, while it is good.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn owner(conn: &mut AsyncPgConnection, token: &SecretString, now: DateTime<Utc>) -> QueryResult<Option<i64>> {
    let Some(token) = RefreshToken::read(token) else { return Ok(None) };
    let good = password_resets::table.find(token.digest()).filter(password_resets::expires_at.gt(now));
    good.select(password_resets::user_id).first(conn).await.optional()
}

/// Spends it. False where somebody did so before: of two at the same instant one wins.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn spend(conn: &mut AsyncPgConnection, token: &SecretString) -> QueryResult<bool> {
    let Some(token) = RefreshToken::read(token) else { return Ok(false) };
    Ok(diesel::delete(password_resets::table.find(token.digest())).execute(conn).await? > 0)
}

/// Takes back all tokens of an account: its password is another now.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn take_back(conn: &mut AsyncPgConnection, user_id: i64) -> QueryResult<usize> {
    diesel::delete(password_resets::table.filter(password_resets::user_id.eq(user_id))).execute(conn).await
}

/// Forgets expired ones; at most a thousand at a time. Returns how many.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn prune(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
    let old = password_resets::table.filter(password_resets::expires_at.lt(now)).limit(1000);
    let old: Vec<Vec<u8>> = old.select(password_resets::digest).load(conn).await?;
    diesel::delete(password_resets::table.filter(password_resets::digest.eq_any(old))).execute(conn).await
}
