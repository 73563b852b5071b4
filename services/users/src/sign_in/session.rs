//! Sessions and the rotation of their refresh tokens.

use std::str::FromStr;

use auth::Role;
use chassis::problem::Problem;
use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::ended::{self, Why};
use super::origin::Origin;
use super::refresh_token::{RefreshToken, salt, sha256};
use crate::error::Error;
use crate::mfa::keys::RequiredRoles;
use crate::schema::{refresh_tokens, sessions, users};

/// For how long sessions that nobody can use any more are kept, to recognise a stolen token for what it is.
const KEPT: Duration = Duration::days(7);

/// For whom an access token is made, and its own id.
pub struct Given {
    /// The session.
    pub session: Uuid,
    /// Whose it is.
    pub user_id: i64,
    /// What they may do, as of now.
    pub role: Role,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// Its id.
    pub jti: Uuid,
}

/// Whose session it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The session.
    pub session: Uuid,
    /// The account.
    pub user_id: i64,
    /// What it may do, as of now.
    pub role: Role,
}

/// What came of presenting a refresh token.
pub enum Rotation {
    /// It is spent now, and this follows.
    Given(Given, RefreshToken),
    /// It was spent by this very request before; this followed.
    GivenAgain(Given, RefreshToken),
    /// Unknown, expired, or of a session that is over; whose, where that is known.
    Refused(Option<Owner>),
    /// It was spent before: somebody has a copy. The session is over.
    Reused(Owner),
    /// The session was opened without the second factor that its owner's role must have by now. It is over.
    SecondFactorMissing(Owner),
}

/// What opened a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The password alone.
    Password,
    /// The password and a code.
    SecondFactor,
}

/// A code was given in a session that a password alone had opened.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn has_second_factor(conn: &mut AsyncPgConnection, session: Uuid) -> QueryResult<usize> {
    diesel::update(sessions::table.find(session)).set(sessions::second_factor.eq(true)).execute(conn).await
}

/// Begins a session whose first refresh token is `refresh`.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn open(
    conn: &mut AsyncPgConnection,
    user_id: i64,
    origin: &Origin,
    proof: Proof,
    refresh: &RefreshToken,
    now: DateTime<Utc>,
    lifetime: Duration,
) -> Result<Uuid, Error> {
    let id = Uuid::new_v4();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::user_id.eq(user_id),
            sessions::created_at.eq(now),
            sessions::last_used_at.eq(now),
            sessions::address.eq(origin.address.map(|address| address.to_string())),
            sessions::user_agent.eq(origin.user_agent.as_deref()),
            sessions::second_factor.eq(proof == Proof::SecondFactor),
        ))
        .execute(conn)
        .await?;
    keep(conn, id, refresh, now, lifetime).await?;
    Ok(id)
}

/// Spends `presented` and gives its successor. Of two callers at the same instant PostgreSQL lets one spend it; the other
/// waits for that, finds it spent, and ends the session.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn rotate(
    conn: &mut AsyncPgConnection,
    presented: &RefreshToken,
    retry_key: Option<&[u8]>,
    required: &RequiredRoles,
    now: DateTime<Utc>,
    lifetime: Duration,
) -> Result<Rotation, Error> {
    let retry_digest = retry_key.map(sha256);
    let (salt, jti) = (salt()?, Uuid::new_v4());
    let spent = spend(conn, presented, retry_digest.as_deref(), &salt, jti, now).await?;
    let Some(session) = spent else {
        return spent_or_unknown(conn, presented, retry_digest, now).await;
    };
    let Some(live) = live(conn, session).await? else {
        return Ok(Rotation::Refused(owner(conn, session).await?));
    };
    let Live { owner, second_factor } = live;
    if required.contains(owner.role) && !second_factor {
        ended::end(conn, owner.user_id, session, Why::SecondFactorMissing, now).await?;
        return Ok(Rotation::SecondFactorMissing(owner));
    }
    let successor = presented.successor(&salt)?;
    keep(conn, session, &successor, now, lifetime).await?;
    diesel::update(sessions::table.find(session)).set(sessions::last_used_at.eq(now)).execute(conn).await?;
    let Owner { user_id, role, .. } = owner;
    Ok(Rotation::Given(Given { session, user_id, role, at: now, jti }, successor))
}

async fn spend(
    conn: &mut AsyncPgConnection,
    presented: &RefreshToken,
    retry_digest: Option<&[u8]>,
    salt: &[u8],
    jti: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Option<Uuid>> {
    use refresh_tokens::dsl;
    let unspent =
        dsl::refresh_tokens.find(presented.digest()).filter(dsl::spent_at.is_null()).filter(dsl::expires_at.gt(now));
    diesel::update(unspent)
        .set((
            dsl::spent_at.eq(now),
            dsl::retry_digest.eq(retry_digest),
            dsl::successor_salt.eq(salt),
            dsl::successor_jti.eq(jti),
        ))
        .returning(dsl::session_id)
        .get_result(conn)
        .await
        .optional()
}

/// A refresh token that was spent, and what followed.
#[derive(Queryable)]
struct Spent {
    session: Uuid,
    at: DateTime<Utc>,
    retry_digest: Option<Vec<u8>>,
    salt: Option<Vec<u8>>,
    jti: Option<Uuid>,
}

async fn spent_or_unknown(
    conn: &mut AsyncPgConnection,
    presented: &RefreshToken,
    retry_digest: Option<Vec<u8>>,
    now: DateTime<Utc>,
) -> Result<Rotation, Error> {
    use refresh_tokens::dsl;
    let spent: Option<Spent> = dsl::refresh_tokens
        .find(presented.digest())
        .filter(dsl::spent_at.is_not_null())
        .select((
            dsl::session_id,
            dsl::spent_at.assume_not_null(),
            dsl::retry_digest,
            dsl::successor_salt,
            dsl::successor_jti,
        ))
        .first(conn)
        .await
        .optional()?;
    let Some(spent) = spent else { return Ok(Rotation::Refused(None)) };
    if retry_digest.is_some()
        && retry_digest == spent.retry_digest
        && let Some(again) = again(conn, presented, &spent, now).await?
    {
        return Ok(again);
    }
    let Some(owner) = owner(conn, spent.session).await? else { return Ok(Rotation::Refused(None)) };
    ended::end(conn, owner.user_id, spent.session, Why::RefreshTokenReused, now).await?;
    Ok(Rotation::Reused(owner))
}

/// The same answer again, as long as nobody has used the one before.
async fn again(
    conn: &mut AsyncPgConnection,
    presented: &RefreshToken,
    spent: &Spent,
    now: DateTime<Utc>,
) -> Result<Option<Rotation>, Error> {
    use refresh_tokens::dsl;
    let (Some(salt), Some(jti)) = (&spent.salt, spent.jti) else { return Ok(None) };
    let successor = presented.successor(salt)?;
    let unused = dsl::refresh_tokens
        .find(successor.digest())
        .filter(dsl::spent_at.is_null())
        .filter(dsl::expires_at.gt(now))
        .select(dsl::session_id)
        .for_share();
    let unused: Option<Uuid> = unused.first(conn).await.optional()?;
    let live = match unused {
        Some(session) => live(conn, session).await?,
        None => None,
    };
    Ok(live.map(|live| {
        let Owner { user_id, role, .. } = live.owner;
        let given = Given { session: spent.session, user_id, role, at: spent.at, jti };
        Rotation::GivenAgain(given, successor)
    }))
}

async fn keep(
    conn: &mut AsyncPgConnection,
    session: Uuid,
    token: &RefreshToken,
    now: DateTime<Utc>,
    lifetime: Duration,
) -> QueryResult<usize> {
    use refresh_tokens::dsl;
    diesel::insert_into(dsl::refresh_tokens)
        .values((
            dsl::digest.eq(token.digest()),
            dsl::session_id.eq(session),
            dsl::issued_at.eq(now),
            dsl::expires_at.eq(now.checked_add_signed(lifetime).unwrap_or(now)),
        ))
        .execute(conn)
        .await
}

/// A session that is not over.
struct Live {
    owner: Owner,
    second_factor: bool,
}

/// The session, unless it is revoked or its owner may no longer sign in. Held until the transaction ends.
async fn live(conn: &mut AsyncPgConnection, session: Uuid) -> Result<Option<Live>, Error> {
    let found: Option<(i64, bool)> = sessions::table
        .find(session)
        .filter(sessions::revoked_at.is_null())
        .select((sessions::user_id, sessions::second_factor))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    let Some((user_id, second_factor)) = found else { return Ok(None) };
    let role: Option<String> = users::table
        .find(user_id)
        .filter(users::is_active.eq(true))
        .select(users::role)
        .first(conn)
        .await
        .optional()?;
    let Some(role) = role else { return Ok(None) };
    let role = Role::from_str(&role).map_err(Problem::internal)?;
    Ok(Some(Live { owner: Owner { session, user_id, role }, second_factor }))
}

async fn owner(conn: &mut AsyncPgConnection, session: Uuid) -> Result<Option<Owner>, Error> {
    let of = sessions::table.inner_join(users::table).filter(sessions::id.eq(session));
    let found: Option<(i64, String)> = of.select((users::id, users::role)).first(conn).await.optional()?;
    let Some((user_id, role)) = found else { return Ok(None) };
    let role = Role::from_str(&role).map_err(Problem::internal)?;
    Ok(Some(Owner { session, user_id, role }))
}

/// Forgets sessions that nobody has used for longer than a refresh token lives and a week; at most a thousand at a time.
/// Returns how many.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn prune(conn: &mut AsyncPgConnection, now: DateTime<Utc>, lifetime: Duration) -> QueryResult<usize> {
    let before = now.checked_sub_signed(lifetime).and_then(|then| then.checked_sub_signed(KEPT)).unwrap_or(now);
    let old = sessions::table
        .filter(sessions::last_used_at.lt(before))
        .order(sessions::last_used_at)
        .limit(1000)
        .select(sessions::id);
    let old: Vec<Uuid> = old.load(conn).await?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(old))).execute(conn).await
}
