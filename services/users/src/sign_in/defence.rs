//! Guessing made slow: how often a password may be wrong, per address and per account.
//!
//! Both counts are kept in Redis, looked at and written by one script in one round trip. Each wrong password costs more waiting than the last.
//!
//! Invariant: nobody locks somebody else out. The address's limit stops the address alone. The account's limit is for
//! strangers: an address that has signed in to the account lately passes it. It never waits longer than
//! [`MOST_ACCOUNT_WAIT`], and so the owner gets in from anywhere in the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::address::subscriber;
use chassis::problem::Problem;
use chassis::redis::client::Script;
use chassis::redis::{Away, Redis};

use super::origin::Origin;
use super::refresh_token::sha256;

/// The longest that an address waits after wrong passwords.
pub const MOST_ADDRESS_WAIT: Duration = Duration::from_secs(900);
/// The longest that strangers to an account wait.
pub const MOST_ACCOUNT_WAIT: Duration = Duration::from_secs(60);
/// How long an address is known to an account after signing in there.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// For how long wrong passwords are remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);
/// Addresses and accounts that are counted here while Redis is away.
const MOST_COUNTED_HERE: usize = 10_000;

/// How many wrong passwords are free.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// From one address, to whatever accounts: a hospital's people share one.
    pub per_address: u32,
    /// To one account, from addresses that it does not know.
    pub per_account: u32,
    /// Mails with a reset token that one address asks for; free, as wrong passwords are.
    pub resets_per_address: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { per_address: 30, per_account: 10, resets_per_address: 30 }
    }
}

/// Counts wrong passwords. Cheap to clone.
#[derive(Clone)]
pub struct Defence {
    redis: Redis,
    allowance: Allowance,
    here: Arc<Mutex<HashMap<String, Wrong>>>,
}

/// Counted in this process, while Redis is away.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    last: Instant,
}

/// Who tries to sign in as whom. Neither is readable in Redis.
pub struct Attempt {
    address: String,
    account: String,
    known: String,
}

impl Attempt {
    /// The name is hashed as typed, without regard to case; whether it is anybody's makes no difference.
    #[must_use]
    pub fn new(origin: &Origin, name: &str) -> Self {
        let address = origin.address.map_or_else(|| "nowhere".to_owned(), |address| subscriber(address).to_string());
        let account = digest(&name.trim().to_lowercase());
        let known = format!("ehs:signin:{{{account}}}:known:{}", digest(&address));
        Self {
            address: format!("ehs:signin:address:{}", digest(&address)),
            account: format!("ehs:signin:{{{account}}}:wrong"),
            known,
        }
    }

    /// Somebody asks for a reset mail to `email`. How many one mailbox gets is the queue's to bound, silently.
    #[must_use]
    pub fn to_reset(origin: &Origin, email: &str) -> Self {
        let address = origin.address.map_or_else(|| "nowhere".to_owned(), |address| subscriber(address).to_string());
        let account = digest(&email.trim().to_lowercase());
        Self {
            address: format!("ehs:reset:address:{}", digest(&address)),
            account: format!("ehs:reset:{{{account}}}:asked"),
            known: format!("ehs:reset:{{{account}}}:known"),
        }
    }
}

fn digest(text: &str) -> String {
    sha256(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds to wait before this attempt may be made; an attempt that need not wait is counted as wrong at once, so that
/// many at the same instant do not all pass. `right` takes it back.
const ADMIT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function wait(key, free, most)
  local times = tonumber(redis.call('HGET', key, 'times') or '0')
  if times < free then return 0 end
  local last = tonumber(redis.call('HGET', key, 'last') or '0')
  local pause = 1000 * math.min(most, 2 ^ math.min(times - free, 20))
  return math.max(0, math.ceil((last + pause - now) / 1000))
end
local longest = wait(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[3]))
if redis.call('EXISTS', KEYS[3]) == 0 then
  longest = math.max(longest, wait(KEYS[2], tonumber(ARGV[2]), tonumber(ARGV[4])))
end
if longest > 0 then return longest end
for i = 1, 2 do
  redis.call('HINCRBY', KEYS[i], 'times', 1)
  redis.call('HSET', KEYS[i], 'last', string.format('%.0f', now))
  redis.call('EXPIRE', KEYS[i], tonumber(ARGV[5]))
end
return 0
";

/// The password was right: the address is known now, the account starts afresh, and the address has this one back. Its
/// other wrong ones stay, or a guesser would sign in to an account of their own between guesses.
const RIGHT: &str = r"
redis.call('SET', KEYS[3], 1, 'EX', tonumber(ARGV[1]))
redis.call('DEL', KEYS[2])
if redis.call('HINCRBY', KEYS[1], 'times', -1) <= 0 then redis.call('DEL', KEYS[1]) end
return 0
";

impl Defence {
    /// Counts in this Redis.
    #[must_use]
    pub fn new(redis: Redis, allowance: Allowance) -> Self {
        Self { redis, allowance, here: Arc::default() }
    }

    /// Lets an attempt be made, and counts it as wrong until [`right`](Self::right) is said of it.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub async fn admit(&self, attempt: &Attempt) -> Result<(), Problem> {
        let Allowance { per_address, per_account, .. } = self.allowance;
        self.let_in(attempt, per_address, per_account).await
    }

    /// Lets an address ask for one more mail with a reset token.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub async fn admit_reset(&self, asked: &Attempt) -> Result<(), Problem> {
        self.let_in(asked, self.allowance.resets_per_address, u32::MAX).await
    }

    async fn let_in(&self, attempt: &Attempt, per_address: u32, per_account: u32) -> Result<(), Problem> {
        let [longest, longest_for_strangers, remembered] =
            [MOST_ADDRESS_WAIT, MOST_ACCOUNT_WAIT, REMEMBERED_FOR].map(|time| time.as_secs());
        let limits = [per_address.into(), per_account.into(), longest, longest_for_strangers, remembered];
        let wait = match self.ask(ADMIT, attempt, &limits).await {
            Ok(seconds) => seconds,
            Err(fault) => {
                metrics::counter!("sign_in_defence_alone_total").increment(1);
                tracing::warn!(%fault, "wrong passwords are counted by this process alone");
                self.admit_here(attempt, per_address, per_account)
            }
        };
        if wait == 0 {
            return Ok(());
        }
        metrics::counter!("sign_ins_delayed_total").increment(1);
        Err(Problem::too_many(u32::try_from(wait).unwrap_or(u32::MAX)))
    }

    /// The password was right.
    pub async fn right(&self, attempt: &Attempt) {
        if let Err(fault) = self.ask(RIGHT, attempt, &[KNOWN_FOR.as_secs()]).await {
            tracing::warn!(%fault, "a right password was not noted");
            self.counted_here().remove(&attempt.account);
        }
    }

    /// Asked even right after a failure: the stricter count here is for when there is no other.
    async fn ask(&self, script: &str, attempt: &Attempt, arguments: &[u64]) -> Result<u64, Away> {
        let script = Script::new(script);
        let mut call = script.key(&attempt.address);
        call.key(&attempt.account).key(&attempt.known);
        for argument in arguments {
            call.arg(*argument);
        }
        let call = &call;
        self.redis.insist(|mut redis| async move { call.invoke_async(&mut redis).await }).await
    }

    /// Stricter: half as many are free, and nobody is known.
    fn admit_here(&self, attempt: &Attempt, per_address: u32, per_account: u32) -> u64 {
        let now = Instant::now();
        let mut counted = self.counted_here();
        let limits = [
            (&attempt.address, per_address / 2, MOST_ADDRESS_WAIT),
            (&attempt.account, per_account / 2, MOST_ACCOUNT_WAIT),
        ];
        let waits = limits.map(|(key, free, most)| counted.get(key).map_or(0, |wrong| wrong.wait(now, free, most)));
        let wait = waits.into_iter().max().unwrap_or_default();
        if wait == 0 {
            counted.retain(|_, wrong| now.duration_since(wrong.last) < REMEMBERED_FOR);
            if counted.len() >= MOST_COUNTED_HERE {
                return 1;
            }
            for (key, ..) in limits {
                let wrong = counted.entry(key.clone()).or_insert(Wrong { times: 0, last: now });
                *wrong = Wrong { times: wrong.times.saturating_add(1), last: now };
            }
        }
        wait
    }

    fn counted_here(&self) -> std::sync::MutexGuard<'_, HashMap<String, Wrong>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wrong {
    /// As the script does it.
    fn wait(&self, now: Instant, free: u32, most: Duration) -> u64 {
        let Some(beyond) = self.times.checked_sub(free) else { return 0 };
        let pause = 2_u64.saturating_pow(beyond.min(20)).min(most.as_secs());
        pause.saturating_sub(now.duration_since(self.last).as_secs())
    }
}

impl std::fmt::Debug for Defence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Defence").field("allowance", &self.allowance).finish_non_exhaustive()
    }
}
