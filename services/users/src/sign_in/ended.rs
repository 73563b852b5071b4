//! How sessions end before their time: in the table, which every refresh consults, and in Redis, which the gateway asks.

use std::time::Duration;

use auth::Revocations;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::schema::sessions;

/// As long as an access token can live.
const ACCESS_TOKENS_LIVE: Duration = Duration::from_secs(3600);
/// Sessions that end within an hour and are told again; beyond, the newest.
const MOST_TOLD_AGAIN: i64 = 10_000;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A refresh token came twice: somebody has a copy.
    RefreshTokenReused,
    /// Its owner signed out, there or from elsewhere.
    SignedOut,
    /// The account has another password.
    PasswordChanged,
    /// The account has another role.
    RoleChanged,
    /// The account may no longer sign in.
    Deactivated,
    /// It went without the second factor that the account's role must have by now.
    SecondFactorMissing,
}

impl Why {
    const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "REFRESH_TOKEN_REUSED",
            Self::SignedOut => "SIGNED_OUT",
            Self::PasswordChanged => "PASSWORD_CHANGED",
            Self::RoleChanged => "ROLE_CHANGED",
            Self::Deactivated => "DEACTIVATED",
            Self::SecondFactorMissing => "SECOND_FACTOR_MISSING",
        }
    }
}

/// Ends one session of a user. False where there is none, or it is over already.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn end(
    conn: &mut AsyncPgConnection,
    user_id: i64,
    session: Uuid,
    why: Why,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let live =
        sessions::table.find(session).filter(sessions::user_id.eq(user_id)).filter(sessions::revoked_at.is_null());
    let ended = diesel::update(live)
        .set((sessions::revoked_at.eq(now), sessions::revoked_why.eq(why.as_str())))
        .execute(conn)
        .await?;
    Ok(ended > 0)
}

/// Ends all sessions of a user, besides the one to `keep`. Returns which.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn end_all(
    conn: &mut AsyncPgConnection,
    user_id: i64,
    keep: Option<Uuid>,
    why: Why,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Uuid>> {
    let live = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::id.ne(keep.unwrap_or(Uuid::nil())));
    diesel::update(live)
        .set((sessions::revoked_at.eq(now), sessions::revoked_why.eq(why.as_str())))
        .returning(sessions::id)
        .get_results(conn)
        .await
}

/// Whether the session was ended. One that was never there was not.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn is_over(conn: &mut AsyncPgConnection, session: Uuid) -> QueryResult<bool> {
    let ended = sessions::table.find(session).filter(sessions::revoked_at.is_not_null());
    diesel::select(diesel::dsl::exists(ended)).get_result(conn).await
}

/// Tells the gateway, after the commit. Where Redis is away, [`tell_again`] makes up for it; refreshing is over anyhow.
pub async fn tell(revocations: &Revocations, ended: &[Uuid]) {
    for session in ended {
        if let Err(fault) = revocations.revoke(*session, ACCESS_TOKENS_LIVE).await {
            metrics::counter!("revocations_untold_total").increment(1);
            tracing::warn!(%fault, "the gateway learns later that a session ended");
            return;
        }
    }
}

/// Tells all that ended while an access token could still live: those that Redis missed, or forgot. Returns how many.
///
/// # Errors
/// When PostgreSQL or Redis is away.
pub async fn tell_again(
    conn: &mut AsyncPgConnection,
    revocations: &Revocations,
    now: DateTime<Utc>,
) -> anyhow::Result<usize> {
    let since = now.checked_sub_signed(chrono::Duration::from_std(ACCESS_TOKENS_LIVE)?).unwrap_or(now);
    let ended: Vec<Uuid> = sessions::table
        .filter(sessions::revoked_at.gt(since))
        .order(sessions::revoked_at.desc())
        .limit(MOST_TOLD_AGAIN)
        .select(sessions::id)
        .load(conn)
        .await?;
    for session in &ended {
        revocations.revoke(*session, ACCESS_TOKENS_LIVE).await?;
    }
    Ok(ended.len())
}
