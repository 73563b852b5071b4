//! How a caller stands with a limit, and how an answer says it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chassis::problem::Problem;

use super::{Ask, Taken};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How the tightest of a request's limits stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name.
    pub limit: String,
    /// Whether the request may go on.
    pub passed: bool,
    /// Requests that the limit takes at once.
    pub burst: u64,
    /// Requests that would pass now.
    pub remaining: u64,
    /// Seconds until the whole burst would pass again.
    pub reset: u64,
    /// Seconds until one more passes; 0 where some remain.
    pub retry_after: u64,
    /// Seconds in which `burst` requests leave the bucket.
    window: u64,
}

impl Standing {
    /// Of the limits that refuse, the one that does so longest; else the one that leaves least room.
    pub(super) fn tightest(asks: &[Ask<'_>], taken: &Taken) -> Option<Self> {
        let standings = asks.iter().zip(&taken.debts).map(|(ask, debt)| {
            let bucket = ask.rule.bucket;
            Self {
                limit: ask.rule.name.clone(),
                passed: taken.passed,
                burst: bucket.burst(),
                remaining: bucket.room(*debt),
                reset: seconds(*debt),
                retry_after: seconds(bucket.wait(*debt)),
                window: seconds(bucket.capacity()),
            }
        });
        standings.min_by_key(|standing| (standing.remaining, u64::MAX - standing.retry_after))
    }

    /// 429, unless it passed.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub fn check(&self) -> Result<(), Problem> {
        if self.passed {
            Ok(())
        } else {
            Err(Problem::too_many(u32::try_from(self.retry_after.max(1)).unwrap_or(u32::MAX)))
        }
    }

    /// Says it in the headers of draft-ietf-httpapi-ratelimit-headers-07, the last with a header for each figure, which is
    /// what clients read.
    pub fn dress(&self, headers: &mut HeaderMap) {
        for (name, figure) in [(LIMIT, self.burst), (REMAINING, self.remaining), (RESET, self.reset)] {
            headers.insert(name, HeaderValue::from(figure));
        }
        if let Ok(policy) = HeaderValue::from_str(&format!("{};w={}", self.burst, self.window)) {
            headers.insert(POLICY, policy);
        }
    }
}

/// Begun seconds count as whole: whoever waits them out is let in.
const fn seconds(micros: u64) -> u64 {
    micros.div_ceil(1_000_000)
}
