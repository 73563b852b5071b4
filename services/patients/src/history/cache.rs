//! Histories in Redis, for 300 seconds. A copy is never stale: its key names the version of the history, which every
//! reader takes from PostgreSQL in the query that says whether they may read it at all, and which the database itself
//! counts up in the transaction of whatever changes the history.
//!
//! However many wait for a history that is not there, one loads it: of a process the others wait for that one's answer, of
//! other processes for a lock in Redis, which is held as long as it loads; none waits longer than a reader does. Redis away or
//! slow means reading PostgreSQL. Copies are sealed (AES-256-GCM, bound to their key), so that Redis holds nothing that it could
//! tell.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use auth::Reach;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use chassis::db;
use chassis::page::CursorKey;
use chassis::problem::Problem;
use chassis::redis::client::{Cmd, FromRedisValue, cmd};
use chassis::redis::{Away, Redis, RedisConfig};
use chrono_tz::Tz;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::timeout;
use uuid::Uuid;

use super::whole::{self, Extent, Snapshot};

/// How long a copy is kept.
const KEPT: Duration = Duration::from_secs(300);
/// A larger history is not copied.
const LARGEST: usize = 1024 * 1024;
/// How long a process says that it is loading; it says so again as long as it is, and one that died is not waited for longer.
const LOCKED: Duration = Duration::from_secs(2);
/// How often it says so.
const SAY_AGAIN: Duration = Duration::from_millis(500);
/// How often another one looks whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a reader waits for whoever loads, and a process for another.
const PATIENCE: Duration = Duration::from_secs(8);
/// Ends a lock that is still one's own: key, token.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
/// Prolongs it: key, token, milliseconds.
const PROLONG: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";
const NONCE: usize = 12;

/// Whose history, and which copy of it. The reach is part of it: should one reach ever be shown less than another, no copy
/// crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Which {
    /// The patient.
    pub patient: i64,
    /// The version that the reader was told of.
    pub version: i64,
    /// How far the reader may go.
    pub reach: Reach,
    /// Those entered in error too.
    pub with_errors: bool,
}

/// The histories of a process's readers. Cheap to clone.
#[derive(Clone)]
pub struct Histories(Arc<Inner>);

struct Inner {
    db: db::Pool,
    redis: Redis,
    seal: RandomizedNonceKey,
    /// Copies under another key have other names.
    names: String,
    zone: Tz,
    flights: Mutex<HashMap<Which, Flight>>,
}

type Flight = Shared<BoxFuture<'static, Result<Snapshot, Fault>>>;

/// Why a history could not be loaded; all who waited for it hear of it.
#[derive(Clone)]
struct Fault(Arc<dyn StdError + Send + Sync>);

/// Who loads a history.
enum Turn {
    /// Nobody: somebody else has.
    Found(Snapshot),
    /// This process, which holds the lock with this token.
    Mine(Uuid),
}

impl Histories {
    /// Loads from `db`, keeps copies in the Redis of `redis`, sealed with a key made of `key`.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(db: db::Pool, redis: &RedisConfig, key: &CursorKey, zone: Tz) -> anyhow::Result<Self> {
        let names = key.derive("names of medical histories");
        Ok(Self(Arc::new(Inner {
            db,
            redis: Redis::new(redis)?,
            seal: RandomizedNonceKey::new(&AES_256_GCM, &key.derive("copies of medical histories"))?,
            names: names.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
            zone,
            flights: Mutex::default(),
        })))
    }

    /// The history at the version that the reader was told of, or a later one.
    ///
    /// # Errors
    /// 503 when it is not copied and PostgreSQL cannot be read in time.
    #[tracing::instrument(name = "history.read", skip_all)]
    pub async fn read(&self, which: Which) -> Result<Snapshot, Problem> {
        if let Ok(Some(found)) = self.0.look(&which).await {
            count("hit");
            return Ok(found);
        }
        let loaded = timeout(PATIENCE, self.join(which)).await.map_err(unavailable)?;
        loaded.map_err(unavailable)
    }

    /// Who comes first loads, in a task of its own that goes on when the reader hangs up; the others share what it finds.
    fn join(&self, which: Which) -> Flight {
        let mut flights = lock(&self.0.flights);
        if let Some(flight) = flights.get(&which) {
            count("shared");
            return flight.clone();
        }
        let landing = Landing(self.0.clone(), which);
        let task = tokio::spawn(async move { landing.0.fetch(&landing.1).await });
        let flight = async move { task.await.unwrap_or_else(|fault| Err(Fault::of(fault))) }.boxed().shared();
        flights.insert(which, flight.clone());
        flight
    }
}

impl Inner {
    /// What one of a process's readers does for all of them.
    async fn fetch(&self, which: &Which) -> Result<Snapshot, Fault> {
        let (loaded, token) = match timeout(PATIENCE, self.take_turns(which)).await {
            Ok(Ok(Turn::Found(found))) => {
                count("shared");
                return Ok(found);
            }
            Ok(Ok(Turn::Mine(token))) => (self.load_locked(which, token).await, Some(token)),
            // Without Redis there is nothing to wait by.
            Ok(Err(_away)) => (self.load(which).await, None),
            // Whoever holds the lock still loads, and no reader waits any more.
            Err(elapsed) => return Err(Fault::of(elapsed)),
        };
        if let Ok(snapshot) = &loaded {
            self.keep(which, snapshot).await;
        }
        if let Some(token) = token {
            self.release(which, token).await;
        }
        loaded
    }

    /// One process loads, the others wait for its copy.
    async fn take_turns(&self, which: &Which) -> Result<Turn, Away> {
        let token = Uuid::new_v4();
        loop {
            if let Some(turn) = self.turn(which, token).await? {
                return Ok(turn);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A copy, or the lock; neither while another process has it.
    async fn turn(&self, which: &Which, token: Uuid) -> Result<Option<Turn>, Away> {
        let mut lock = cmd("SET");
        lock.arg(self.lock_name(which)).arg(token.to_string()).arg("NX").arg("PX").arg(millis(LOCKED));
        let mine = self.ask::<Option<String>>(&lock).await?.is_some();
        // After the lock was taken too: who had it before may have left a copy.
        let found = self.look(which).await?;
        if mine && found.is_some() {
            self.release(which, token).await;
        }
        Ok(found.map(Turn::Found).or_else(|| mine.then_some(Turn::Mine(token))))
    }

    /// Loads, and keeps the lock meanwhile.
    async fn load_locked(&self, which: &Which, token: Uuid) -> Result<Snapshot, Fault> {
        let mut load = pin!(self.load(which));
        loop {
            match timeout(SAY_AGAIN, load.as_mut()).await {
                Ok(loaded) => return loaded,
                Err(_elapsed) => {
                    let mut prolong = cmd("EVAL");
                    prolong.arg(PROLONG).arg(1).arg(self.lock_name(which)).arg(token.to_string()).arg(millis(LOCKED));
                    // Where it cannot be said, another process may load too.
                    let _ = self.ask::<i64>(&prolong).await;
                }
            }
        }
    }

    /// Ends the lock, if it is still this one: another process may have taken it meanwhile.
    async fn release(&self, which: &Which, token: Uuid) {
        let mut release = cmd("EVAL");
        release.arg(RELEASE).arg(1).arg(self.lock_name(which)).arg(token.to_string());
        // It would end by itself.
        let _ = self.ask::<i64>(&release).await;
    }

    #[tracing::instrument(name = "history.load", skip_all)]
    async fn load(&self, which: &Which) -> Result<Snapshot, Fault> {
        let began = Instant::now();
        count("load");
        let mut conn = self.db.get().await.map_err(Fault::of)?;
        let extent = Extent { with_errors: which.with_errors, beyond: None };
        let loaded = whole::load(&mut conn, which.patient, extent, self.zone).await.map_err(Fault::of);
        metrics::histogram!("history_load_seconds").record(began.elapsed().as_secs_f64());
        loaded
    }

    async fn look(&self, which: &Which) -> Result<Option<Snapshot>, Away> {
        let name = self.name(which);
        let sealed: Option<Vec<u8>> = self.ask(cmd("GET").arg(&name)).await?;
        Ok(sealed.and_then(|sealed| self.open(&name, sealed)))
    }

    async fn keep(&self, which: &Which, snapshot: &Snapshot) {
        let name = self.name(which);
        if snapshot.body.len() > LARGEST {
            count("too_large");
        } else if let Some(sealed) = self.sealed(&name, snapshot) {
            let mut set = cmd("SET");
            set.arg(&name).arg(sealed).arg("PX").arg(millis(KEPT));
            // Whoever comes next loads it again.
            let _ = self.ask::<()>(&set).await;
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let asked = self.redis.ask(|mut redis| async move { command.query_async(&mut redis).await }).await;
        asked.inspect_err(|_away| count("bypass"))
    }

    fn name(&self, which: &Which) -> String {
        let Which { patient, version, reach, with_errors } = which;
        let extent = if *with_errors { "all" } else { "valid" };
        format!("ehs:history:{}:{patient}:{version}:{}:{extent}", self.names, reach.as_str())
    }

    fn lock_name(&self, which: &Which) -> String {
        format!("{}:lock", self.name(which))
    }

    /// Nonce, then version and body; `None` does not happen with a key that is one.
    fn sealed(&self, name: &str, snapshot: &Snapshot) -> Option<Vec<u8>> {
        let mut text = snapshot.version.to_be_bytes().to_vec();
        text.extend_from_slice(&snapshot.body);
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut text).ok()?;
        Some([nonce.as_ref().as_slice(), &text].concat())
    }

    /// `None` when it is not ours, or another history's.
    fn open(&self, name: &str, mut sealed: Vec<u8>) -> Option<Snapshot> {
        let (nonce, text) = sealed.split_at_mut_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.seal.open_in_place(nonce, Aad::from(name.as_bytes()), text).ok()?;
        let (version, body) = text.split_first_chunk::<8>()?;
        Some(Snapshot { version: i64::from_be_bytes(*version), body: Bytes::copy_from_slice(body) })
    }
}

/// Takes the flight off the map when its task ends, however it ends.
struct Landing(Arc<Inner>, Which);

impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.0.flights).remove(&self.1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn count(outcome: &'static str) {
    metrics::counter!("history_cache_total", "outcome" => outcome).increment(1);
}

fn unavailable(cause: impl StdError + Send + Sync + 'static) -> Problem {
    Problem::unavailable("the medical history", cause)
}

impl Fault {
    fn of(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self(Arc::new(cause))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fault")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it could not be loaded")
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.0.as_ref())
    }
}
