//! How many requests come through: per address and per user, by the limits that a route names.
//!
//! The count is kept in Redis, so that all gateways share it: one round trip for all limits of a request. While Redis is
//! away each gateway counts for itself by the same rules.

pub mod bucket;
mod here;
mod redis;
mod standing;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chassis::address::subscriber;
use chassis::redis::Redis;

use self::bucket::Bucket;
use self::here::Here;
use self::redis::InRedis;
use crate::config::{Key, Limit};

pub use standing::Standing;

/// Every limit of the configuration, and how full each caller's buckets are.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    rules: BTreeMap<String, Rule>,
    in_redis: InRedis,
    here: Here,
}

#[derive(Debug)]
struct Rule {
    name: String,
    key: Key,
    bucket: Bucket,
}

/// Whom a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The signed-in user; none without a good token.
    pub user: Option<i64>,
    /// The address, as far as it is known.
    pub address: Option<IpAddr>,
}

/// One bucket that a request needs a place in.
#[derive(Debug)]
struct Ask<'a> {
    rule: &'a Rule,
    /// Its name in Redis.
    key: String,
}

/// What became of asking all buckets at once: the microseconds that each is full for, taken or left as they are.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    passed: bool,
    debts: Vec<u64>,
}

impl Limits {
    /// The limits by name, counted in this Redis.
    pub fn new(limits: &BTreeMap<String, Limit>, redis: Redis) -> Self {
        let rule = |(name, limit): (&String, &Limit)| {
            let rule = Rule { name: name.clone(), key: limit.key, bucket: limit.bucket() };
            (name.clone(), rule)
        };
        let rules = limits.iter().map(rule).collect();
        Self(Arc::new(Parts { rules, in_redis: InRedis::new(redis), here: Here::default() }))
    }

    /// Takes a place in every bucket that these limits have for the caller, or in none; says how the tightest stands.
    /// `None` where no limit applies.
    pub async fn take(&self, names: &[String], caller: Caller) -> Option<Standing> {
        let rules = names.iter().filter_map(|name| self.0.rules.get(name));
        let asks: Vec<Ask<'_>> = rules.filter_map(|rule| Ask::of(rule, caller)).collect();
        if asks.is_empty() {
            return None;
        }
        let taken = match self.0.in_redis.take(&asks).await {
            Some(taken) => taken,
            None => self.0.here.take(&asks, now()),
        };
        let standing = Standing::tightest(&asks, &taken);
        if let Some(standing) = standing.as_ref().filter(|standing| !standing.passed) {
            metrics::counter!("gateway_limited_total", "limit" => standing.limit.clone()).increment(1);
        }
        standing
    }
}

impl<'a> Ask<'a> {
    /// Of nobody whose address is not known either, nothing can be counted.
    fn of(rule: &'a Rule, caller: Caller) -> Option<Self> {
        let user = caller.user.filter(|_| rule.key == Key::User).map(|user| format!("user:{user}"));
        let whose = user.or_else(|| caller.address.map(|address| format!("address:{}", subscriber(address))))?;
        Some(Self { rule, key: format!("ehs:limit:{}:{whose}", rule.name) })
    }
}

/// Microseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_a_user_or_an_address() {
        let limit = |key| Rule { name: "l".into(), key, bucket: Bucket::new(1, 1) };
        let address = Some("203.0.113.7".parse().unwrap());
        for (key, user, address, named) in [
            (Key::User, Some(7), address, Some("ehs:limit:l:user:7")),
            (Key::User, None, address, Some("ehs:limit:l:address:203.0.113.7")),
            (Key::Address, Some(7), address, Some("ehs:limit:l:address:203.0.113.7")),
            (Key::Address, Some(7), None, None),
        ] {
            let rule = limit(key);
            let ask = Ask::of(&rule, Caller { user, address });
            assert_eq!(ask.map(|ask| ask.key).as_deref(), named);
        }
    }
}
