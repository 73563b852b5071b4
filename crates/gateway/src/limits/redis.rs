//! The buckets that all gateways share, in Redis.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chassis::redis::deadpool_redis::Pool;
use chassis::redis::deadpool_redis::redis::{RedisError, Script};

use super::{Ask, Taken, now};

/// For a pool without one of its own.
const DEADLINE: Duration = Duration::from_millis(250);
/// After a failure Redis is left alone this long, in microseconds, so that not every request waits out the deadline.
const LEAVE_ALONE: u64 = 1_000_000;

pub(super) struct InRedis {
    redis: Pool,
    take: Script,
    /// How long an answer may take.
    deadline: Duration,
    /// Until when Redis is left alone; microseconds since 1970.
    away_until: AtomicU64,
}

impl InRedis {
    pub(super) fn new(redis: Pool) -> Self {
        let deadline = redis.timeouts().wait.unwrap_or(DEADLINE);
        Self { redis, take: Script::new(include_str!("take.lua")), deadline, away_until: AtomicU64::new(0) }
    }

    /// `None` while Redis is away.
    pub(super) async fn take(&self, asks: &[Ask<'_>]) -> Option<Taken> {
        if now() < self.away_until.load(Ordering::Relaxed) {
            metrics::counter!("gateway_limits_counted_here_total").increment(1);
            return None;
        }
        let fault = match tokio::time::timeout(self.deadline, self.ask(asks)).await {
            Ok(Ok(taken)) => return Some(taken),
            Ok(Err(fault)) => fault,
            Err(elapsed) => anyhow::Error::from(elapsed),
        };
        metrics::counter!("gateway_limits_counted_here_total").increment(1);
        let before = self.away_until.swap(now().saturating_add(LEAVE_ALONE), Ordering::Relaxed);
        if before == 0 {
            tracing::warn!(
                fault = format!("{fault:#}"),
                "limits are counted by this gateway alone while Redis is away"
            );
        }
        None
    }

    async fn ask(&self, asks: &[Ask<'_>]) -> anyhow::Result<Taken> {
        let mut redis = self.redis.get().await?;
        let mut script = self.take.prepare_invoke();
        for ask in asks {
            let bucket = ask.rule.bucket;
            script.key(&ask.key).arg(bucket.every()).arg(bucket.capacity());
        }
        let answered: Result<Vec<u64>, RedisError> = script.invoke_async(&mut redis).await;
        let answered = answered?;
        let (passed, debts) = answered.split_first().ok_or_else(|| anyhow::anyhow!("Redis answered nothing"))?;
        anyhow::ensure!(debts.len() == asks.len(), "Redis answered for {} of {} buckets", debts.len(), asks.len());
        if self.away_until.swap(0, Ordering::Relaxed) != 0 {
            tracing::info!("limits are counted in Redis again");
        }
        Ok(Taken { passed: *passed == 1, debts: debts.to_vec() })
    }
}

impl fmt::Debug for InRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InRedis")
    }
}
