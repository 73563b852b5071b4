//! Sessions that ended before their access token does.
//!
//! An access token is good for an hour on its signature alone. Signing out must count at once, so whoever ends a session writes its id here and
//! the gateway asks for it at every authenticated request. The entry lives as long as an access token can, and so the set stays small.
//!
//! Invariant: nothing is lost with Redis. The users service also keeps the end of a session in its own table, which every refresh consults.

use std::fmt;
use std::time::Duration;

use chassis::redis::client::AsyncCommands;
use chassis::redis::{Away, Redis};
use uuid::Uuid;

/// The revoked sessions, in Redis.
#[derive(Clone)]
pub struct Revocations(Redis);

impl Revocations {
    /// The revocations kept in this Redis, whose deadline applies.
    #[must_use]
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }

    /// Whether this session was ended. Redis is asked even right after it failed: without its answer an ended session passes.
    ///
    /// # Errors
    ///
    /// Redis did not answer in time; the caller decides what that means.
    pub async fn is_revoked(&self, session: Uuid) -> Result<bool, Away> {
        self.0.insist(|mut redis| async move { redis.exists(key(session)).await }).await
    }

    /// Ends a session for as long as its last access token could live.
    ///
    /// # Errors
    ///
    /// Redis did not answer in time.
    pub async fn revoke(&self, session: Uuid, lifetime: Duration) -> Result<(), Away> {
        let lifetime = lifetime.as_secs().max(1);
        self.0.insist(|mut redis| async move { redis.set_ex(key(session), 1_u8, lifetime).await }).await
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revocations")
    }
}

fn key(session: Uuid) -> String {
    format!("ehs:revoked:{session}")
}
