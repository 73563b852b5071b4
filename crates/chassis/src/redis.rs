//! Redis, as the services ask it. It holds nothing that cannot be rebuilt; its absence is a value that the caller must handle.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `REDIS_URL` | `redis://…` | required |
//! | `EHS_REDIS_DEADLINE_MS` | how long anything asked of Redis may take | 250 |

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use anyhow::Context;
use deadpool_redis::redis::RedisResult;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::{Config, Connection, Pool, Runtime, Timeouts};
use secrecy::{ExposeSecret, SecretString};

use crate::env::Env;

pub use deadpool_redis::redis as client;

/// After a failure Redis is left alone for this long, so that not every request waits out the deadline.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Settings; see the module's table.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Where Redis is.
    pub url: SecretString,
    /// How long anything asked of Redis may take.
    pub deadline: Duration,
}

impl RedisConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let url = env.secret("REDIS_URL");
        let deadline = env.or("EHS_REDIS_DEADLINE_MS", 250);
        Some(Self { url: url?, deadline: Duration::from_millis(deadline?) })
    }
}

/// A Redis, connected to when it is first asked. Cheap to clone.
///
/// Questions asked at once travel together over one connection per thread: each of actix's workers is a thread with a runtime
/// of its own, and a connection lives in the runtime that opened it. A pool would ask `PING` before each question.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    doors: Pool,
    deadline: Duration,
    open: Mutex<HashMap<ThreadId, MultiplexedConnection>>,
    alone_until: Mutex<Option<Instant>>,
}

/// Redis was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
#[error("Redis is away: {0}")]
pub struct Away(Box<dyn Error + Send + Sync>);

impl Redis {
    /// The Redis of these settings.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn new(config: &RedisConfig) -> anyhow::Result<Self> {
        let deadline = Some(config.deadline);
        let mut settings = Config::from_url(config.url.expose_secret());
        let timeouts = Timeouts { wait: deadline, create: deadline, recycle: deadline };
        settings.pool = Some(deadpool_redis::PoolConfig { timeouts, ..deadpool_redis::PoolConfig::default() });
        let doors = settings.create_pool(Some(Runtime::Tokio1)).context("REDIS_URL cannot be used")?;
        let (open, alone_until) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { doors, deadline: config.deadline, open, alone_until })))
    }

    /// What Redis answers to a question, within the deadline. After a failure it is not asked at all for a second.
    ///
    /// # Errors
    /// It was not asked, or did not answer in time; the caller decides what that means.
    pub async fn ask<T, F>(&self, question: impl Fn(MultiplexedConnection) -> F) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        if self.0.alone_until().is_some_and(|until| until > Instant::now()) {
            return Err(Away("it failed a moment ago".into()));
        }
        self.insist(question).await
    }

    /// The same, and asked even right after a failure: where going without the answer is worse than waiting for it.
    ///
    /// # Errors
    /// It did not answer in time.
    pub async fn insist<T, F>(&self, question: impl Fn(MultiplexedConnection) -> F) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let why = match tokio::time::timeout(self.0.deadline, self.0.asked(question)).await {
            Ok(Ok(answer)) => {
                if self.0.alone_until().take().is_some() {
                    tracing::info!("Redis answers again");
                }
                return Ok(answer);
            }
            Ok(Err(fault)) => fault,
            Err(late) => Away(late.into()),
        };
        self.0.close();
        if self.0.alone_until().replace(Instant::now() + LEFT_ALONE).is_none() {
            tracing::warn!(%why, "Redis does not answer");
        }
        Err(why)
    }
}

impl Inner {
    async fn asked<T, F>(&self, question: impl Fn(MultiplexedConnection) -> F) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let kept = self.connections().get(&thread::current().id()).cloned();
        if let Some(kept) = kept {
            match question(kept).await {
                // the connection's end and not Redis': it may have been closed while nobody asked
                Err(fault) if fault.is_unrecoverable_error() => self.close(),
                answered => return answered.map_err(|fault| Away(fault.into())),
            }
        }
        let opened = Connection::take(self.doors.get().await.map_err(|fault| Away(fault.into()))?);
        self.connections().insert(thread::current().id(), opened.clone());
        question(opened).await.map_err(|fault| Away(fault.into()))
    }

    /// Lets this thread's connection go.
    fn close(&self) {
        self.connections().remove(&thread::current().id());
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<ThreadId, MultiplexedConnection>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alone_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.alone_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}
