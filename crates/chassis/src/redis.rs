//! Redis: the pool. It holds nothing that cannot be rebuilt; its absence is a value that the caller must handle.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `REDIS_URL` | `redis://…` | required |
//! | `EHS_REDIS_POOL_SIZE` | connections at most | 16 |
//! | `EHS_REDIS_DEADLINE_MS` | how long anything asked of Redis may take | 250 |

use std::time::Duration;

use anyhow::Context;
use deadpool_redis::{Config, Pool, PoolConfig, Runtime, Timeouts};
use secrecy::{ExposeSecret, SecretString};

use crate::env::Env;

pub use deadpool_redis;

/// Settings of the pool; see the module's table.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Where Redis is.
    pub url: SecretString,
    /// Connections at most.
    pub pool_size: usize,
    /// How long anything asked of Redis may take.
    pub deadline: Duration,
}

impl RedisConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let url = env.secret("REDIS_URL");
        let pool_size = env.or("EHS_REDIS_POOL_SIZE", 16);
        let deadline = env.or("EHS_REDIS_DEADLINE_MS", 250);
        Some(Self { url: url?, pool_size: pool_size?, deadline: Duration::from_millis(deadline?) })
    }
}

/// A pool that connects lazily and gives up after [`RedisConfig::deadline`].
///
/// # Errors
/// When the URL cannot be read.
pub fn pool(config: &RedisConfig) -> anyhow::Result<Pool> {
    let deadline = Some(config.deadline);
    let mut settings = Config::from_url(config.url.expose_secret());
    settings.pool = Some(PoolConfig {
        max_size: config.pool_size,
        timeouts: Timeouts { wait: deadline, create: deadline, recycle: deadline },
        ..PoolConfig::default()
    });
    settings.create_pool(Some(Runtime::Tokio1)).context("REDIS_URL cannot be used")
}
