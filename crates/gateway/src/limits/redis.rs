//! The buckets that all gateways share, in Redis.

use std::fmt;

use chassis::redis::client::Script;
use chassis::redis::{Away, Redis};

use super::{Ask, Taken};

pub(super) struct InRedis {
    redis: Redis,
    take: Script,
}

impl InRedis {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis, take: Script::new(include_str!("take.lua")) }
    }

    /// `None` while Redis is away.
    pub(super) async fn take(&self, asks: &[Ask<'_>]) -> Option<Taken> {
        let mut script = self.take.prepare_invoke();
        for ask in asks {
            let bucket = ask.rule.bucket;
            script.key(&ask.key).arg(bucket.every()).arg(bucket.capacity());
        }
        let script = &script;
        let answered: Result<Vec<u64>, Away> =
            self.redis.ask(|mut redis| async move { script.invoke_async(&mut redis).await }).await;
        let taken = answered.ok().and_then(|answer| {
            let (passed, debts) = answer.split_first()?;
            (debts.len() == asks.len()).then(|| Taken { passed: *passed == 1, debts: debts.to_vec() })
        });
        if taken.is_none() {
            metrics::counter!("gateway_limits_counted_here_total").increment(1);
        }
        taken
    }
}

impl fmt::Debug for InRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InRedis")
    }
}
