//! What a right password gives when a second factor is wanted: an `mfa_token`, good for one purpose, for five minutes and
//! for five attempts. It opens nothing by itself.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;

use crate::error::Error;
use crate::schema::mfa_challenges;
use crate::sign_in::refresh_token::RefreshToken;

const LIFETIME: Duration = Duration::minutes(5);
const ATTEMPTS: i32 = 5;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To prove the second factor.
    SignIn,
    /// To make one, where the role must have it.
    Enrol,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "SIGN_IN",
            Self::Enrol => "ENROL",
        }
    }
}

/// A live token, held until the transaction ends.
pub struct Challenge {
    digest: Vec<u8>,
    /// Whose password was right.
    pub user_id: i64,
    /// What it is good for.
    pub purpose: Purpose,
}

/// A new token, as text for the client.
///
/// # Errors
/// When PostgreSQL refuses or the system has no randomness.
pub async fn open(
    conn: &mut AsyncPgConnection,
    user_id: i64,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<String, Error> {
    use mfa_challenges::dsl;
    let token = RefreshToken::random()?;
    diesel::insert_into(dsl::mfa_challenges)
        .values((
            dsl::digest.eq(token.digest()),
            dsl::user_id.eq(user_id),
            dsl::purpose.eq(purpose.as_str()),
            dsl::expires_at.eq(now.checked_add_signed(LIFETIME).unwrap_or(now)),
        ))
        .execute(conn)
        .await?;
    Ok(token.into_text())
}

/// The token that a client sent, unless it is unknown, expired, spent or worn out.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn hold(
    conn: &mut AsyncPgConnection,
    presented: &SecretString,
    now: DateTime<Utc>,
) -> QueryResult<Option<Challenge>> {
    use mfa_challenges::dsl;
    let Some(token) = RefreshToken::read(presented) else { return Ok(None) };
    let digest = token.digest();
    let live = dsl::mfa_challenges
        .find(&digest)
        .filter(dsl::expires_at.gt(now))
        .filter(dsl::spent_at.is_null())
        .filter(dsl::attempts.lt(ATTEMPTS))
        .select((dsl::user_id, dsl::purpose))
        .for_update();
    let found: Option<(i64, String)> = live.first(conn).await.optional()?;
    Ok(found.map(|(user_id, purpose)| {
        let purpose = if purpose == Purpose::Enrol.as_str() { Purpose::Enrol } else { Purpose::SignIn };
        Challenge { digest, user_id, purpose }
    }))
}

impl Challenge {
    /// Counts a wrong code.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn wear(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        use mfa_challenges::dsl;
        let one_more = dsl::attempts.eq(dsl::attempts + 1);
        diesel::update(dsl::mfa_challenges.find(&self.digest)).set(one_more).execute(conn).await.map(drop)
    }

    /// Ends it: the code was right.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn spend(&self, conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<()> {
        use mfa_challenges::dsl;
        diesel::update(dsl::mfa_challenges.find(&self.digest)).set(dsl::spent_at.eq(now)).execute(conn).await.map(drop)
    }
}

/// Forgets what nobody can use any more, at most a thousand at a time. Returns how many.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn prune(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
    use mfa_challenges::dsl;
    let old: Vec<Vec<u8>> =
        dsl::mfa_challenges.filter(dsl::expires_at.lt(now)).limit(1000).select(dsl::digest).load(conn).await?;
    diesel::delete(dsl::mfa_challenges.filter(dsl::digest.eq_any(old))).execute(conn).await
}
