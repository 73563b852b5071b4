//! Sessions that ended before their access token does.
//!
//! An access token is good for an hour on its signature alone. Signing out must count at once, so whoever ends a session writes its id here and
//! the gateway asks for it at every authenticated request. The entry lives as long as an access token can, and so the set stays small.
//!
//! Invariant: nothing is lost with Redis. The users service also keeps the end of a session in its own table, which every refresh consults.

use std::fmt;
use std::time::Duration;

use chassis::redis::deadpool_redis::Pool;
use chassis::redis::deadpool_redis::redis::AsyncCommands;
use uuid::Uuid;

/// How long an answer may take: the pool's deadlines are for connections only.
const DEADLINE: Duration = Duration::from_millis(250);

/// The revoked sessions, in Redis.
#[derive(Clone)]
pub struct Revocations(Pool);

impl Revocations {
    /// The revocations kept in the Redis behind this pool, whose deadlines apply.
    #[must_use]
    pub const fn new(pool: Pool) -> Self {
        Self(pool)
    }

    /// Whether this session was ended.
    ///
    /// # Errors
    ///
    /// Redis did not answer in time; the caller decides what that means.
    pub async fn is_revoked(&self, session: Uuid) -> Result<bool, RedisDown> {
        in_time(async {
            let mut redis = self.0.get().await.map_err(RedisDown::new)?;
            redis.exists(key(session)).await.map_err(RedisDown::new)
        })
        .await
    }

    /// Ends a session for as long as its last access token could live.
    ///
    /// # Errors
    ///
    /// Redis did not answer in time.
    pub async fn revoke(&self, session: Uuid, lifetime: Duration) -> Result<(), RedisDown> {
        in_time(async {
            let mut redis = self.0.get().await.map_err(RedisDown::new)?;
            redis.set_ex(key(session), 1_u8, lifetime.as_secs().max(1)).await.map_err(RedisDown::new)
        })
        .await
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, RedisDown>>) -> Result<T, RedisDown> {
    tokio::time::timeout(DEADLINE, asked).await.map_err(RedisDown::new)?
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revocations")
    }
}

/// Redis did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("Redis is away: {0}")]
pub struct RedisDown(Box<dyn std::error::Error + Send + Sync>);

impl RedisDown {
    fn new(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(cause))
    }
}

fn key(session: Uuid) -> String {
    format!("ehs:revoked:{session}")
}
