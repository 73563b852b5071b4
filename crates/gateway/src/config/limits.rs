//! Limits on how many requests come through.

use chassis::strict_json::{Fault, Faults as Broken};
use deserr::Deserr;
use serde::Serialize;

use super::load;
use crate::limits::bucket::Bucket;

/// One limit; routes name it.
#[derive(Clone, Debug, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Limit {
    /// Whose requests are counted together.
    pub key: Key,
    /// This many requests …
    #[deserr(try_from(u64) = load::positive -> Fault)]
    requests: u64,
    /// … in so many seconds, evenly.
    #[deserr(try_from(u64) = load::positive -> Fault)]
    per_s: u64,
    /// Requests that may come at once; as many as `requests` when absent.
    #[deserr(default)]
    burst: Option<u64>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, Serialize)]
#[deserr(error = Broken, rename_all = lowercase)]
#[serde(rename_all = "lowercase")]
pub enum Key {
    /// The signed-in user's; those of nobody by address.
    User,
    /// Those of one address; of one /64 in IPv6.
    Address,
}

impl Limit {
    /// As the algorithm wants it.
    pub fn bucket(&self) -> Bucket {
        Bucket::new(self.per_s.saturating_mul(1_000_000) / self.requests, self.burst.unwrap_or(self.requests))
    }
}
